"""The dialect of OpenAI's responses; both directions.

Source: the types in ``openai/types/responses`` of openai 3.54.0, which are made from the API's own description.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..counting.counts import count, usage_of
from ..families.table import refused_settings
from ..logprobs import token_logprobs
from ..messages import TOOL_OUTPUTS, LLMMessage, LLMResponse, LLMStreamResponse
from ..parts import (
    DocumentPart,
    ImagePart,
    Json,
    Part,
    RawPart,
    ReasoningPart,
    TextPart,
    ToolCall,
    ToolCallPiece,
    ToolResult,
    data_url,
    part_from_dict,
)
from ..request import ModelRequest
from ..tools import as_responses_tool
from .dialect import Dialect, NoAnswer, StreamError, body_options, told_settings

__all__ = ["RESPONSES"]

_SETTINGS = {
    "max_tokens": "max_output_tokens",
    "user_id": "user",
    **{name: name for name in ("temperature", "top_p", "response_format", "logprobs", "top_logprobs")},
}
#: What a message's item says beside role and content.
_AROUND = ("type", "id", "status", "phase")
#: What other dialects' blocks carry and this API refuses.
_FOREIGN = frozenset(
    {"citations", "cache_control", "caller", "context", "title", "message", "item", "image_url", "file"}
)
_OTHERS_BLOCKS = frozenset({"input_audio", "server_tool_use", "mcp_tool_use", "container_upload", "search_result"})
#: Blocks that are content of a message and no items of their own.
_CONTENT = frozenset({"input_text", "input_image", "input_file", "output_text", "refusal", "image", "document"})
#: Extra parts of an answer, which must be asked for by name.
_LOGPROBS, _ENCRYPTED = "message.output_text.logprobs", "reasoning.encrypted_content"


# From us to the server


def _body(request: ModelRequest) -> Json:
    messages = request.full_messages()
    custom = {call.id for message in messages for call in message.tool_calls if call.extra.get("custom")}
    body: Json = {"model": request.model, "input": [item for one in messages for item in _items(one, custom)]}
    for name, value in told_settings(request, _SETTINGS, "OpenAI's responses API"):
        if name == "response_format":
            body["text"] = {"format": _format(value)}
        elif name != "logprobs":  # that is asked for by what to include
            body[name] = value
    if request.tools:
        body["tools"] = [as_responses_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _choice(request.tool_choice)
    options = _options(request)
    if "text" in body and isinstance(options.get("text"), dict):
        options["text"] = body["text"] | options["text"]
    return body | options


def _options(request: ModelRequest) -> Json:
    """The options, with what must be included in the answer: likelihoods, and reasoning that nobody stores."""
    options = body_options(request)
    include = list(options.get("include") or ())
    if options.pop("logprobs", request.settings.get("logprobs")):
        include.append(_LOGPROBS)
    if options.get("store") is False and "temperature" in refused_settings(request.provider, request.model):
        include.append(_ENCRYPTED)
    return options | ({"include": list(dict.fromkeys(include))} if include else {})


def _format(wanted: Any) -> Any:
    if isinstance(wanted, str):
        return {"type": {"json": "json_object"}.get(wanted, wanted)}
    return {"type": wanted["type"], **wanted["json_schema"]} if "json_schema" in wanted else wanted


def _choice(choice: str | Json) -> str | Json:
    if isinstance(choice, str):
        if choice in ("auto", "none", "required"):
            return choice
        return "required" if choice == "any" else {"type": "function", "name": choice}
    name = (choice.get("function") or {}).get("name") or ("type" not in choice and choice.get("name"))
    return {"type": "function", "name": name} if name else choice


def _items(message: LLMMessage, custom: set[str | None]) -> Iterator[Json]:
    """The items of the input that a message is: the message, the reasoning before it, its calls and results."""
    if message.role == "tool" or (message.role == "function" and message.tool_call_id):
        identity = message.tool_call_id or ""
        yield _output(identity, message.parts or message.content, identity in custom) | _output_extra(message)
        return
    around = {name: value for name, value in message.extra.items() if name in _AROUND}
    pending: list[Part] = []
    for part in message.parts:
        if (item := _own_item(message.role, part, custom)) is None:
            pending.append(part)
            continue
        yield from _said(message.role, pending, around)
        pending = []
        yield item
    yield from _said(message.role, pending, around)
    calls = [call for call in message.tool_calls if call not in message.parts]
    if not message.parts and (message.content or not calls):
        yield {**around, "role": message.role, "content": message.content}
    yield from map(_call, calls)


def _said(role: str, parts: list[Part], default: Json) -> Iterator[Json]:
    """Content parts as message items; parts that came in one item of the vendor's go back in one."""
    content: list[Json] = []
    around: Json = {}
    for part in parts:
        if not (block := _block(role, part)):
            continue
        item = part.extra.get("message", default)
        if content and item != around:
            yield {**around, "role": role, "content": content}
            content = []
        around = item
        content.append(block)
    if content:
        yield {**around, "role": role, "content": content}


