"""The dialect of OpenAI's responses; both directions.

Source: the types in ``openai/types/responses`` of openai 3.54.0, which are made from the API's own description.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .dialect import Dialect, NoAnswer, StreamError, body_options
from .messages import LLMMessage, LLMResponse, LLMStreamResponse
from .parts import (
    DocumentPart,
    ImagePart,
    Json,
    Part,
    RawPart,
    ReasoningPart,
    TextPart,
    ToolCall,
    ToolResult,
    data_url,
    part_from_dict,
)
from .request import ModelRequest
from .tools import as_responses_tool

__all__ = ["RESPONSES"]

_FIELDS = {"max_tokens": "max_output_tokens", "user_id": "user"}
#: What other dialects' blocks carry and this API refuses.
_FOREIGN = frozenset({"citations", "cache_control", "caller", "context", "title", "message", "item", "image_url"})
_OTHERS_BLOCKS = frozenset({"input_audio", "server_tool_use", "mcp_tool_use", "container_upload", "search_result"})


# From us to the server


def _body(request: ModelRequest) -> Json:
    messages = request.full_messages()
    body: Json = {"model": request.model, "input": [item for message in messages for item in _items(message)]}
    for name, value in request.settings.items():
        if name == "response_format":
            body["text"] = {"format": _format(value)}
        else:
            body[_FIELDS.get(name, name)] = value
    if request.tools:
        body["tools"] = [as_responses_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _choice(request.tool_choice)
    return body | body_options(request)


def _format(wanted: Any) -> Any:
    if isinstance(wanted, str):
        return {"type": {"json": "json_object"}.get(wanted, wanted)}
    return {"type": wanted["type"], **wanted["json_schema"]} if "json_schema" in wanted else wanted


def _choice(choice: str | Json) -> str | Json:
    if isinstance(choice, str):
        if choice in ("auto", "none", "required"):
            return choice
        return "required" if choice == "any" else {"type": "function", "name": choice}
    name = (choice.get("function") or {}).get("name")
    return {"type": "function", "name": name} if name else choice


def _items(message: LLMMessage) -> Iterator[Json]:
    """The items of the input that a message is: the message, the reasoning before it, its calls and results."""
    if message.role == "tool" or (message.role == "function" and message.tool_call_id):
        yield _output(message.tool_call_id or "", message.parts or message.content)
        return
    pending: list[Part] = []
    for part in message.parts:
        if (item := _own_item(part)) is None:
            pending.append(part)
            continue
        yield from _said(message.role, pending)
        pending = []
        yield item
    yield from _said(message.role, pending)
    calls = [call for call in message.tool_calls if call not in message.parts]
    if not message.parts and (message.content or not calls):
        yield {"role": message.role, "content": message.content}
    yield from map(_call, calls)


def _said(role: str, parts: list[Part]) -> Iterator[Json]:
    """Content parts as message items; parts that came in one item of the vendor's go back in one."""
    content: list[Json] = []
    around: Json = {}
    for part in parts:
        if not (block := _block(role, part)):
            continue
        item = part.extra.get("message", {}) if isinstance(part, TextPart) else {}
        if content and item != around:
            yield {**around, "role": role, "content": content}
            content = []
        around = item
        content.append(block)
    if content:
        yield {**around, "role": role, "content": content}


def _own_item(part: Part) -> Json | None:
    """The item that a part is by itself; None for one that is content of a message."""
    match part:
        case ToolCall():
            return _call(part)
        case ToolResult():
            return _output(part.tool_call_id, part.content)
        case ReasoningPart() if "item" in part.extra:
            item: Json = part.extra["item"]
            return item
        case RawPart() if _is_item(part.block):
            return part.block
    return None


def _is_item(block: Json) -> bool:
    kind = str(block.get("type"))
    return kind.endswith(("_call", "_call_output", "_request", "_response", "_list_tools")) or kind == "item_reference"


def _call(call: ToolCall) -> Json:
    return {
        **call.extra.get("item", {}),
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments_json,
    }


def _output(identity: str, content: Any) -> Json:
    if not isinstance(content, str):
        parts = [item if not isinstance(item, Mapping) else part_from_dict(item) for item in content]
        content = [block for part in parts if (block := _block("user", part))]
    return {"type": "function_call_output", "call_id": identity, "output": content}


def _block(role: str, part: Part) -> Json | None:
    """The part as a content block; None for what belongs to another vendor."""
    extra = {} if isinstance(part, RawPart) else {k: v for k, v in part.extra.items() if k not in _FOREIGN}
    match part:
        case TextPart():
            return {**extra, "type": "output_text" if role == "assistant" else "input_text", "text": part.text}
        case ImagePart():
            return {**extra, "type": "input_image", "image_url": part.url or data_url(part)}
        case DocumentPart():
            return {**extra, "type": "input_file", **_file(part)}
        case RawPart():
            kind = str(part.block.get("type"))
            return None if kind in _OTHERS_BLOCKS or kind.endswith("_tool_result") else part.block
    return None


