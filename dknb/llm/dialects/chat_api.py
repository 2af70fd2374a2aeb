"""The dialect of OpenAI's chat completions, which most servers speak; both directions.

Source: the types in ``openai/types/chat`` of openai 3.54.0, which are made from the API's own description.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...errors import ConfigError
from ..counting.counts import count, usage_of
from ..families.table import system_role
from ..logprobs import text_logprobs
from ..messages import LLMMessage, LLMResponse, as_part, reasoning_of, text_of
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
    data_url,
    part_from_dict,
)
from ..request import ModelRequest
from ..tools import as_chat_tool
from .chat_stream import KNOWN, TOLD, ChatStream
from .dialect import Dialect, NoAnswer, body_options, told_settings

__all__ = ["ChatTraits", "chat_dialect", "chat_usage"]


@dataclass(frozen=True)
class ChatTraits:
    """What differs between the servers that speak this dialect.

    Attributes:
        max_tokens: The field that limits an answer.
        stream_usage: Whether a stream must be asked for its usage.
        keeps_marks: Whether Anthropic's ``cache_control`` may stay on parts.
        message_fields: Fields of an earlier answer, beyond the usual, that may go back; None means all that came.
    """

    max_tokens: str = "max_tokens"
    stream_usage: bool = True
    keeps_marks: bool = False
    message_fields: frozenset[str] | None = None


_SYSTEM = ("system", "developer")
_SETTINGS = {
    "stop_sequences": "stop",
    "user_id": "user",
    **{name: name for name in ("temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty")},
    **{name: name for name in ("response_format", "seed", "logit_bias", "logprobs", "top_logprobs")},
}
#: What other APIs say of a message.
_FOREIGN_FIELDS = frozenset({"type", "id", "status", "phase", "reasoning_field"})
#: What other vendors' blocks carry and these servers refuse.
_FOREIGN = frozenset({"citations", "cache_control", "caller", "context", "title", "annotations", "logprobs", "message"})
_FOREIGN_BLOCKS = frozenset({"server_tool_use", "mcp_tool_use", "container_upload", "search_result", "compaction"})


def chat_dialect(traits: ChatTraits) -> Dialect:
    """The dialect as a kind of server speaks it."""
    asked = {"stream": True} | ({"stream_options": {"include_usage": True}} if traits.stream_usage else {})
    return Dialect("chat", partial(_body, traits), _response, partial(ChatStream, _response), asked)


# From us to the server


def _body(traits: ChatTraits, request: ModelRequest) -> Json:
    body: Json = {"model": request.model}
    body["messages"] = [one for message in request.full_messages() for one in _message(message, traits)]
    if (role := system_role(request.provider, request.model)) != "system":
        body["messages"] = [one | {"role": role} if one["role"] in _SYSTEM else one for one in body["messages"]]
    for name, value in told_settings(request, _SETTINGS, "the API of chat completions"):
        if name == "max_tokens":
            body[traits.max_tokens] = value
        elif name == "response_format":
            body[name] = _format(value)
        else:
            body[name] = value
    if request.tools:
        body["tools"] = [as_chat_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _choice(request.tool_choice)
    return body | body_options(request)


def _format(wanted: Any) -> Any:
    return {"type": {"json": "json_object"}.get(wanted, wanted)} if isinstance(wanted, str) else wanted


def _choice(choice: str | Json) -> str | Json:
    if isinstance(choice, str):
        if choice in ("auto", "none", "required"):
            return choice
        return "required" if choice == "any" else {"type": "function", "function": {"name": choice}}
    if choice.get("type") == "tool" or set(choice) == {"name"}:
        return {"type": "function", "function": {"name": choice["name"]}}
    return _choice(choice["type"]) if choice.get("type") in ("auto", "none", "any") else choice


def _message(message: LLMMessage, traits: ChatTraits) -> Iterator[Json]:
    """The message, and before it the results of tools that it carries, each a message of its own here."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    for part in results:
        yield {"role": "tool", "tool_call_id": part.tool_call_id, "content": _result(part.content, traits)}
    content: Any = message.content
    if message.parts:
        content = [block for part in message.parts for block in _block(part, traits)]
    if content or not results:
        yield _spoken(message, content, traits)


def _spoken(message: LLMMessage, content: str | list[Json], traits: ChatTraits) -> Json:
    out: Json = {"role": message.role, "content": content}
    if message.extra:
        out |= _message_extra(message, traits)
    if message.name is not None:
        out["name"] = message.name
    if message.tool_call_id is not None:
        out["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        out |= {"content": content or None, "tool_calls": [_call(call) for call in message.tool_calls]}
    elif message.function_call:
        out |= {"content": content or None, "function_call": message.function_call}
    return out


def _message_extra(message: LLMMessage, traits: ChatTraits) -> Json:
    takes = traits.message_fields
    extra = {
        name: value
        for name, value in message.extra.items()
        if name not in _FOREIGN_FIELDS and (takes is None or name in takes)
    }
    if not traits.keeps_marks:
        extra.pop("cache_control", None)
    told = message.extra.get("reasoning_field")
    if told and message.reasoning and takes is None:
        extra[told] = message.reasoning
    return extra


def _call(call: ToolCall) -> Json:
    if call.extra.get("custom"):
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments_json}}
    extra = {name: value for name, value in call.extra.items() if name not in _FOREIGN and name != "item"}
    return {
        **extra,
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments_json},
    }


