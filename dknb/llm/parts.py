"""The parts of a message: text, images, documents, reasoning, tool calls and their results.

A message that is just text has no parts. One that is more keeps its parts in the order in which they were written, so
that it can be sent back as it came. What a part carries beyond the common fields (a cache mark, a level of detail, the
citations of a text) lies in ``extra`` under the vendor's own names, and only goes back to a vendor that knows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, TypeAlias, cast

__all__ = [
    "DocumentPart",
    "ImagePart",
    "Part",
    "RawPart",
    "ReasoningPart",
    "TextPart",
    "ToolCall",
    "ToolCallPiece",
    "ToolResult",
    "arguments_of",
    "data_url",
    "part_from_dict",
    "part_to_dict",
    "written_arguments",
]

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class TextPart:
    """Text."""

    type: ClassVar[str] = "text"
    text: str
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True)
class ImagePart:
    """An image, by address or as base64 data of a media type."""

    type: ClassVar[str] = "image"
    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    extra: Json = field(default_factory=dict)

    @classmethod
    def of(cls, source: Any) -> ImagePart:
        """The image in a file, at an address, in bytes, or of a matplotlib figure or a PIL image.

        Raises:
            ConfigError: It is none that models take, and what it is instead.
        """
        from .media import image_of

        return image_of(source)


@dataclass(frozen=True)
class DocumentPart:
    """A document, by address, by the vendor's file id, as base64 data, or as plain text."""

    type: ClassVar[str] = "document"
    url: str | None = None
    file_id: str | None = None
    data: str | None = None
    media_type: str | None = None
    name: str | None = None
    extra: Json = field(default_factory=dict)

    @classmethod
    def of(cls, source: Any, name: str | None = None) -> DocumentPart:
        """The PDF or text in a file, at an address, or in bytes.

        Raises:
            ConfigError: It is neither, and what it is instead.
        """
        from .media import document_of

        return document_of(source, name)


@dataclass(frozen=True)
class ReasoningPart:
    """What a model thought before it answered; ``signature`` or ``data`` must go back to its vendor unchanged."""

    type: ClassVar[str] = "reasoning"
    text: str = ""
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True)
class ToolCall:
    """A model's wish to call a tool.

    ``arguments`` is empty when ``raw_arguments``, the JSON as it came, is no JSON object.
    """

    type: ClassVar[str] = "tool_call"
    name: str
    arguments: Json = field(default_factory=dict)
    id: str | None = None
    raw_arguments: str | None = None
    extra: Json = field(default_factory=dict)

    @property
    def arguments_json(self) -> str:
        """The arguments as JSON text, just as they came where they came from a model."""
        return self.raw_arguments if self.raw_arguments is not None else json.dumps(self.arguments, ensure_ascii=False)

    @property
    def error(self) -> str | None:
        """Why ``arguments`` is empty though the model wrote some: where its JSON breaks off. None when all is well."""
        if self.arguments or not self.raw_arguments or self.extra.get("custom"):
            return None
        try:
            value = json.loads(self.raw_arguments)
        except (ValueError, RecursionError) as error:
            return f"the arguments are no JSON: {error}"
        return None if value in ({}, None) else f"the arguments are no JSON object, but {value!r}"


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """A piece of a tool call that streams in.

    Attributes:
        index: Which of the answer's calls, from 0.
        id: The call's id, in its first piece.
        name: The tool's name, in its first piece.
        arguments: A fragment of the arguments' JSON; those of a call, joined, are its ``raw_arguments``.
    """

    index: int = 0
    id: str | None = None
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True)
class ToolResult:
    """What a tool answered: text, or a list of vendor blocks."""

    type: ClassVar[str] = "tool_result"
    tool_call_id: str
    content: str | list[Json] = ""
    is_error: bool = False
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True)
class RawPart:
    """A block that only its vendor understands (a server tool's result, say), kept as it came."""

    type: ClassVar[str] = "raw"
    block: Json = field(default_factory=dict)
    extra: Json = field(default_factory=dict)


