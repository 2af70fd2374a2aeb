"""The dialect of Anthropic's messages; both directions.

Source: the types in ``anthropic/types`` of anthropic 2.12.0, which are made from the API's own description.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import ConfigError
from .dialect import Dialect, NoAnswer, StreamError, body_options
from .families import answer_tokens
from .messages import LLMMessage, LLMResponse, LLMStreamResponse, reasoning_of, text_of
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
    arguments_of,
    part_from_dict,
)
from .request import ModelRequest
from .tools import as_messages_tool

__all__ = ["MESSAGES", "messages_body"]

#: What other dialects' blocks carry and this API refuses.
_FOREIGN = frozenset({"annotations", "logprobs", "message", "item", "image_url", "detail", "custom", "index"})
_OTHERS_BLOCKS = frozenset({"refusal", "input_audio", "item_reference", "custom_tool_call"})


# From us to the server


def messages_body(request: ModelRequest) -> Json:
    """What a request says of messages, system prompt and tools, without settings: enough to count its tokens."""
    whole = request.full_messages()
    body: Json = {"model": request.model, "messages": list(_turns(whole))}
    if system := _system([message for message in whole if message.role in ("system", "developer")]):
        body["system"] = system
    if request.tools:
        body["tools"] = [as_messages_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _choice(request.tool_choice)
    return body


def _body(request: ModelRequest) -> Json:
    body = messages_body(request) | {"max_tokens": answer_tokens(request.provider, request.model)}
    for name, value in request.settings.items():
        if name == "response_format":
            body |= _format(value)
        elif name == "user_id":
            body["metadata"] = {"user_id": value}
        else:
            body[name] = value
    return body | {name: value for name, value in body_options(request).items() if name != "betas"}


def _format(wanted: Any) -> Json:
    if wanted == "text":
        return {}
    if not isinstance(wanted, dict):
        raise ConfigError(
            f"Anthropic has no response_format {wanted!r}.",
            hint='Give the schema: response_format={"type": "json_schema", "schema": {...}}',
        )
    schema = wanted.get("json_schema", wanted).get("schema")
    return {"output_config": {"format": {"type": "json_schema", "schema": schema} if schema else wanted}}


def _choice(choice: str | Json) -> Json:
    if isinstance(choice, str):
        kind = {"required": "any"}.get(choice, choice)
        return {"type": kind} if kind in ("auto", "none", "any") else {"type": "tool", "name": choice}
    name = (choice.get("function") or {}).get("name")
    return {"type": "tool", "name": name} if name else choice


def _system(messages: Sequence[LLMMessage]) -> str | list[Json]:
    """The system messages as the one top-level field."""
    if not any(message.parts for message in messages):
        return "\n\n".join(message.content for message in messages)
    return [block for message in messages for block in _content(message)]


def _turns(messages: Sequence[LLMMessage]) -> Iterator[Json]:
    """The conversation; the results of several tools make one message of the user's."""
    results: list[Json] = []
    for message in messages:
        if message.role in ("tool", "function"):
            results += _results(message)
            continue
        if results:
            yield {"role": "user", "content": results}
            results = []
        if message.role in ("system", "developer"):
            continue
        plain = not (message.parts or message.tool_calls)
        content = message.content if plain else list(_content(message))
        if content or message.role == "user":
            yield {"role": message.role, "content": content}
    if results:
        yield {"role": "user", "content": results}


def _results(message: LLMMessage) -> list[Json]:
    if any(isinstance(part, ToolResult) for part in message.parts):
        return list(_content(message))
    content: Any = list(_content(message)) if message.parts else message.content
    return [{"type": "tool_result", "tool_use_id": message.tool_call_id or message.name, "content": content}]


def _content(message: LLMMessage) -> Iterator[Json]:
    parts: list[Part] = list(message.parts) or ([TextPart(message.content)] if message.content else [])
    parts += [call for call in message.tool_calls if call not in message.parts]
    for part in parts:
        yield from _block(part)


def _block(part: Part) -> Iterator[Json]:
    """The part as a content block; nothing for what belongs to another vendor."""
    if isinstance(part, RawPart):
        kind = str(part.block.get("type"))
        if kind not in _OTHERS_BLOCKS and not kind.endswith("_call"):
            yield part.block
        return
    block = _WRITERS[type(part)](part)
    if block:
        yield {**{name: value for name, value in part.extra.items() if name not in _FOREIGN}, **block}


def _text(part: TextPart) -> Json | None:
    # An empty text is refused; what was cut before it began is empty.
    return {"type": "text", "text": part.text} if part.text else None


def _image(part: ImagePart) -> Json:
    return {"type": "image", "source": _source(part)}


def _document(part: DocumentPart) -> Json:
    title = {"title": part.name} if part.name else {}
    return {"type": "document", "source": _source(part), **title}


def _thinking(part: ReasoningPart) -> Json | None:
    if part.signature is not None:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if part.data is not None and "item" not in part.extra:
        return {"type": "redacted_thinking", "data": part.data}
    return None


def _tool_use(part: ToolCall) -> Json:
    return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}


def _tool_result(part: ToolResult) -> Json:
    failed = {"is_error": True} if part.is_error else {}
    return {"type": "tool_result", "tool_use_id": part.tool_call_id, "content": part.content, **failed}


