"""What is sent to Ollama: pure functions from a request to the bodies of chat, generate and embed.

Source: see `ollama_api`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ...errors import ConfigError
from ..messages import LLMMessage
from ..parts import DocumentPart, ImagePart, Json, Part, TextPart, ToolResult, arguments_of, part_from_dict
from ..request import ModelRequest
from ..tools import as_chat_tool
from .dialect import told_settings

__all__ = ["chat_body", "embed_body", "generate_body"]

#: Our settings and the names that they have in a body; those that are no field of it go among its ``options``.
_SETTINGS = {
    "temperature": "temperature",
    "max_tokens": "num_predict",
    "top_p": "top_p",
    "seed": "seed",
    "stop_sequences": "stop",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "response_format": "format",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
}
#: Fields of a body; every other option of ours is one of the model's and goes into the body's ``options``.
_TOP_LEVEL = frozenset(
    {
        "context", "dimensions", "format", "images", "keep_alive", "logprobs", "raw", "shift", "suffix", "system",
        "template", "think", "top_logprobs", "truncate",
    }
)  # fmt: skip
#: Options of ``generate`` that a raw prompt rules out.
_TEMPLATED = frozenset({"context", "suffix", "system", "template"})
_ROLES = {"developer": "system", "function": "tool"}


def chat_body(request: ModelRequest) -> Json:
    """The body that asks for the next message of a chat."""
    body: Json = {"model": request.model, "messages": list(_messages(request.full_messages())), "stream": False}
    if tools := _offered(request):
        body["tools"] = [as_chat_tool(tool) for tool in tools]
    return body | _settings(request)


def generate_body(request: ModelRequest) -> Json:
    """The body that has a model go on with a text: raw, so that no template makes a question of it."""
    messages = request.full_messages()
    prompt = "\n\n".join(text for message in messages if (text := _text(message)))
    body: Json = {"model": request.model, "prompt": prompt, "stream": False}
    if images := [image for message in messages for image in _images(message.parts)]:
        body["images"] = images
    settings = _settings(request)
    return body | ({} if _TEMPLATED & settings.keys() else {"raw": True}) | settings


def embed_body(request: ModelRequest) -> Json:
    """The body that asks for the vectors of the request's texts."""
    return {"model": request.model, "input": list(request.texts)} | _settings(request)


def _settings(request: ModelRequest) -> Json:
    """The fields of a body that say how: ``options``, and what stands beside them."""
    body, model = _told(request)
    for name, value in request.options.items():
        if name not in ("api", "extra_body"):
            (body if name in _TOP_LEVEL else model)[name] = value
    extra: Json = request.options.get("extra_body") or {}
    model |= extra.get("options") or {}
    return body | extra | ({"options": model} if model else {})


def _told(request: ModelRequest) -> tuple[Json, Json]:
    """The settings of a request as fields of a body and as options of the model."""
    body: Json = {}
    model: Json = {}
    for name, value in told_settings(request, _SETTINGS, "Ollama's API"):
        if name == "format":
            body |= _format(value)
        else:
            (body if name in _TOP_LEVEL else model)[name] = value
    return body, model


def _format(wanted: str | Json) -> Json:
    """The field for a response format: ours, OpenAI's, or a JSON Schema as it is."""
    kind = wanted if isinstance(wanted, str) else wanted.get("type")
    if kind == "text":
        return {}
    if kind in ("json", "json_object"):
        return {"format": "json"}
    if isinstance(wanted, str):
        raise ConfigError(f"Ollama has no response format {wanted!r}.", hint='Formats: "text", "json", or a schema')
    return {"format": (wanted.get("json_schema") or wanted)["schema"] if kind == "json_schema" else wanted}


def _offered(request: ModelRequest) -> list[Json]:
    """The tools that the model may call; a choice among them can only be made by offering fewer."""
    choice = request.tool_choice
    kind = choice.get("type") if isinstance(choice, dict) else choice
    if kind is None or kind == "auto":
        return list(request.tools)
    if kind == "none":
        return []
    raise ConfigError(
        f"Ollama's API cannot make a model call a tool (tool_choice is {choice!r}).",
        hint="Leave tool_choice out, offer only that tool, and say in the prompt that it is to be called",
    )


def _messages(messages: Iterable[LLMMessage]) -> Iterator[Json]:
    names: dict[str, str] = {}
    for message in messages:
        names |= {call.id: call.name for call in message.tool_calls if call.id}
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        for part in results:
            yield _result(part, names.get(part.tool_call_id))
        if not results or _text(message) or message.tool_calls:
            yield _message(message, names)


def _message(message: LLMMessage, names: Mapping[str, str]) -> Json:
    out: Json = {"role": _ROLES.get(message.role, message.role), "content": _text(message)}
    if images := _images(message.parts):
        out["images"] = images
    if message.reasoning and message.role == "assistant":
        out["thinking"] = message.reasoning
    if calls := _calls(message):
        out["tool_calls"] = calls
    if out["role"] == "tool":
        # The name is what older servers tell results apart by.
        name = message.name or names.get(message.tool_call_id or "")
        out |= {"tool_name": name} if name else {}
        out |= {"tool_call_id": message.tool_call_id} if message.tool_call_id else {}
    return out


def _calls(message: LLMMessage) -> list[Json]:
    old = message.function_call
    if old and not message.tool_calls:
        return [{"function": {"name": old["name"], "arguments": arguments_of(old.get("arguments") or "{}")}}]
    return [
        {**({"id": call.id} if call.id else {}), "function": {"name": call.name, "arguments": call.arguments}}
        for call in message.tool_calls
    ]


def _result(part: ToolResult, name: str | None) -> Json:
    blocks = (
        [TextPart(part.content)] if isinstance(part.content, str) else [part_from_dict(one) for one in part.content]
    )
    out: Json = {"role": "tool", "content": "".join(one.text for one in blocks if isinstance(one, TextPart))}
    if images := _images(blocks):
        out["images"] = images
    return out | ({"tool_name": name} if name else {}) | {"tool_call_id": part.tool_call_id}


def _text(message: LLMMessage) -> str:
    """The text of a message, with that of the documents in it."""
    documents = [part for part in message.parts if isinstance(part, DocumentPart)]
    return "\n\n".join([text for text in (*map(_document, documents), message.content) if text])


def _document(part: DocumentPart) -> str:
    if part.data is None or part.media_type != "text/plain":
        what = part.name or part.url or part.media_type
        raise ConfigError(f"Ollama reads no such document ({what!r}).", hint="Give its text instead")
    return part.data


def _images(parts: Iterable[Part]) -> list[str]:
    """The images among the parts as base64; Ollama fetches none."""
    images = []
    for part in parts:
        if isinstance(part, ImagePart):
            if part.data is None:
                raise ConfigError(
                    f"Ollama takes no image by its address ({part.url!r}).",
                    hint="Give the image itself: a path, its bytes, or base64 data",
                )
            images.append(part.data)
    return images
