"""What had arrived of an answer that broke off or cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ..dialects.dialect import Accumulator, NoAnswer
from ..messages import LLMResponse
from ..parts import Json
from ..request import ModelRequest

__all__ = ["arrived_of_body", "arrived_of_stream"]

#: Bytes of a broken body that are looked at.
_MOST = 1_000_000
_UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, NoAnswer)


def arrived_of_stream(answer: Accumulator, request: ModelRequest) -> LLMResponse | None:
    """The part of a streamed answer that had arrived; None when nothing had."""
    with suppress(NoAnswer, KeyError):
        return _marked(answer.response(), request)
    return None


def arrived_of_body(body: bytes, response: Callable[[Json], LLMResponse], request: ModelRequest) -> LLMResponse | None:
    """What the beginning of a whole answer says, or one with broken characters; None when it says nothing.

    What is open is closed, nothing else is added; a tool's arguments are text inside, and stay as they are.
    """
    text = body[:_MOST].decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        return None
    from json_repair import repair_json

    with suppress(*_UNREADABLE):
        data = repair_json(text, return_objects=True)
        if isinstance(data, dict) and not data.get("error"):
            return _marked(response(data), request)
    return None


def _marked(response: LLMResponse, request: ModelRequest) -> LLMResponse | None:
    if not (response.content or response.reasoning or response.tool_calls):
        return None
    response.model = response.model or request.model
    response.finish_reason = None
    response.metadata |= {"provider": request.provider, "incomplete": True}
    return response