def _own_item(role: str, part: Part, custom: set[str | None]) -> Json | None:
    """The item that a part is by itself; None for one that is content of a message."""
    match part:
        case ToolCall():
            return _call(part)
        case ToolResult():
            return _output(part.tool_call_id, part.content, part.tool_call_id in custom)
        case ReasoningPart() if "item" in part.extra:
            item: Json = part.extra["item"]
            return item
        case RawPart() if _is_item(role, part.block):
            return part.block
    return None


def _is_item(role: str, block: Json) -> bool:
    """Whether a block of a kind that we do not know is an item; in what a user says, it is rather content."""
    kind = str(block.get("type"))
    if kind.endswith(("_call", "_call_output", "_request", "_response", "_list_tools")) or kind == "item_reference":
        return True
    return role != "user" and kind not in _CONTENT and not _is_others(block)


def _is_others(block: Json) -> bool:
    """Whether a block belongs to another vendor."""
    kind = str(block.get("type"))
    # Anthropic's compaction has its text open.
    return kind in _OTHERS_BLOCKS or kind.endswith("_tool_result") or (kind == "compaction" and "content" in block)


def _call(call: ToolCall) -> Json:
    custom = call.extra.get("custom")
    return {
        **call.extra.get("item", {}),
        "type": "custom_tool_call" if custom else "function_call",
        "call_id": call.id,
        "name": call.name,
        "input" if custom else "arguments": call.arguments_json,
    }


def _output(identity: str, content: Any, custom: bool) -> Json:
    if not isinstance(content, str):
        parts = [item if not isinstance(item, Mapping) else part_from_dict(item) for item in content]
        content = [block for part in parts if (block := _block("user", part))]
    kind = "custom_tool_call_output" if custom else "function_call_output"
    return {"type": kind, "call_id": identity, "output": content}


def _output_extra(message: LLMMessage) -> Json:
    return message.extra if message.extra.get("type") in TOOL_OUTPUTS else {}


def _block(role: str, part: Part) -> Json | None:
    """The part as a content block; None for what belongs to another vendor."""
    extra = {} if isinstance(part, RawPart) else {k: v for k, v in part.extra.items() if k not in _FOREIGN}
    match part:
        case TextPart():
            return {**extra, "type": "output_text" if role == "assistant" else "input_text", "text": part.text}
        case ImagePart():
            return {**extra, "type": "input_image", "image_url": part.url or data_url(part)}
        case DocumentPart():
            if part.media_type == "text/plain" and part.data is not None:
                return {"type": "input_text", "text": part.data}
            return {**extra, "type": "input_file", **_file(part)}
        case RawPart():
            return None if _is_others(part.block) else part.block
    return None


def _file(part: DocumentPart) -> Json:
    name = {"filename": part.name} if part.name else {}
    if part.file_id is not None:
        return {**name, "file_id": part.file_id}
    if part.url is not None:
        return {**name, "file_url": part.url}
    return {**name, "file_data": data_url(part) if part.media_type else part.data}


# From the server to us


