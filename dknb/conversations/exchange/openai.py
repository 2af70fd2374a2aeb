"""The JSON Lines that OpenAI's fine-tuning takes: one path of a conversation a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ...llm.messages import LLMMessage
from ...llm.parts import DocumentPart, ImagePart, Part, TextPart, data_url, part_to_dict
from ..portable.fields import ROLES
from ..state import ConversationState
from .checks import typed, typed_or
from .documents.messages import read_message
from .talk import talk_in_a_row

__all__ = ["line_of", "message_of", "read_line"]

#: The keys of a line beside its messages; they are kept in the metadata of the conversation.
LINE_KEYS = ("tools", "functions", "parallel_tool_calls")


def read_line(data: Mapping[str, Any], name: str, at: datetime) -> ConversationState:
    """The conversation of a line.

    Other keys than ``messages`` become its metadata. A message's ``weight`` is in its ``extra``.

    Raises:
        TypeError: Something is of another kind.
        ValueError: Something is missing.
    """
    messages = [_read_message(message) for message in typed(data, "messages", list)]
    return talk_in_a_row(name, messages, at, {key: value for key, value in data.items() if key != "messages"})


def _read_message(data: Any) -> LLMMessage:
    if not isinstance(data, dict):
        raise TypeError(f"a message is {data!r:.60}, not an object")
    typed_or(data, "weight", int)
    if (role := typed(data, "role", str)) not in ROLES:
        raise ValueError(f"nobody knows who {role!r:.60} is")
    return read_message(data)


def line_of(messages: Sequence[LLMMessage], metadata: Mapping[str, Any], *, last_only: bool = False) -> dict[str, Any]:
    """A line of messages, with the tools that the conversation's metadata name.

    Args:
        messages: What was said, oldest first.
        metadata: Of the conversation.
        last_only: Whether only the last answer is trained: the others get the weight 0.
    """
    line: dict[str, Any] = {"messages": [message_of(message) for message in messages]}
    if last_only:
        answers = [each for each in line["messages"] if each["role"] == "assistant"]
        for number, answer in enumerate(answers, 1):
            answer["weight"] = int(number == len(answers))
    return line | {key: metadata[key] for key in LINE_KEYS if metadata.get(key) is not None}


def message_of(message: LLMMessage) -> dict[str, Any]:
    """A message as OpenAI's chat completions take it."""
    data: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.tool_calls:
        data["content"] = data["content"] or None
        data["tool_calls"] = [
            {
                "id": call.id or f"call_{number}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments_json},
            }
            for number, call in enumerate(message.tool_calls)
        ]
    for key in ("name", "tool_call_id", "function_call"):
        if (value := getattr(message, key)) is not None:
            data[key] = value
    for key in ("weight", "refusal"):
        if key in message.extra:
            data[key] = message.extra[key]
    return data


def _content(message: LLMMessage) -> Any:
    """The text, or a list of parts where there are images or documents."""
    if not any(isinstance(part, (ImagePart, DocumentPart)) for part in message.parts):
        return message.content
    return [block for part in message.parts if (block := _block(part)) is not None]


def _block(part: Part) -> dict[str, Any] | None:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": {"url": part.url or data_url(part)}}
    if isinstance(part, DocumentPart):
        return part_to_dict(part)
    return None