Part: TypeAlias = TextPart | ImagePart | DocumentPart | ReasoningPart | ToolCall | ToolResult | RawPart


def part_to_dict(part: Part) -> Json:
    """The part as plain JSON data; ``part_from_dict`` is its inverse."""
    defaults = _FIELDS[part.type]
    return {"type": part.type, **{name: value for name, value in vars(part).items() if value != defaults[name]}}


def part_from_dict(block: Mapping[str, Any]) -> Part:
    """A part from plain data: our own form, or a content block as OpenAI or Anthropic write it.

    A block of a type that is none of these is kept as a `RawPart`.
    """
    whole = dict(block)
    read = _READERS.get(str(whole.pop("type", None)))
    try:
        return read(whole) if read else RawPart(dict(block))
    except (KeyError, TypeError, AttributeError):
        # A known type in an unknown shape: a newer form of the vendor's.
        return RawPart(dict(block))


def arguments_of(text: str) -> Json:
    """The arguments that a model wrote as JSON; empty when they are no JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def written_arguments(given: Any) -> str:
    """Arguments as the text that they should be, where a server wrote JSON itself."""
    if given is None or isinstance(given, str):
        return given or ""
    return json.dumps(given, ensure_ascii=False)


def data_url(part: ImagePart | DocumentPart) -> str:
    """The part's base64 data as a ``data:`` address."""
    return f"data:{part.media_type or 'application/octet-stream'};base64,{part.data}"


_OWN: tuple[type[Any], ...] = (TextPart, ImagePart, DocumentPart, ReasoningPart, ToolCall, ToolResult, RawPart)
_FIELDS: dict[str, Json] = {
    kind.type: {
        item.name: {} if item.default_factory is dict else (None if item.default is MISSING else item.default)
        for item in fields(kind)
    }
    for kind in _OWN
}


def _own(kind: type[Any]) -> Callable[[Json], Part]:
    names = _FIELDS[kind.type]

    def read(block: Json) -> Part:
        given = {name: block.pop(name) for name in names if name in block}
        if block:
            given["extra"] = {**given.get("extra", {}), **block}
        return cast(Part, kind(**given))

    return read


def _image(block: Json) -> Part:
    if "source" not in block:
        return _own(ImagePart)(block)
    source = block.pop("source")
    if source["type"] == "url":
        return ImagePart(url=source["url"], extra=block)
    if source["type"] == "base64":
        return ImagePart(data=source["data"], media_type=source["media_type"], extra=block)
    raise KeyError(source["type"])


def _document(block: Json) -> Part:
    if "source" not in block:
        return _own(DocumentPart)(block)
    source = dict(block.pop("source"))
    kind = source.pop("type")
    if kind == "file":
        return DocumentPart(file_id=source["file_id"], extra=block)
    if kind == "url":
        return DocumentPart(url=source["url"], extra=block)
    if kind in ("base64", "text"):
        return DocumentPart(data=source["data"], media_type=source["media_type"], extra=block)
    raise KeyError(kind)


def _from_url(url: str) -> Json:
    match = _DATA_URL.match(url)
    return {"media_type": match[1], "data": url[match.end() :]} if match else {"url": url}


def _image_url(block: Json) -> Part:
    inner = dict(block.pop("image_url"))
    where = _from_url(inner.pop("url"))
    return ImagePart(**where, extra={**block, **({"image_url": inner} if inner else {})})


def _file(block: Json) -> Part:
    inner = dict(block.pop("file"))
    if data := inner.pop("file_data", None):
        where = _from_url(data)
        where = where if "data" in where else {"data": data}
    else:
        where = {"file_id": inner.pop("file_id")}
    name = inner.pop("filename", None)
    return DocumentPart(**where, name=name, extra={**block, **({"file": inner} if inner else {})})