def _file(part: DocumentPart) -> Json:
    name = {"filename": part.name} if part.name else {}
    if part.file_id is not None:
        return {**name, "file_id": part.file_id}
    return {**name, **({"file_url": part.url} if part.url else {"file_data": data_url(part)})}


# From the server to us


def _response(data: Json) -> LLMResponse:
    if data.get("status") == "failed":
        raise NoAnswer
    output = data["output"]
    parts = [part for item in output for part in _parts(item)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    thoughts = [part.text for part in parts if isinstance(part, ReasoningPart) and part.text]
    why = (data.get("incomplete_details") or {}).get("reason")
    metadata = {"id": data.get("id"), "service_tier": data.get("service_tier")}
    return LLMResponse(
        content="".join([_text(part) for part in parts]),
        model=data.get("model") or "",
        finish_reason=why or data.get("status"),
        usage=_usage(data.get("usage")),
        metadata={name: value for name, value in metadata.items() if value},
        tool_calls=calls,
        reasoning="\n\n".join(thoughts) or None,
        parts=parts,
    )


def _text(part: Part) -> str:
    if isinstance(part, TextPart):
        return part.text
    return str(part.block.get("refusal", "")) if isinstance(part, RawPart) else ""


def _parts(item: Json) -> Iterator[Part]:
    if item.get("type") != "message":
        yield part_from_dict(item)
        return
    around: Json = {name: item[name] for name in ("type", "id", "status", "phase") if name in item}
    for block in item["content"]:
        yield _with_item(part_from_dict(block), around)


def _with_item(part: Part, item: Json) -> Part:
    return TextPart(part.text, {**part.extra, "message": item}) if isinstance(part, TextPart) else part


def _usage(usage: Mapping[str, Any] | None) -> dict[str, int] | None:
    if not usage:
        return None
    told, spent = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    counts = {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
    }
    details = {
        "cached_tokens": told.get("cached_tokens"),
        "cache_write_tokens": told.get("cache_write_tokens"),
        "reasoning_tokens": spent.get("reasoning_tokens"),
    }
    return counts | {name: count for name, count in details.items() if count is not None}


#: Event to the field of an item that it brings text for, and the type of the block that the text goes into.
_TEXTS = {
    "response.output_text.delta": ("content", "output_text"),
    "response.refusal.delta": ("content", "refusal"),
    "response.reasoning_summary_text.delta": ("summary", "summary_text"),
    "response.reasoning_text.delta": ("content", "reasoning_text"),
    "response.function_call_arguments.delta": ("arguments", ""),
}
#: Where in a block its text is, if not in ``text``.
_TEXT_FIELD = {"refusal": "refusal"}


class _ResponsesStream:
    """Collects the events of a streamed response; the last of them carries it whole."""

    def __init__(self) -> None:
        self.complete = False
        self.ended = False
        self._whole: Json = {}
        self._items: dict[int | str, Json] = {}
        self._texts: dict[tuple[int | str, str, int, str], list[str]] = {}

    def feed(self, event: Json) -> LLMStreamResponse | None:
        kind = event["type"]
        if kind in _TEXTS:
            return self._delta(event, *_TEXTS[kind])
        if kind in ("response.output_item.added", "response.output_item.done"):
            key = _item_key(event)
            self._items[key] = event["item"]
            self._texts = {place: texts for place, texts in self._texts.items() if place[0] != key}
        elif kind in ("error", "response.failed"):
            raise StreamError(event.get("response") or event)
        elif "response" in event:
            self._whole = event["response"]
            self.ended = self.complete = kind in ("response.completed", "response.incomplete")
        return None

    def _delta(self, event: Json, field: str, kind: str) -> LLMStreamResponse | None:
        text = event["delta"]
        block = event.get("summary_index" if field == "summary" else "content_index") or 0
        self._texts.setdefault((_item_key(event), field, block, kind), []).append(text)
        if kind in ("output_text", "refusal"):
            return LLMStreamResponse(text)
        return LLMStreamResponse(reasoning=text) if kind else None

    def response(self) -> LLMResponse:
        if self.complete and self._whole.get("output"):
            return _response(self._whole)
        return _response({**self._whole, "output": [self._item(key) for key in self._items]})

    def _item(self, key: int | str) -> Json:
        """An item with the texts that have arrived for it."""
        item = dict(self._items[key])
        for place in [place for place in self._texts if place[0] == key]:
            _, field, _, kind = place
            text = "".join(self._texts[place])
            if kind:
                item[field] = [*(item.get(field) or ()), {"type": kind, _TEXT_FIELD.get(kind, "text"): text}]
            else:
                item[field] = text
        return item


def _item_key(event: Json) -> int | str:
    """What an event says of its item: the place, or where a server leaves that out (llama.cpp) the id."""
    key: int | str = event["output_index"] if "output_index" in event else event.get("item_id") or event["item"]["id"]
    return key


RESPONSES = Dialect("responses", _body, _response, _ResponsesStream)
