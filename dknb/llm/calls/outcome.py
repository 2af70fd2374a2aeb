"""What the pipeline adds to an answer: provider, time, price; and what is left of one that broke off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from ...errors import ContextTooLong, ProviderError
from ..config import LLMConfig
from ..counting.calibration import learn
from ..messages import LLMResponse, LLMStreamResponse
from ..parts import ToolCall, ToolCallPiece, arguments_of
from ..request import ModelRequest

__all__ = ["final_piece", "finish", "last_of", "partial_response", "with_sizes", "without_requests"]


_priced: set[tuple[str, str]] = set()


async def finish(
    response: LLMResponse, request: ModelRequest, seconds: float | None, address: str | None = None
) -> None:
    """Complete an answer: ``metadata`` gets provider and, if known, duration, ``cost_usd`` the price where it is known."""
    response.model = response.model or request.model
    response.metadata["provider"] = request.provider
    if seconds is not None:
        response.metadata["duration_s"] = seconds
    if response.cost_usd is None and response.usage:
        response.cost_usd = await _price(response, request.provider)
    learn(request, response.usage, address)
    if response.function_call is None and response.tool_calls:
        call = response.tool_calls[0]
        response.function_call = {"name": call.name, "arguments": call.arguments_json}


async def _price(response: LLMResponse, provider: str) -> float | None:
    from ..counting.costs import CostCalculator

    if (provider, response.model) in _priced:
        return CostCalculator.calculate_cost(response)
    # The first price of a model loads tables for a tenth of a second; a loop must not wait for that.
    price = await asyncio.to_thread(CostCalculator.calculate_cost, response)
    _priced.add((provider, response.model))
    return price


async def last_of(pieces: AsyncGenerator[LLMStreamResponse | None, None]) -> LLMResponse:
    """The whole answer of a stream, signs of life among its pieces or not."""
    response = None
    async with aclosing(pieces):
        async for piece in pieces:
            response = piece.response if piece is not None else None
    assert response is not None
    return response


def partial_response(arrived: Iterable[tuple[float, LLMStreamResponse]], request: ModelRequest) -> LLMResponse:
    """What the pieces of an answer make that broke off; each comes with its time."""
    pieces = [piece for _, piece in arrived]
    return LLMResponse(
        content="".join([piece.delta for piece in pieces]),
        model=request.model,
        reasoning="".join([piece.reasoning for piece in pieces]) or None,
        metadata={"provider": request.provider, "incomplete": True},
        tool_calls=_begun_calls(pieces),
    )


def _begun_calls(pieces: Iterable[LLMStreamResponse]) -> list[ToolCall]:
    """The tool calls that had begun, with their arguments as far as they came."""
    begun: dict[int, list[ToolCallPiece]] = {}
    for piece in pieces:
        if piece.tool_call is not None:
            begun.setdefault(piece.tool_call.index, []).append(piece.tool_call)
    calls = []
    for first, *rest in begun.values():
        text = "".join([fragment.arguments for fragment in (first, *rest)])
        calls.append(ToolCall(first.name, arguments_of(text), first.id, raw_arguments=text))
    return calls


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


async def with_sizes(error: ProviderError, request: ModelRequest, config: LLMConfig) -> None:
    """Give an error of too long messages the numbers that the server did not tell: what is known, and an estimate."""
    if isinstance(error, ContextTooLong) and (error.tokens is None or error.limit is None):
        tokens, limit = await asyncio.to_thread(_sizes, request, config)
        error.tokens = tokens if error.tokens is None else error.tokens
        error.limit = limit if error.limit is None else error.limit
        if error.limit is not None:
            about = f"They are about {error.tokens:,} tokens, by an estimate; the model takes {error.limit:,}. "
            error.hint = about + (error.hint or "")


def _sizes(request: ModelRequest, config: LLMConfig) -> tuple[int, int | None]:
    from ..counting.model_facts import context_window
    from .expected import prompt_tokens

    return prompt_tokens(request, config), context_window(request.model, request.provider)


#: Packages whose errors hold the request that failed, and so the key in its headers.
_CARRIERS = frozenset({"openai", "anthropic", "httpx", "httpx2", "aiohttp", "huggingface_hub"})


def without_requests(error: BaseException) -> None:
    """Cut from under an error those of the SDKs; what they say is in its text."""
    link: BaseException | None = error
    while link is not None:
        for name in ("__cause__", "__context__"):
            below = getattr(link, name)
            if below is not None and type(below).__module__.partition(".")[0] in _CARRIERS:
                setattr(link, name, None)
        link = link.__cause__ or link.__context__
