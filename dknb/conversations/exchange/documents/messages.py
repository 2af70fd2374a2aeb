"""A message of a document: the peer's few fields; what it has beyond them is kept beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....llm.messages import LLMMessage
from ....llm.parts import ToolCall
from ..checks import typed, typed_or

__all__ = ["read_message", "rest_of", "write_message"]

_USUAL = ("user", "assistant", "system")
_FIELDS = ("role", "content", "name", "tool_call_id", "tool_calls", "function_call", "metadata", "extra", "reasoning")


def write_message(message: LLMMessage) -> dict[str, Any]:
    """The message as the peer reads it: what it does not know of is left out, but for keys of the message itself."""
    data: dict[str, Any] = {key: value for key, value in message.extra.items() if key not in _FIELDS}
    data |= {"role": message.role, "content": message.content}
    if message.tool_calls:
        data["tool_calls"] = [_write_call(call) for call in message.tool_calls]
    for key in ("name", "tool_call_id", "function_call"):
        if (value := getattr(message, key)) is not None:
            data[key] = value
    if message.metadata:
        data["metadata"] = message.metadata
    return data


def rest_of(message: LLMMessage, written: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is to be kept beside ``written`` for the message to come back as it was; None if nothing is."""
    if read_message(written) == message:
        return None
    data = message.to_dict()
    del data["role"]
    if not message.parts:
        del data["content"]
    return data


def read_message(data: Mapping[str, Any], rest: Mapping[str, Any] | None = None) -> LLMMessage:
    """A message of a document, and what was kept beside it.

    Raises:
        TypeError: Something in it is of another kind.
        ValueError: Something is missing.
        ConfigError: A part of it is none.
    """
    if rest is None and len(data) == 2 and isinstance(data.get("content"), str) and data.get("role") in _USUAL:
        return LLMMessage(data["role"], data["content"])
    role = typed(data, "role", str)
    if not role.strip():
        raise ValueError("'role' is blank")
    for key in ("name", "tool_call_id", "reasoning", "reasoning_content"):
        typed_or(data, key, str)
    for key in ("function_call", "metadata", "extra"):
        typed_or(data, key, dict)
    content = data.get("content")
    if not isinstance(content, (str, list, type(None))):
        raise TypeError(f"'content' is {content!r:.60}, not text")
    if rest is not None:
        return LLMMessage.from_dict({"content": content or "", **rest, "role": role})
    calls = [_read_call(call) for call in typed_or(data, "tool_calls", list) or []]
    plain = {key: value for key, value in data.items() if key != "tool_calls" and value is not None}
    message = LLMMessage.from_dict({"content": "", **plain})
    message.tool_calls = calls or message.tool_calls
    return message


def _write_call(call: ToolCall) -> dict[str, Any]:
    return {"name": call.name, "parameters": call.arguments} | ({} if call.id is None else {"id": call.id})


def _read_call(data: Any) -> ToolCall:
    """A call as the peer writes it, as OpenAI does, or as dknb does."""
    if not isinstance(data, dict):
        raise TypeError(f"a tool call is {data!r:.60}, not an object")
    if isinstance(data.get("function"), dict) or data.get("type") in ("tool_use", "function", "custom", "tool_call"):
        return _checked_call(
            LLMMessage.from_dict({"role": "assistant", "content": "", "tool_calls": [data]}).tool_calls
        )
    given = typed_or(data, "parameters", dict)
    arguments = (typed_or(data, "arguments", dict) if given is None else given) or {}
    extra = {key: value for key, value in data.items() if key not in ("name", "parameters", "arguments", "id")}
    return ToolCall(typed(data, "name", str), arguments, typed_or(data, "id", str), extra=extra)


def _checked_call(calls: list[ToolCall]) -> ToolCall:
    if len(calls) != 1 or not all(isinstance(each, str) for each in (calls[0].name, calls[0].id or "")):
        raise ValueError("a tool call has no name, or is of no known form")
    return calls[0]
