"""All the text in a message or an answer, changed wherever it lies: content, parts, thoughts, arguments of tools."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...llm.messages import LLMMessage, LLMResponse
from ...llm.parts import DocumentPart, Part, ReasoningPart, TextPart, ToolCall, ToolResult, arguments_of

__all__ = ["Change", "change_texts"]

Change = Callable[[str], str]


def change_texts(said: LLMMessage | LLMResponse, change: Change) -> None:
    """Put ``change(text)`` in the place of each text in ``said``.

    What must go back to a vendor as it came (thoughts that are signed, blocks that only the vendor understands) stays.
    """
    said.content = change(said.content)
    said.reasoning = change(said.reasoning) if said.reasoning else said.reasoning
    said.parts = [_changed(part, change) for part in said.parts]
    said.tool_calls = [_changed_call(call, change) for call in said.tool_calls]
    if said.function_call is not None and isinstance(arguments := said.function_call.get("arguments"), str):
        said.function_call = {**said.function_call, "arguments": _changed_json(arguments, change)}


def _changed(part: Part, change: Change) -> Part:
    if isinstance(part, TextPart) or (isinstance(part, ReasoningPart) and part.signature is None):
        return replace(part, text=change(part.text))
    if isinstance(part, ToolCall):
        return _changed_call(part, change)
    if isinstance(part, ToolResult):
        return replace(part, content=_changed_data(part.content, change))
    if isinstance(part, DocumentPart) and part.data and (part.media_type or "").startswith("text/"):
        return replace(part, data=change(part.data))
    return part


def _changed_call(call: ToolCall, change: Change) -> ToolCall:
    if call.raw_arguments is None:
        return replace(call, arguments=_changed_data(call.arguments, change))
    raw = _changed_json(call.raw_arguments, change)
    return replace(call, raw_arguments=raw, arguments=arguments_of(raw))


def _changed_json(text: str, change: Change) -> str:
    """JSON text with its strings changed; as it was, if nothing changes; what is no JSON is changed as text."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return change(text)
    changed = _changed_data(data, change)
    return text if changed == data else json.dumps(changed, ensure_ascii=False)


def _changed_data(data: Any, change: Change) -> Any:
    if isinstance(data, str):
        return change(data)
    if isinstance(data, dict):
        return {key: _changed_data(value, change) for key, value in data.items()}
    return [_changed_data(item, change) for item in data] if isinstance(data, list) else data
