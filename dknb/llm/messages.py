"""What is said to a model and what it says: messages, responses, pieces of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..errors import ConfigError
from .parts import Part, ReasoningPart, TextPart, ToolCall, part_from_dict, part_to_dict

__all__ = ["LLMMessage", "LLMResponse", "LLMStreamResponse"]


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(timezone.utc)


@dataclass
class LLMMessage:
    """One message of a conversation.

    Attributes:
        role: ``system``, ``user``, ``assistant``, ``tool`` or ``function``.
        content: The text. A list given here (strings, parts, or a vendor's content blocks) becomes ``parts``.
        name: Name of the speaker, or of the function that answered.
        function_call: The seed's old form of a single call, ``{"name", "arguments"}``.
        metadata: Whatever the caller wants to keep with it; never sent.
        tool_calls: The calls that an assistant's message asks for.
        tool_call_id: In a message of role ``tool``: the call that it answers.
        reasoning: What the model thought, as text.
        parts: All of the message in its order, where it is more than text; empty otherwise.
    """

    role: str
    content: str = ""
    name: str | None = None
    function_call: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    tool_calls: list[ToolCall] = field(default_factory=list)
    tool_call_id: str | None = None
    reasoning: str | None = None
    parts: list[Part] = field(default_factory=list)

    def __post_init__(self) -> None:
        content: Any = self.content
        if not isinstance(content, str):
            self._take_content(content or ())

    def _take_content(self, content: Iterable[Any]) -> None:
        self.parts = [as_part(item) for item in content]
        self.content = text_of(self.parts)
        self.tool_calls = self.tool_calls or _calls(self.parts)
        self.reasoning = self.reasoning or reasoning_of(self.parts)

    def to_dict(self, *, metadata: bool = True) -> dict[str, Any]:
        """Plain JSON data without the empty fields; ``metadata=False`` leaves out what is never sent."""
        out: dict[str, Any] = {"role": self.role}
        out["content"] = [part_to_dict(part) for part in self.parts] if self.parts else self.content
        if self.reasoning != reasoning_of(self.parts):
            out["reasoning"] = self.reasoning
        _add_given(out, tool_calls=[part_to_dict(call) for call in self.tool_calls if call not in self.parts])
        _add_given(out, name=self.name, function_call=self.function_call, tool_call_id=self.tool_call_id)
        if metadata:
            _add_given(out, metadata=self.metadata)
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LLMMessage:
        """A message from plain data: our own form, or a message as OpenAI or Anthropic write it.

        Raises:
            ConfigError: ``data`` has no role.
        """
        if "role" not in data and "type" in data:
            return _from_item(data)
        if "role" not in data:
            raise ConfigError(f"A message needs a role; this one has only {sorted(data)}.", hint='Add "role": "user"')
        message = cls(
            role=data["role"],
            content=data.get("content") or "",
            name=data.get("name"),
            function_call=data.get("function_call"),
            metadata=dict(data.get("metadata") or {}),
            tool_call_id=data.get("tool_call_id"),
            reasoning=data.get("reasoning") or data.get("reasoning_content"),
        )
        if calls := data.get("tool_calls"):
            message.tool_calls = _calls(map(as_part, calls))
        return message


@dataclass
class LLMResponse:
    """A model's answer.

    Attributes:
        content: The text of the answer.
        model: The model that answered, as its vendor names it.
        finish_reason: Why it ended, in the vendor's word.
        usage: Token counts: ``prompt_tokens``, ``completion_tokens``, ``total_tokens`` and, where the vendor tells them,
            ``cached_tokens``, ``cache_write_tokens``, ``reasoning_tokens``.
        function_call: The first tool call in the seed's old form, ``{"name", "arguments"}`` (arguments as JSON text).
        metadata: ``provider``, ``duration_s``, ``request_id``, ...
        created_at: When the answer was complete (UTC).
        tool_calls: The calls that the model asks for.
        cost_usd: Price in US dollars; None when the price is not known.
        reasoning: What the model thought, as text.
        parts: All of the answer in its order, where it is more than text.
    """

    content: str
    model: str = ""
    finish_reason: str | None = None
    usage: dict[str, int] | None = None
    function_call: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=utc_now)
    tool_calls: list[ToolCall] = field(default_factory=list)
    cost_usd: float | None = None
    reasoning: str | None = None
    parts: list[Part] = field(default_factory=list)

    def to_message(self) -> LLMMessage:
        """The assistant's message to store and to send back: text, reasoning and tool calls as they came."""
        return LLMMessage(
            role="assistant",
            content=self.content,
            function_call=None if self.tool_calls else self.function_call,
            tool_calls=list(self.tool_calls),
            reasoning=self.reasoning,
            parts=list(self.parts),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data without the empty fields; ``from_dict`` is its inverse."""
        out: dict[str, Any] = {"content": self.content, "created_at": self.created_at.isoformat()}
        _add_given(out, **{name: getattr(self, name) for name in _RESPONSE_FIELDS})
        _add_given(out, cost_usd=self.cost_usd)
        _add_given(out, tool_calls=[part_to_dict(call) for call in self.tool_calls])
        _add_given(out, parts=[part_to_dict(part) for part in self.parts])
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LLMResponse:
        """A response from what ``to_dict`` gave."""
        given = {name: data[name] for name in (*_RESPONSE_FIELDS, "cost_usd") if name in data}
        if at := data.get("created_at"):
            given["created_at"] = datetime.fromisoformat(at)
        calls = map(as_part, data.get("tool_calls", ()))
        return cls(
            data["content"], tool_calls=_calls(calls), parts=[as_part(part) for part in data.get("parts", ())], **given
        )


_RESPONSE_FIELDS = ("model", "finish_reason", "usage", "function_call", "metadata", "reasoning")


@dataclass
class LLMStreamResponse:
    """A piece of an answer that streams.

    The last one has ``is_final`` and carries the whole answer as ``response``, whose finish reason, usage, tool calls
    and model it repeats.
    """

    delta: str = ""
    is_final: bool = False
    finish_reason: str | None = None
    usage: dict[str, int] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    tool_calls: list[ToolCall] = field(default_factory=list)
    model: str | None = None
    reasoning: str = ""
    response: LLMResponse | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data without the empty fields; ``from_dict`` is its inverse."""
        out: dict[str, Any] = {}
        _add_given(out, **{name: getattr(self, name) for name in _PIECE_FIELDS})
        _add_given(out, tool_calls=[part_to_dict(call) for call in self.tool_calls])
        if self.response is not None:
            out["response"] = self.response.to_dict()
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LLMStreamResponse:
        """A piece from what ``to_dict`` gave."""
        given = {name: data[name] for name in _PIECE_FIELDS if name in data}
        calls = _calls(map(as_part, data.get("tool_calls", ())))
        response = LLMResponse.from_dict(data["response"]) if "response" in data else None
        return cls(tool_calls=calls, response=response, **given)


_PIECE_FIELDS = ("delta", "is_final", "finish_reason", "usage", "metadata", "model", "reasoning")


def _from_item(item: Mapping[str, Any]) -> LLMMessage:
    """A message from an item of OpenAI's responses that is none itself: a call, its output, reasoning."""
    if item["type"] == "function_call_output":
        return LLMMessage("tool", item["output"], tool_call_id=item["call_id"])
    return LLMMessage("assistant", parts=[(part := part_from_dict(item))], tool_calls=_calls([part]))


def _calls(parts: Iterable[Part]) -> list[ToolCall]:
    return [part for part in parts if isinstance(part, ToolCall)]


def as_part(item: Any) -> Part:
    """A part from a part, a string, or plain data."""
    if isinstance(item, str):
        return TextPart(item)
    return part_from_dict(item) if isinstance(item, Mapping) else item


def text_of(parts: list[Part]) -> str:
    """The text of a message: that of its text parts, joined."""
    return "".join([part.text for part in parts if isinstance(part, TextPart)])


def reasoning_of(parts: list[Part]) -> str | None:
    """What the model thought, over all its reasoning parts; None when it said nothing of it."""
    return "\n\n".join([part.text for part in parts if isinstance(part, ReasoningPart) and part.text]) or None


def _add_given(out: dict[str, Any], **values: Any) -> None:
    out.update({name: value for name, value in values.items() if not _is_empty(value)})


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})