def _input_image(block: Json) -> Part:
    if url := block.pop("image_url", None):
        return ImagePart(**_from_url(url), extra=block)
    raise KeyError("image_url")


def _input_file(block: Json) -> Part:
    name = block.pop("filename", None)
    if data := block.pop("file_data", None):
        where = _from_url(data)
        return DocumentPart(**(where if "data" in where else {"data": data}), name=name, extra=block)
    if url := block.pop("file_url", None):
        return DocumentPart(url=url, name=name, extra=block)
    return DocumentPart(file_id=block.pop("file_id"), name=name, extra=block)


def _thinking(block: Json) -> Part:
    if not isinstance(block["thinking"], str):
        raise TypeError(block["thinking"])
    return ReasoningPart(block.pop("thinking"), signature=block.pop("signature", None), extra=block)


def _redacted_thinking(block: Json) -> Part:
    return ReasoningPart(data=block.pop("data"), extra=block)


def _tool_use(block: Json) -> Part:
    name, given, identity = block.pop("name"), block.pop("input"), block.pop("id", None)
    if isinstance(given, dict):
        return ToolCall(name, given, identity, extra=block)
    text = written_arguments(given)
    return ToolCall(name, arguments_of(text), identity, raw_arguments=text, extra=block)


def _tool_result(block: Json) -> Part:
    if "tool_use_id" in block:
        failed = block.get("is_error") is True
        if failed:
            del block["is_error"]
        return ToolResult(block.pop("tool_use_id"), block.pop("content", ""), failed, extra=block)
    return _own(ToolResult)(block)


def _function(block: Json) -> Part:
    inner = block.pop("function")
    given, identity = inner.get("arguments"), block.pop("id", None)
    if isinstance(given, dict):
        return ToolCall(inner["name"], given, identity, extra=block)
    text = written_arguments(given)
    return ToolCall(inner["name"], arguments_of(text), identity, raw_arguments=text, extra=block)


def _function_call(block: Json) -> Part:
    text = written_arguments(block.pop("arguments"))
    return ToolCall(block.pop("name"), arguments_of(text), block.pop("call_id"), text, extra=_item(block))


def _reasoning(block: Json) -> Part:
    if "summary" not in block and "encrypted_content" not in block:
        return _own(ReasoningPart)(block)
    texts = [one.get("text", "") for one in block.get("summary") or block.get("content") or ()]
    whole = {"type": "reasoning", **block}
    return ReasoningPart("\n\n".join(texts), data=block.get("encrypted_content"), extra=_item(whole))


def _item(rest: Json) -> Json:
    return {"item": rest} if rest else {}


def _custom(block: Json) -> Part:
    inner = block.pop("custom")
    return ToolCall(inner["name"], {}, block.pop("id", None), raw_arguments=inner["input"], extra={"custom": True})


def _custom_tool_call(block: Json) -> Part:
    name, text, identity = block.pop("name"), block.pop("input"), block.pop("call_id")
    return ToolCall(name, {}, identity, raw_arguments=text, extra={"custom": True, **_item(block)})


_DATA_URL = re.compile(r"data:([^;,]+);base64,")
_READERS: dict[str, Callable[[Json], Part]] = {
    **{kind.type: _own(kind) for kind in _OWN},
    # Anthropic's messages
    "image": _image,
    "document": _document,
    "thinking": _thinking,
    "redacted_thinking": _redacted_thinking,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    # OpenAI's chat completions
    "image_url": _image_url,
    "file": _file,
    "function": _function,
    "custom": _custom,
    # OpenAI's responses; what is a whole item there keeps its other fields as ``extra["item"]``
    "function_call": _function_call,
    "custom_tool_call": _custom_tool_call,
    "reasoning": _reasoning,
    "input_text": _own(TextPart),
    "output_text": _own(TextPart),
    "input_image": _input_image,
    "input_file": _input_file,
}
