"""What a request is found by in a cache: a hash that goes on from one turn to the next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import RecordingError
from ...llm.messages import LLMMessage
from ...llm.recordings.entry import request_key
from ..chaining import chaining_over, finished
from .base import Outgoing
from .copies import sent

__all__ = ["key_of"]


def key_of(request: Outgoing) -> str | None:
    """The key of a request: of its model, settings, tools and messages; None if it is not plain data.

    Takes time in proportion to what was said since the last time that it was asked for.
    """
    rest, messages = _asked(request.model, sent(request.messages), dict(request.settings))
    try:
        return request_key({**rest, "messages": _said(messages)})
    except (RecordingError, TypeError, ValueError):
        return None


def _asked(
    model: Any, messages: Sequence[LLMMessage], settings: dict[str, Any]
) -> tuple[Mapping[str, Any], Sequence[LLMMessage]]:
    """What is asked beside the messages, and the messages as they are sent."""
    from ...llm.base import AsyncLLMProvider
    from ...llm.request import completion_request

    if isinstance(model, AsyncLLMProvider):
        tools, choice = settings.pop("tools", None), settings.pop("tool_choice", None)
        config = model.config.with_settings(**settings)
        request = completion_request(config, messages, tools, choice, not_sent=model.not_sent)
        rest = replace(request, messages=(), system=None).canonical()
        return rest | {"address": config.api_base}, request.whole()
    asked = {"provider": getattr(model, "provider", None), "model": getattr(model, "model", None)}
    return asked | {"settings": settings}, messages


def _said(messages: Sequence[LLMMessage]) -> str:
    """The hash of messages in their order, whatever holds them."""
    value = b""
    for message in getattr(messages, "opening", ()):
        value = _then(value, message)
    # The name tells what came before: what is kept under it goes on from there.
    return finished(chaining_over(messages, f"said after {value.hex()}", _then, value)).hex()


def _then(before: bytes, message: LLMMessage) -> bytes:
    data = message.to_dict(metadata=False)
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # Both have always as many bytes: no two sequences of messages are one text.
    return hashlib.sha256(before + hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()).digest()