def _result(content: str | list[Json], traits: ChatTraits) -> str | list[Json]:
    if isinstance(content, str):
        return content
    return [block for item in content for block in _block(part_from_dict(item), traits)]


def _block(part: Part, traits: ChatTraits) -> Iterator[Json]:
    """The part as a content block; nothing for what goes elsewhere or belongs to another vendor."""
    match part:
        case TextPart():
            yield {**_extra(part.extra, traits), "type": "text", "text": part.text}
        case ImagePart():
            extra = _extra(part.extra, traits)
            where = {**extra.pop("image_url", {}), "url": part.url or data_url(part)}
            yield {**extra, "type": "image_url", "image_url": where}
        case DocumentPart():
            yield _document(part, traits)
        case RawPart():
            kind = str(part.block.get("type"))
            if kind not in _FOREIGN_BLOCKS and not kind.endswith("_tool_result"):
                yield part.block
        case ReasoningPart() | ToolCall() | ToolResult():
            return


def _document(part: DocumentPart, traits: ChatTraits) -> Json:
    if part.media_type == "text/plain" and part.data is not None:
        return {"type": "text", "text": part.data}
    extra = _extra(part.extra, traits)
    inner = {**extra.pop("file", {}), **({"filename": part.name} if part.name else {})}
    if part.file_id is not None:
        inner["file_id"] = part.file_id
    elif part.data is not None:
        inner["file_data"] = data_url(part) if part.media_type else part.data
    else:
        raise ConfigError(
            f"This API takes no document by its address ({part.url!r}).",
            hint="Give its base64 data, or use options={'api': 'responses'} or another provider",
        )
    return {**extra, "type": "file", "file": inner}


def _extra(extra: Mapping[str, Any], traits: ChatTraits) -> Json:
    kept = {name: value for name, value in extra.items() if name not in _FOREIGN}
    if traits.keeps_marks and "cache_control" in extra:
        kept["cache_control"] = extra["cache_control"]
    return kept


# From the server to us


def _response(data: Json) -> LLMResponse:
    if not data.get("choices"):
        raise NoAnswer
    choice = data["choices"][0]
    message = choice["message"]
    content, refusal = message.get("content"), message.get("refusal")
    parts = [as_part(item) for item in content] if isinstance(content, list) else []
    if refusal:
        said = parts or ([TextPart(content)] if content else [])
        content = f"{text_of(parts) if parts else content or ''}{refusal}"
        parts = [*said, RawPart({"type": "refusal", "refusal": refusal})]
    audio = message.get("audio") or {}
    return LLMResponse(
        content=text_of(parts) if isinstance(content, list) else content or audio.get("transcript") or "",
        model=data.get("model") or "",
        finish_reason=choice.get("finish_reason"),
        usage=chat_usage(data.get("usage")),
        function_call=message.get("function_call"),
        metadata=_metadata(data, message),
        tool_calls=_calls(message),
        reasoning=message.get("reasoning_content") or message.get("reasoning") or reasoning_of(parts),
        parts=parts,
        logprobs=text_logprobs(choice.get("logprobs")),
        extra=_kept(message),
    )


def _calls(message: Json) -> list[ToolCall]:
    """The calls that a message asks for; some servers leave out their type."""
    calls = []
    for block in message.get("tool_calls") or ():
        kind = block.get("type") or "function"
        call = part_from_dict({**block, "type": kind})
        if isinstance(call, ToolCall):
            calls.append(call)
        elif kind in ("function", "custom"):
            raise TypeError(f"this is no tool call: {block!r}")
    return calls


def _metadata(data: Json, message: Json) -> Json:
    """What is told of the answer; ``choices`` are the others, where several were asked for."""
    told = {name: data.get(name) for name in TOLD}
    told |= {"annotations": message.get("annotations"), "audio": message.get("audio")}
    told["choices"] = [_response({**data, "choices": [other]}).to_dict() for other in data["choices"][1:]]
    return {name: value for name, value in told.items() if value}


def _kept(message: Json) -> Json:
    """What must come back with the message beyond the usual, and under which name its reasoning came."""
    extra = {name: value for name, value in message.items() if name not in KNOWN and value}
    if audio := message.get("audio"):
        extra["audio"] = {"id": audio["id"]}
    named = next((name for name in ("reasoning_content", "reasoning") if isinstance(message.get(name), str)), None)
    return extra | ({"reasoning_field": named} if named and message[named] else {})


def chat_usage(usage: Mapping[str, Any] | None) -> dict[str, int] | None:
    """Token counts of a usage block; None when the server told none."""
    told, spent = "prompt_tokens_details", "completion_tokens_details"
    cached = count(usage, told, "cached_tokens")
    details = {
        "cached_tokens": count(usage, "prompt_cache_hit_tokens")
        if cached is None
        else cached,  # DeepSeek's name for it
        "cache_write_tokens": count(usage, told, "cache_write_tokens"),
        "reasoning_tokens": count(usage, spent, "reasoning_tokens"),
        "prompt_audio_tokens": count(usage, told, "audio_tokens") or None,
        "completion_audio_tokens": count(usage, spent, "audio_tokens") or None,
    }
    return usage_of(usage, "prompt_tokens", "completion_tokens", details)