def _response(data: Json) -> LLMResponse:
    if data.get("status") == "failed":
        raise NoAnswer
    output = data["output"]
    parts = [part for item in output for part in _parts(item)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    thoughts = [part.text for part in parts if isinstance(part, ReasoningPart) and part.text]
    incomplete = data.get("incomplete_details")
    why = incomplete.get("reason") if isinstance(incomplete, Mapping) else None
    metadata = {name: data.get(name) for name in ("id", "service_tier", "moderation", "conversation")}
    return LLMResponse(
        content="".join([_text(part) for part in parts]),
        model=data.get("model") or "",
        finish_reason=why or data.get("status"),
        usage=_usage(data.get("usage")),
        metadata={name: value for name, value in metadata.items() if value},
        tool_calls=calls,
        reasoning="\n\n".join(thoughts) or None,
        parts=parts,
        logprobs=[row for part in parts for row in token_logprobs(_likelihoods(part))],
    )


def _likelihoods(part: Part) -> Any:
    return part.extra.get("logprobs") if isinstance(part, TextPart) else None


def _text(part: Part) -> str:
    if isinstance(part, TextPart):
        return part.text
    return str(part.block.get("refusal", "")) if isinstance(part, RawPart) else ""


def _parts(item: Json) -> Iterator[Part]:
    if item.get("type") != "message":
        yield part_from_dict(item)
        return
    around: Json = {name: item[name] for name in _AROUND if name in item}
    for block in item["content"]:
        part = part_from_dict(block)
        yield replace(part, extra={**part.extra, "message": around})


def _usage(usage: Mapping[str, Any] | None) -> dict[str, int] | None:
    details = {
        "cached_tokens": count(usage, "input_tokens_details", "cached_tokens"),
        "cache_write_tokens": count(usage, "input_tokens_details", "cache_write_tokens"),
        "reasoning_tokens": count(usage, "output_tokens_details", "reasoning_tokens"),
    }
    return usage_of(usage, "input_tokens", "output_tokens", details)


#: Event to the field of an item that it brings text for, and the type of the block that the text goes into.
_TEXTS = {
    "response.output_text.delta": ("content", "output_text"),
    "response.refusal.delta": ("content", "refusal"),
    "response.reasoning_summary_text.delta": ("summary", "summary_text"),
    "response.reasoning_text.delta": ("content", "reasoning_text"),
    "response.function_call_arguments.delta": ("arguments", ""),
    "response.custom_tool_call_input.delta": ("input", ""),
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
        #: The calls so far, by their items: which one it is, and whether arguments have come.
        self._calls: dict[int | str, tuple[int, bool]] = {}

    def feed(self, event: Json) -> LLMStreamResponse | None:
        kind = event["type"]
        if kind in _TEXTS:
            return self._delta(event, *_TEXTS[kind])
        if kind in ("response.output_item.added", "response.output_item.done"):
            return self._take_item(_item_key(event), event["item"])
        if kind in ("error", "response.failed"):
            raise StreamError(event.get("response") or event)
        if "response" in event:
            self._whole = event["response"]
            self.ended = self.complete = kind in ("response.completed", "response.incomplete")
        return None

    def _take_item(self, key: int | str, item: Json) -> LLMStreamResponse | None:
        self._items[key] = item
        self._texts = {place: texts for place, texts in self._texts.items() if place[0] != key}
        if item.get("type") not in ("function_call", "custom_tool_call"):
            return None
        begun, (index, told) = key in self._calls, self._calls.get(key, (len(self._calls), False))
        arguments = "" if told else item.get("arguments") or item.get("input") or ""
        self._calls[key] = (index, told or bool(arguments))
        if begun:
            return LLMStreamResponse(tool_call=ToolCallPiece(index, arguments=arguments)) if arguments else None
        return LLMStreamResponse(tool_call=ToolCallPiece(index, item.get("call_id"), item.get("name", ""), arguments))

    def _delta(self, event: Json, field: str, kind: str) -> LLMStreamResponse | None:
        text = event["delta"]
        block = event.get("summary_index" if field == "summary" else "content_index") or 0
        key = _item_key(event)
        self._texts.setdefault((key, field, block, kind), []).append(text)
        if kind in ("output_text", "refusal"):
            return LLMStreamResponse(text)
        if kind:
            return LLMStreamResponse(reasoning=text)
        index, _ = self._calls.get(key, (len(self._calls), False))
        self._calls[key] = (index, True)
        return LLMStreamResponse(tool_call=ToolCallPiece(index, arguments=text))

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