_WRITERS: dict[type[Any], Callable[[Any], Json | None]] = {
    TextPart: _text,
    ImagePart: _image,
    DocumentPart: _document,
    ReasoningPart: _thinking,
    ToolCall: _tool_use,
    ToolResult: _tool_result,
}


def _source(part: ImagePart | DocumentPart) -> Json:
    if isinstance(part, DocumentPart) and part.file_id is not None:
        return {"type": "file", "file_id": part.file_id}
    if part.url is not None:
        return {"type": "url", "url": part.url}
    kind = "text" if part.media_type == "text/plain" else "base64"
    return {"type": kind, "media_type": part.media_type, "data": part.data}


# From the server to us


def _response(data: Json) -> LLMResponse:
    if "content" not in data:
        raise NoAnswer
    blocks = data["content"]
    parts = [part_from_dict(block) for block in blocks]
    usage = data.get("usage") or {}
    metadata = {
        "id": data.get("id"),
        "stop_sequence": data.get("stop_sequence"),
        "service_tier": usage.get("service_tier"),
        "container": data.get("container"),
    }
    return LLMResponse(
        content=text_of(parts),
        model=data.get("model") or "",
        finish_reason=data.get("stop_reason"),
        usage=_usage(usage),
        metadata={name: value for name, value in metadata.items() if value},
        tool_calls=[part for part in parts if isinstance(part, ToolCall)],
        reasoning=reasoning_of(parts),
        parts=[] if len(parts) == 1 and parts == [TextPart(text_of(parts))] else parts,
    )


def _usage(usage: Mapping[str, Any]) -> dict[str, int] | None:
    if "input_tokens" not in usage:
        return None
    prompt, completion = usage["input_tokens"] or 0, usage.get("output_tokens") or 0
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    details = {
        "cached_tokens": usage.get("cache_read_input_tokens"),
        "cache_write_tokens": usage.get("cache_creation_input_tokens"),
        "reasoning_tokens": (usage.get("output_tokens_details") or {}).get("thinking_tokens"),
    }
    return counts | {name: count for name, count in details.items() if count is not None}


class _MessageStream:
    """Collects the events of a streamed message into the message that they add up to."""

    def __init__(self) -> None:
        self.complete = False
        self.ended = False
        self._message: Json = {}
        self._blocks: dict[int, Json] = {}
        self._pieces: dict[int, dict[str, list[str]]] = {}

    def feed(self, event: Json) -> LLMStreamResponse | None:
        match event["type"]:
            case "content_block_delta":
                return self._delta(event["index"], event["delta"])
            case "content_block_start":
                self._blocks[event["index"]] = event["content_block"]
                self._pieces[event["index"]] = {}
            case "message_start":
                self._message = event["message"]
            case "message_delta":
                usage = {name: count for name, count in (event.get("usage") or {}).items() if count is not None}
                usage = {**(self._message.get("usage") or {}), **usage}
                self._message = {**self._message, **event["delta"], "usage": usage}
                self.complete = event["delta"].get("stop_reason") is not None
            case "message_stop":
                self.ended = self.complete = True
            case "error":
                raise StreamError(event)
        return None

    def _delta(self, index: int, delta: Json) -> LLMStreamResponse | None:
        kind = delta["type"]
        if kind == "text_delta":
            self._add(index, "text", delta["text"])
            return LLMStreamResponse(delta["text"])
        if kind == "thinking_delta":
            self._add(index, "thinking", delta["thinking"])
            return LLMStreamResponse(reasoning=delta["thinking"])
        if kind == "input_json_delta":
            self._add(index, "input", delta["partial_json"])
        elif kind == "signature_delta":
            self._add(index, "signature", delta["signature"])
        elif kind == "citations_delta":
            block = self._blocks[index]
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
        return None

    def _add(self, index: int, field: str, text: str) -> None:
        self._pieces[index].setdefault(field, []).append(text)

    def response(self) -> LLMResponse:
        blocks = [self._whole(index) for index in sorted(self._blocks)]
        response = _response({**self._message, "content": blocks})
        if not self.complete:
            self._restore_cut_arguments(response)
        return response

    def _whole(self, index: int) -> Json:
        block = dict(self._blocks[index])
        for field, pieces in self._pieces[index].items():
            text = "".join(pieces)
            if field == "input":
                block["input"] = arguments_of(text) if text else block.get("input") or {}
            else:
                block[field] = (block.get(field) or "") + text
        return block

    def _restore_cut_arguments(self, response: LLMResponse) -> None:
        """Give calls whose arguments were cut the JSON that arrived, since it is no object yet."""
        texts = ["".join(self._pieces[index].get("input", ())) for index in sorted(self._blocks)]
        for place, (part, text) in enumerate(zip(response.parts, texts, strict=False)):
            if isinstance(part, ToolCall) and text and not part.arguments:
                call = ToolCall(part.name, {}, part.id, raw_arguments=text, extra=part.extra)
                response.parts[place] = call
                response.tool_calls[response.tool_calls.index(part)] = call


MESSAGES = Dialect("messages", _body, _response, _MessageStream)
