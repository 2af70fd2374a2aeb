"""What had arrived of an answer that broke off or cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from ..calls.outcome import partial_response
from ..calls.sound import fault_of, tidy
from ..dialects.dialect import Accumulator
from ..messages import LLMResponse, LLMStreamResponse
from ..parts import Json
from ..request import ModelRequest

__all__ = ["arrived_of_body", "arrived_of_pieces", "arrived_of_stream"]

#: Bytes of a broken body that are looked at.
_MOST = 1_000_000
#: Where the text of an answer is, whatever is around it.
_SAID = ("content", "text", "output_text", "refusal", "response")


def arrived_of_stream(answer: Accumulator, request: ModelRequest) -> LLMResponse | None:
    """The part of a streamed answer that had arrived; None when nothing had."""
    with suppress(Exception):  # what arrived may be anything
        return _marked(answer.response(), request)
    return None


def arrived_of_pieces(pieces: Sequence[LLMStreamResponse], request: ModelRequest) -> LLMResponse | None:
    """The pieces of an answer that do not make a whole; None when they say nothing."""
    return _marked(partial_response([(0.0, piece) for piece in pieces], request), request)


def arrived_of_body(body: bytes, response: Callable[[Json], LLMResponse], request: ModelRequest) -> LLMResponse | None:
    """What the beginning of a whole answer says, or one with broken characters; None when it says nothing.

    What is open is closed, nothing else is added; a tool's arguments are text inside, and stay as they are.
    """
    text = body[:_MOST].decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        return None
    from json_repair import repair_json

    with suppress(ValueError, RecursionError):
        data = repair_json(text, return_objects=True)
        if not isinstance(data, dict) or data.get("error"):
            return None
        with suppress(Exception):  # the body may say anything
            return _marked(response(data), request)
        return _marked(LLMResponse("".join(_texts(data))), request)
    return None


def _texts(data: Any) -> Iterator[str]:
    """The texts in a body that its dialect cannot read."""
    if isinstance(data, list):
        for item in data:
            yield from _texts(item)
    elif isinstance(data, dict):
        for name, value in data.items():
            if isinstance(value, str) and name in _SAID:
                yield value
            elif not isinstance(value, str) and name not in ("usage", "logprobs"):
                yield from _texts(value)


def _marked(response: LLMResponse, request: ModelRequest) -> LLMResponse | None:
    tidy(response)
    if (fault := fault_of(response)) is not None:
        raise ValueError(fault)
    if not (response.content or response.reasoning or response.tool_calls):
        return None
    response.model = response.model or request.model
    response.finish_reason = None
    response.metadata |= {"provider": request.provider, "incomplete": True}
    return response
