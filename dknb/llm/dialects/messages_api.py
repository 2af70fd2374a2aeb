"""The dialect of Anthropic's messages; both directions.

Source: the types in ``anthropic/types`` of anthropic 2.12.0, which are made from the API's own description.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ...errors import ConfigError
from ..answers.strict_schema import ANTHROPIC_UNKNOWN, all_in_words
from ..counting.counts import count, usage_of
from ..families.table import answer_tokens
from ..messages import LLMMessage, LLMResponse, reasoning_of, text_of
from ..parts import (
    DocumentPart,
    ImagePart,
    Json,
    Part,
    RawPart,
    ReasoningPart,
    TextPart,
    ToolCall,
    ToolResult,
    part_from_dict,
)
from ..request import ModelRequest
from ..tools import as_messages_tool
from .dialect import Dialect, NoAnswer, body_options, told_settings
from .messages_stream import MessageStream

__all__ = ["MESSAGES", "messages_body"]

#: What other dialects' blocks carry and this API refuses.
_FOREIGN = frozenset({"annotations", "logprobs", "message", "item", "image_url", "detail", "custom", "index", "file"})
_OTHERS_BLOCKS = frozenset({"refusal", "input_audio", "item_reference", "custom_tool_call"})
_SETTINGS = {
    "user_id": "metadata",
    **{name: name for name in ("temperature", "top_p", "max_tokens", "stop_sequences", "response_format")},
}
_SYSTEM = ("system", "developer")
#: Models that take a system message amid the conversation: Opus 4.8 and the families since.
#: Sources: github.com/simonw/llm-anthropic/issues/73, release notes of @langchain/anthropic 1.5.13; November 2026.
_TAKES_SYSTEM = re.compile(r"^claude-(?:opus-4-[89]|[a-z]+-[5-9])")
#: What such a message says beside its content.
_SYSTEM_FIELDS = ("clear_at", "output_config")


# From us to the server


def messages_body(request: ModelRequest) -> Json:
    """What a request says of messages, system prompt and tools, without settings: enough to count its tokens."""
    top, talk = _apart(request)
    body: Json = {"model": request.model, "messages": list(_turns(talk))}
    if system := _system(top):
        body["system"] = system
    if request.tools:
        body["tools"] = [as_messages_tool(tool) for tool in request.tools]
    if (choice := _choice(request)) is not None:
        body["tool_choice"] = choice
    return body


def _body(request: ModelRequest) -> Json:
    body = messages_body(request) | {"max_tokens": answer_tokens(request.provider, request.model)}
    for name, value in told_settings(request, _SETTINGS, "Anthropic's messages API"):
        if name == "response_format":
            body |= _format(value)
        else:
            body[name] = {"user_id": value} if name == "metadata" else value
    options = body_options(request)
    if "output_config" in body and isinstance(options.get("output_config"), dict):
        options["output_config"] = body["output_config"] | options["output_config"]
    return body | {name: value for name, value in options.items() if name not in ("betas", "parallel_tool_calls")}


def _format(wanted: Any) -> Json:
    if wanted == "text":
        return {}
    if not isinstance(wanted, dict):
        raise ConfigError(
            f"Anthropic has no response_format {wanted!r}.",
            hint='Give the schema: response_format={"type": "json_schema", "schema": {...}}',
        )
    told = wanted.get("json_schema", wanted)
    if (schema := told.get("schema")) and told.get("strict"):
        schema = all_in_words(schema, ANTHROPIC_UNKNOWN)
    return {"output_config": {"format": {"type": "json_schema", "schema": schema} if schema else wanted}}


def _choice(request: ModelRequest) -> Json | None:
    choice = None if request.tool_choice is None else _chosen(request.tool_choice)
    if request.tools and request.options.get("parallel_tool_calls") is False:
        choice = choice or {"type": "auto"}
        return choice if choice["type"] == "none" else {**choice, "disable_parallel_tool_use": True}
    return choice


def _chosen(choice: str | Json) -> Json:
    if isinstance(choice, str):
        kind = {"required": "any"}.get(choice, choice)
        return {"type": kind} if kind in ("auto", "none", "any") else {"type": "tool", "name": choice}
    if choice.get("type", "function") != "function":
        return choice
    return {"type": "tool", "name": choice.get("function", choice).get("name")}


def _apart(request: ModelRequest) -> tuple[list[LLMMessage], list[LLMMessage]]:
    """The system messages for the one field on top, and the conversation; some models take further ones in it."""
    messages = request.full_messages()
    in_place = _TAKES_SYSTEM.match(request.model) is not None
    top: list[LLMMessage] = []
    talk: list[LLMMessage] = []
    for place, message in enumerate(messages):
        apart = message.role in _SYSTEM and not (in_place and _may_stay(messages, place))
        (top if apart else talk).append(message)
    return top, talk


def _may_stay(messages: Sequence[LLMMessage], place: int) -> bool:
    """Whether a system message stands where the API allows one: after the user's turn, and before the model's."""
    follows = place > 0 and messages[place - 1].role in ("user", "tool", "function")
    return follows and (place + 1 == len(messages) or messages[place + 1].role == "assistant")


def _system(messages: Sequence[LLMMessage]) -> str | list[Json]:
    """The system messages as the one top-level field."""
    if all(_is_plain(message) for message in messages):
        return "\n\n".join(message.content for message in messages)
    return [block for message in messages for block in _content(message)]


def _is_plain(message: LLMMessage) -> bool:
    return not (message.parts or message.tool_calls or "cache_control" in message.extra)


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
        content = message.content if _is_plain(message) else _content(message)
        if message.role in _SYSTEM:
            more = {name: message.extra[name] for name in _SYSTEM_FIELDS if name in message.extra}
            yield {**more, "role": "system", "content": content}
        elif content or message.role == "user":
            yield {"role": message.role, "content": content}
    if results:
        yield {"role": "user", "content": results}


def _results(message: LLMMessage) -> list[Json]:
    if any(isinstance(part, ToolResult) for part in message.parts):
        return _content(message)
    content: Any = [block for part in message.parts for block in _block(part)] if message.parts else message.content
    mark = {name: value for name, value in message.extra.items() if name == "cache_control"}
    return [{"type": "tool_result", "tool_use_id": message.tool_call_id or message.name, "content": content, **mark}]


def _content(message: LLMMessage) -> list[Json]:
    """The message's blocks; the message's own cache mark is on the last."""
    parts: list[Part] = list(message.parts) or ([TextPart(message.content)] if message.content else [])
    parts += [call for call in message.tool_calls if call not in message.parts]
    blocks = [block for part in parts for block in _block(part)]
    if blocks and (mark := message.extra.get("cache_control")):
        blocks[-1] = {**blocks[-1], "cache_control": mark}
    return blocks


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
    given = {"input": part.raw_arguments} if part.extra.get("custom") else part.arguments
    return {"type": "tool_use", "id": part.id, "name": part.name, "input": given}


def _tool_result(part: ToolResult) -> Json:
    failed = {"is_error": True} if part.is_error else {}
    content: Any = part.content
    if not isinstance(content, str):
        content = [block for item in content for block in _block(part_from_dict(item))]
    return {"type": "tool_result", "tool_use_id": part.tool_call_id, "content": content, **failed}


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

#: What is told of an answer beside it.
_TOLD = ("id", "stop_sequence", "stop_details", "container", "context_management")


def _response(data: Json) -> LLMResponse:
    if "content" not in data:
        raise NoAnswer
    blocks = data["content"]
    parts = [part_from_dict(block) for block in blocks]
    usage = data.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    metadata = {name: data.get(name) for name in _TOLD} | {"service_tier": usage.get("service_tier")}
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
    details = {
        "cached_tokens": count(usage, "cache_read_input_tokens"),
        "cache_write_tokens": count(usage, "cache_creation_input_tokens"),
        "reasoning_tokens": count(usage, "output_tokens_details", "thinking_tokens"),
        "cache_write_1h_tokens": count(usage, "cache_creation", "ephemeral_1h_input_tokens") or None,
        "web_searches": count(usage, "server_tool_use", "web_search_requests") or None,
    }
    return usage_of(usage, "input_tokens", "output_tokens", details)


MESSAGES = Dialect("messages", _body, _response, partial(MessageStream, _response))
