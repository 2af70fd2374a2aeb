"""What the pipeline adds to an answer: provider, time, price; and what is left of one that broke off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from .messages import LLMResponse, LLMStreamResponse
from .request import ModelRequest

__all__ = ["final_piece", "finish", "last_of", "partial_response"]

_priced: set[tuple[str, str]] = set()


async def finish(response: LLMResponse, request: ModelRequest, seconds: float) -> None:
    """Complete an answer: ``metadata`` gets provider and duration, ``cost_usd`` the price where it is known."""
    response.model = response.model or request.model
    response.metadata["provider"] = request.provider
    response.metadata["duration_s"] = seconds
    if response.cost_usd is None and response.usage:
        response.cost_usd = await _price(request.provider, response.model, response.usage)
    if response.function_call is None and response.tool_calls:
        call = response.tool_calls[0]
        response.function_call = {"name": call.name, "arguments": call.arguments_json}


async def _price(provider: str, model: str, usage: dict[str, int]) -> float | None:
    from .costs import cost_of

    if (provider, model) in _priced:
        return cost_of(provider, model, usage)
    # The first price of a model loads tables for a tenth of a second; a loop must not wait for that.
    price = await asyncio.to_thread(cost_of, provider, model, usage)
    _priced.add((provider, model))
    return price


async def last_of(pieces: AsyncGenerator[LLMStreamResponse, None]) -> LLMResponse:
    """The whole answer of a stream."""
    response = None
    async with aclosing(pieces):
        async for piece in pieces:
            response = piece.response
    assert response is not None
    return response


def partial_response(pieces: Iterable[LLMStreamResponse], request: ModelRequest) -> LLMResponse:
    """What the pieces of an answer make that broke off."""
    pieces = list(pieces)
    return LLMResponse(
        content="".join([piece.delta for piece in pieces]),
        model=request.model,
        reasoning="".join([piece.reasoning for piece in pieces]) or None,
        metadata={"provider": request.provider, "incomplete": True},
    )


def final_piece(response: LLMResponse) -> LLMStreamResponse:
    """The last piece of a stream whose whole answer is ``response``."""
    return LLMStreamResponse(
        is_final=True,
        finish_reason=response.finish_reason,
        usage=response.usage,
        metadata=response.metadata,
        tool_calls=response.tool_calls,
        model=response.model,
        response=response,
    )
