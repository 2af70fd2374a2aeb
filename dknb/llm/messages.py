"""What is said to a model and what it says: messages, responses, pieces of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from typing import Any

from ..errors import ConfigError
from .logprobs import TokenLogprob
from .parts import Part, ReasoningPart, TextPart, ToolCall, ToolCallPiece, part_from_dict, part_to_dict

__all__ = ["LLMMessage", "LLMResponse", "LLMStreamResponse"]


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(timezone.utc)


@dataclass
class LLMMessage:
    """One message of a conversation.

    Attributes:
        role: ``system``, ``user``, ``assistant``, ``tool`` or ``function``.
        content: The text. A list given here becomes ``parts``: strings, parts, a vendor's content blocks, and whatever
            `ImagePart.of` or `DocumentPart.of` knows but a string: a path, bytes, a figure, an image. One of these
            alone is a list of one.
        name: Name of the speaker, or of the function that answered.
        function_call: The seed's old form of a single call, ``{"name", "arguments"}``.
        metadata: Whatever the caller wants to keep with it; never sent.
        tool_calls: The calls that an assistant's message asks for.
        tool_call_id: In a message of role ``tool``: the call that it answers.
        reasoning: What the model thought, as text.
        parts: All of the message in its order, where it is more than text; empty otherwise.
        extra: What a vendor says of the message beyond this (its phase, its audio, a cache mark), under the vendor's
            own names; only goes back to a vendor that knows it.
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
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        content: Any = self.content
        if not isinstance(content, str):
            self._take_content(_items_of(content))

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
        _add_given(out, extra=self.extra)
        if metadata:
            _add_given(out, metadata=self.metadata)
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LLMMessage:
        """A message from plain data: our own form, or a message as OpenAI or Anthropic write it.

        Raises:
            ConfigError: ``data`` has no role, or something in it is of another kind.
        """
        if _is_item(data):
            return _from_item(data)
        if "role" not in data:
            raise ConfigError(f"A message needs a role; this one has only {sorted(data)}.", hint='Add "role": "user"')
        _check_kinds(data)
        message = cls(
            role=data["role"],
            content=data.get("content") or "",
            name=data.get("name"),
            function_call=data.get("function_call"),
            metadata=dict(data.get("metadata") or {}),
            tool_call_id=data.get("tool_call_id"),
            reasoning=data.get("reasoning") or data.get("reasoning_content"),
            extra=_extra_of(data),
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
        logprobs: How likely each token was, where the call asked for it (``logprobs=True``) and the vendor tells.
        extra: What the vendor says of the message beyond this, as `LLMMessage` keeps it.
        parsed: The answer in the shape that ``response_format`` asked for: the model's object, or JSON data. Of what
            ``to_dict`` gave, the data.
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
    logprobs: list[TokenLogprob] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    parsed: Any = field(default=None, compare=False)

    def to_message(self) -> LLMMessage:
        """The assistant's message to store and to send back: text, reasoning and tool calls as they came."""
        return LLMMessage(
            role="assistant",
            content=self.content,
            function_call=None if self.tool_calls else self.function_call,
            tool_calls=list(self.tool_calls),
            reasoning=self.reasoning,
            parts=list(self.parts),
            extra=dict(self.extra),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data without the empty fields; ``from_dict`` is its inverse."""
        out: dict[str, Any] = {"content": self.content, "created_at": self.created_at.isoformat()}
        _add_given(out, **{name: getattr(self, name) for name in _RESPONSE_FIELDS})
        _add_given(out, cost_usd=self.cost_usd)
        _add_given(out, tool_calls=[part_to_dict(call) for call in self.tool_calls])
        _add_given(out, parts=[part_to_dict(part) for part in self.parts])
        _add_given(out, logprobs=[list(token) for token in self.logprobs])
        if self.parsed is not None:
            from .answers.answer_shape import plain_data

            out["parsed"] = plain_data(self.parsed)
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LLMResponse:
        """A response from what ``to_dict`` gave."""
        given = {name: data[name] for name in (*_RESPONSE_FIELDS, "cost_usd", "parsed") if name in data}
        if at := data.get("created_at"):
            given["created_at"] = datetime.fromisoformat(at)
        given["logprobs"] = [TokenLogprob.of(*token) for token in data.get("logprobs", ())]
        calls = map(as_part, data.get("tool_calls", ()))
        return cls(
            data["content"], tool_calls=_calls(calls), parts=[as_part(part) for part in data.get("parts", ())], **given
        )


_RESPONSE_FIELDS = ("model", "finish_reason", "usage", "function_call", "metadata", "reasoning", "extra")


@dataclass(slots=True)
class LLMStreamResponse:
    """A piece of an answer that streams.

    Each piece brings one thing, which ``kind`` names: ``"text"`` (``delta``), ``"reasoning"`` (``reasoning``),
    ``"tool_call"`` (``tool_call``, a fragment of one), ``"usage"`` (``usage``, once, when the answer is complete) or
    ``"end"``. The last one has ``is_final`` and carries the whole answer as ``response``, whose finish reason, usage,
    tool calls and model it repeats.
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
    tool_call: ToolCallPiece | None = None

    @property
    def kind(self) -> str:
        """What the piece brings: ``text``, ``reasoning``, ``tool_call``, ``usage`` or ``end``."""
        if self.is_final:
            return "end"
        if self.tool_call is not None:
            return "tool_call"
        if self.reasoning and not self.delta:
            return "reasoning"
        return "usage" if self.usage and not self.delta else "text"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data without the empty fields; ``from_dict`` is its inverse."""
        out: dict[str, Any] = {}
        _add_given(out, **{name: getattr(self, name) for name in _PIECE_FIELDS})
        _add_given(out, tool_calls=[part_to_dict(call) for call in self.tool_calls])
        if self.response is not None:
            out["response"] = self.response.to_dict()
        if self.tool_call is not None:
            out["tool_call"] = {"index": self.tool_call.index}
            _add_given(out["tool_call"], id=self.tool_call.id, name=self.tool_call.name)
            _add_given(out["tool_call"], arguments=self.tool_call.arguments)
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LLMStreamResponse:
        """A piece from what ``to_dict`` gave."""
        given = {name: data[name] for name in _PIECE_FIELDS if name in data}
        calls = _calls(map(as_part, data.get("tool_calls", ())))
        response = LLMResponse.from_dict(data["response"]) if "response" in data else None
        piece = ToolCallPiece(**data["tool_call"]) if "tool_call" in data else None
        return cls(tool_calls=calls, response=response, tool_call=piece, **given)


#: Names in a message's plain data that have a field of their own.
_MESSAGE_FIELDS = frozenset({item.name for item in fields(LLMMessage)} | {"reasoning_content"})
#: Items of OpenAI's responses that are what a tool of ours answered.
TOOL_OUTPUTS = ("function_call_output", "custom_tool_call_output")
_PIECE_FIELDS = ("delta", "is_final", "finish_reason", "usage", "metadata", "model", "reasoning")


def _is_item(data: Mapping[str, Any]) -> bool:
    """Whether plain data is an item of OpenAI's responses that is no message."""
    kind = data.get("type")
    if kind is None:
        return set(data) <= {"id", "type"} and "id" in data
    return kind != "message" and ("role" not in data or "content" not in data)


def _from_item(item: Mapping[str, Any]) -> LLMMessage:
    """A message from an item of OpenAI's responses that is none itself: a call, its output, reasoning."""
    if item.get("type") in TOOL_OUTPUTS and "call_id" in item:
        extra = {name: value for name, value in item.items() if name not in ("output", "call_id")}
        plain = extra == {"type": "function_call_output"}
        return LLMMessage("tool", item["output"], tool_call_id=item["call_id"], extra={} if plain else extra)
    return LLMMessage(item.get("role", "assistant"), parts=[(part := part_from_dict(item))], tool_calls=_calls([part]))


#: What in plain data is no text: its name, what it must be, and what that is for people.
_KINDS: tuple[tuple[str, Any, str], ...] = (
    ("metadata", Mapping, "a dict"),
    ("extra", Mapping, "a dict"),
    ("function_call", Mapping, "a dict"),
    ("tool_calls", (list, tuple), "a list"),
)


def _check_kinds(data: Mapping[str, Any]) -> None:
    for name, kind, wanted in _KINDS:
        if (value := data.get(name)) and not isinstance(value, kind):
            raise ConfigError(f"The {name} of a message are {value!r:.100}.", hint=f"Give {wanted}, or leave it out")


def _extra_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a message in a vendor's form says beyond our fields; ``reasoning_content`` only that it was called so."""
    extra = dict(data.get("extra") or {})
    extra |= {name: value for name, value in data.items() if name not in _MESSAGE_FIELDS and value is not None}
    return extra | ({"reasoning_field": "reasoning_content"} if data.get("reasoning_content") else {})


def _items_of(content: Any) -> Iterable[Any]:
    """The items of a list of content; anything else is the only one."""
    if content is None:
        return ()
    return content if isinstance(content, (list, tuple, Iterator)) else (content,)


def _calls(parts: Iterable[Part]) -> list[ToolCall]:
    return [part for part in parts if isinstance(part, ToolCall)]


def as_part(item: Any) -> Part:
    """A part from a part, a string (its text), plain data, or whatever else holds an image or a document.

    Raises:
        ConfigError: It holds none.
    """
    if isinstance(item, str):
        return TextPart(item)
    if isinstance(item, Part):
        return item
    if isinstance(item, Mapping):
        return part_from_dict(item)
    from .media import part_of

    return part_of(item)


def message_of(item: Any) -> LLMMessage:
    """A message from a message or from plain data.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(item, Mapping):
        return LLMMessage.from_dict(item)
    if not isinstance(item, LLMMessage):
        hint = 'Give LLMMessage("user", "..."), or {"role": "user", "content": "..."}'
        raise ConfigError(f"{item!r:.100} is no message.", hint=hint)
    return item


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
