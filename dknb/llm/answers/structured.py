"""Answers in a shape: read, repaired, validated, and asked for again where they do not fit.

A call with ``response_format`` gives an answer whose ``parsed`` fits, or raises `StructuredOutputError`. An answer that
calls tools is no answer yet, and is given as it is. Each time of asking is a call of its own: recorded, retried and
counted by itself; usage, price and duration of the answer are those of all, and its ``metadata["attempts"]`` tells each.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from ...errors import DknbError, RecordingError, StructuredOutputError
from ..calls.outcome import final_piece
from ..config import LLMConfig
from ..messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..parts import Json, RawPart
from ..request import ModelRequest
from .answer_shape import Misfit, Shape, shape_of
from .schema_modes import instruction

__all__ = ["structured", "structured_pieces"]

Ask = Callable[[ModelRequest], Awaitable[LLMResponse]]

#: Why vendors say that an answer ended: it was too long, or it was not to be given.
_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_context_window_exceeded"})
_REFUSED = frozenset({"refusal", "content_filter", "safety"})
#: Most values in one answer that are tried.
_CANDIDATES = 5
_NO_JSON = "There is no JSON object or array in the answer."


async def structured(ask: Ask, request: ModelRequest, config: LLMConfig) -> LLMResponse:
    """The answer of ``ask``, in the shape that the config wants.

    Raises:
        StructuredOutputError: It does not fit, also after all times of asking.
        ProviderError: A call failed.
    """
    shape = shape_of(config.response_format)
    response = await ask(request)
    return response if shape is None else await _settled(response, _read(response, shape), ask, request, config, shape)


async def structured_pieces(
    pieces: AsyncGenerator[LLMStreamResponse, None], ask: Ask, request: ModelRequest, config: LLMConfig
) -> AsyncGenerator[LLMStreamResponse, None]:
    """A stream whose last piece has the answer in its shape.

    Pieces flow as they come. An answer that does not fit is asked for again, and not streamed then: a piece without text
    but with ``metadata["reask"]``, the faults, says so, and the last piece has the better answer.
    """
    shape = shape_of(config.response_format)
    async with aclosing(pieces):
        async for piece in pieces:
            if shape is None or piece.response is None:
                yield piece
                continue
            reading = _read(piece.response, shape)
            if reading.problem == "invalid" and config.reask_count:
                yield LLMStreamResponse(metadata={"reask": reading.errors})
            yield final_piece(await _settled(piece.response, reading, ask, request, config, shape))


@dataclass(frozen=True)
class _Reading:
    """What was read in an answer: a value that fits, or what is wrong."""

    value: Any = None
    repaired: bool = False
    problem: str | None = None
    errors: Sequence[str] = ()


async def _settled(
    response: LLMResponse, reading: _Reading, ask: Ask, request: ModelRequest, config: LLMConfig, shape: Shape
) -> LLMResponse:
    """The answer if it fits; else the first of the further ones that does."""
    attempts: list[Json] = []
    while not response.tool_calls:
        attempts.append(_told(response, reading))
        response = _summed(response, attempts)
        if reading.problem is None:
            response.parsed = reading.value
            if reading.repaired:
                response.metadata["repaired"] = True
            return response
        if reading.problem != "invalid" or len(attempts) > config.reask_count:
            raise _error(response, reading, shape, request, len(attempts))
        request = _again(request, response, reading)
        try:
            response = await ask(request)
        except RecordingError:
            raise
        except DknbError as error:
            raise _error(response, reading, shape, request, len(attempts), error) from error
        reading = _read(response, shape)
    if attempts:
        response = _summed(response, [*attempts, _told(response, reading)])
    return response


def _read(response: LLMResponse, shape: Shape) -> _Reading:
    if response.tool_calls:
        return _Reading()
    if _is_refusal(response):
        return _Reading(problem="refused", errors=[response.content[:300] or "The model gave no reason."])
    cut = response.finish_reason in _CUT
    errors: list[str] = []
    for value, repaired in _values(response.content, repair=not cut):
        try:
            return _Reading(shape.parsed(value), repaired)
        except Misfit as misfit:
            errors = errors or misfit.errors
    return _Reading(problem="cut" if cut else "invalid", errors=errors or [_NO_JSON])


def _values(text: str, *, repair: bool) -> Sequence[tuple[Any, bool]]:
    """What an answer may mean, the likeliest first, and whether it had to be repaired."""
    try:
        return [(json.loads(text), False)]
    except (ValueError, RecursionError):
        if not repair:
            return []
    from .loose_json import json_values

    return [(found.value, found.repaired) for found in islice(json_values(text), _CANDIDATES)]


def _is_refusal(response: LLMResponse) -> bool:
    said = any(isinstance(part, RawPart) and part.block.get("type") == "refusal" for part in response.parts)
    return said or response.finish_reason in _REFUSED


def _again(request: ModelRequest, response: LLMResponse, reading: _Reading) -> ModelRequest:
    """The request with the answer and what is wrong with it."""
    faults = "\n".join(f"- {error}" for error in reading.errors)
    words = f"This answer cannot be used:\n{faults}\n{instruction(request.settings.get('response_format'))}"
    return replace(request, messages=[*request.messages, response.to_message(), LLMMessage("user", words)])


def _told(response: LLMResponse, reading: _Reading) -> Json:
    """What ``metadata["attempts"]`` says of one time of asking."""
    return {
        "usage": response.usage,
        "cost_usd": response.cost_usd,
        "duration_s": response.metadata.get("duration_s"),
        "finish_reason": response.finish_reason,
        "content": response.content,
        "errors": list(reading.errors),
    }


def _summed(response: LLMResponse, attempts: Sequence[Json]) -> LLMResponse:
    """The answer with the usage, price and duration of all times of asking."""
    if len(attempts) < 2:
        return response
    usages = [attempt["usage"] or {} for attempt in attempts]
    names = dict.fromkeys(name for usage in usages for name in usage)
    seconds = [attempt["duration_s"] for attempt in attempts]
    prices = [attempt["cost_usd"] for attempt in attempts]
    metadata: Json = {**response.metadata, "attempts": list(attempts)}
    if None not in seconds:
        metadata["duration_s"] = sum(seconds)
    return replace(
        response,
        usage={name: sum(usage.get(name, 0) for usage in usages) for name in names} or None,
        cost_usd=None if None in prices else sum(prices),
        metadata=metadata,
    )


def _error(
    response: LLMResponse,
    reading: _Reading,
    shape: Shape,
    request: ModelRequest,
    times: int,
    failure: DknbError | None = None,
) -> StructuredOutputError:
    model = request.model or response.model
    who, first = f"{request.provider}/{model}", reading.errors[0]
    after = f" after asking {times} times" if times > 1 else ""
    message, hint = {
        "refused": (f"{who} refused to answer: {first}", "Say it in other words, or ask another model"),
        "cut": (
            f"The answer of {who} was cut at its most tokens, before the JSON ended.",
            "Give it more:  max_tokens=...",
        ),
        "invalid": (
            f"The answer of {who} does not fit {shape.name!r}{after}: {first}",
            "The answer is in the error's `partial`; a simpler schema, a better model or reask_count=... may help",
        ),
    }[reading.problem or "invalid"]
    if failure is not None:
        message += f" Asking again failed: {failure}"
    error = StructuredOutputError(
        message,
        provider=request.provider,
        model=model,
        request_id=response.metadata.get("request_id"),
        hint=hint,
    )
    error.partial = response
    error.errors = tuple(reading.errors)
    error.reason = reading.problem or "invalid"
    return error
