"""From the body of a vendor's API back to our request: the reverse of what the dialects write.

What a body says beyond messages, tools and the settings that all vendors have stays an option under the vendor's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from ..messages import LLMMessage
from ..parts import ImagePart, Json, TextPart
from ..request import ModelRequest

__all__ = ["read_request"]

Read: TypeAlias = Callable[[Json], Json]

#: The settings of a body by our names for them.
_COMMON = {name: name for name in ("temperature", "top_p", "max_tokens", "seed")}
_OPENAI = _COMMON | {
    "stop": "stop_sequences",
    "user": "user_id",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "logit_bias": "logit_bias",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "response_format": "response_format",
}
_ANTHROPIC = {name: name for name in ("temperature", "top_p", "max_tokens", "stop_sequences")}
_OLLAMA = _COMMON | {
    "num_predict": "max_tokens",
    "stop": "stop_sequences",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
#: What says how an answer is to be sent, and not which.
_TRANSPORT = ("stream", "stream_options", "model")


def read_request(api: str, provider: str, body: Mapping[str, Any]) -> ModelRequest:
    """The request that a body is.

    Args:
        api: ``"chat"``, ``"responses"``, ``"messages"``, ``"text"``, ``"embeddings"``, ``"ollama chat"``,
            ``"ollama generate"`` or ``"ollama embed"``.
        provider: Name of the provider.
        body: The JSON that was sent.

    Raises:
        KeyError: Something is missing in the body.
        TypeError: Something in it is of the wrong kind.
        ValueError: Something in it has a wrong value.
    """
    rest = {name: value for name, value in body.items() if name not in _TRANSPORT and value is not None}
    given = _READERS[api](rest)
    kind = "embed" if "texts" in given else "complete"
    return ModelRequest(kind, provider, str(body["model"]), options=rest, **given)


def _settings(rest: Json, names: Mapping[str, str]) -> Json:
    """Take the settings out of what is left of a body."""
    settings = {ours: rest.pop(name) for name, ours in names.items() if name in rest}
    if isinstance(stop := settings.get("stop_sequences"), str):
        settings["stop_sequences"] = [stop]
    return settings


def _tools(rest: Json) -> Json:
    choice = rest.pop("tool_choice", None)
    tools = rest.pop("tools", None) or ()
    return {"tools": tools, "tool_choice": _choice(choice) if tools else None}


def _choice(choice: Any) -> Any:
    """The choice in a word, where the vendor's form says no more."""
    if isinstance(choice, Mapping):
        name = (choice.get("function") or choice).get("name")
        if choice.keys() <= {"type", "name", "function"}:
            return name or choice.get("type")
    return choice


def _messages(items: Any) -> list[LLMMessage]:
    return [LLMMessage.from_dict(item) for item in items]


def _chat(rest: Json) -> Json:
    return {
        "messages": _messages(rest.pop("messages")),
        "settings": _settings(rest, _OPENAI),
        **_tools(rest),
    }


def _responses(rest: Json) -> Json:
    told = rest.pop("input")
    messages = [LLMMessage("user", told)] if isinstance(told, str) else _messages(told)
    if system := rest.pop("instructions", None):
        messages.insert(0, LLMMessage("system", system))
    settings = _settings(rest, _OPENAI)
    text = dict(rest.pop("text", None) or {})
    if wanted := text.pop("format", None):
        settings["response_format"] = wanted
    if text:
        rest["text"] = text
    rest["api"] = "responses"
    return {"messages": messages, "settings": settings, **_tools(rest)}


def _anthropic(rest: Json) -> Json:
    messages = _messages(rest.pop("messages"))
    if system := rest.pop("system", None):
        messages.insert(0, LLMMessage("system", system))
    settings = _settings(rest, _ANTHROPIC)
    if user := (rest.pop("metadata", None) or {}).get("user_id"):
        settings["user_id"] = user
    output = dict(rest.pop("output_config", None) or {})
    if wanted := output.pop("format", None):
        settings["response_format"] = wanted
    if output:
        rest["output_config"] = output
    return {"messages": messages, "settings": settings, **_tools(rest)}


def _text(rest: Json) -> Json:
    return {"messages": [LLMMessage("user", str(rest.pop("prompt")))], "settings": _settings(rest, _OPENAI)}


def _texts(rest: Json) -> Json:
    told = rest.pop("input")
    texts = [told] if isinstance(told, str) else list(told)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("its texts are tokens already")
    rest.pop("encoding_format", None)
    return {"texts": texts, "settings": {"user_id": rest.pop("user")} if "user" in rest else {}}


def _ollama_settings(rest: Json) -> Json:
    inner = dict(rest.pop("options", None) or {})
    settings = _settings(inner, _OLLAMA)
    rest |= inner
    wanted = rest.pop("format", None)
    if wanted:
        schema = isinstance(wanted, Mapping)
        settings["response_format"] = {"type": "json_schema", "schema": wanted} if schema else wanted
    return settings


def _ollama_chat(rest: Json) -> Json:
    messages = [_ollama_message(item) for item in rest.pop("messages")]
    return {"messages": messages, "settings": _ollama_settings(rest), **_tools(rest)}


def _ollama_message(item: Mapping[str, Any]) -> LLMMessage:
    role = str(item["role"])
    return LLMMessage(
        role=role,
        content=_with_images(str(item.get("content") or ""), item.get("images") or ()),
        tool_calls=LLMMessage.from_dict({"role": role, "tool_calls": _ollama_calls(item)}).tool_calls,
        tool_call_id=item.get("tool_call_id"),
        name=item.get("tool_name") if not item.get("tool_call_id") else None,
        reasoning=item.get("thinking"),
    )


def _ollama_calls(item: Mapping[str, Any]) -> list[Json]:
    return [{"type": "function", **call} for call in item.get("tool_calls") or ()]


def _with_images(text: str, images: Sequence[str]) -> Any:
    return [TextPart(text), *(ImagePart(data=data) for data in images)] if images else text


def _ollama_generate(rest: Json) -> Json:
    messages = [LLMMessage("user", _with_images(str(rest.pop("prompt", "")), rest.pop("images", None) or ()))]
    if system := rest.pop("system", None):
        messages.insert(0, LLMMessage("system", system))
    return {"messages": messages, "settings": _ollama_settings(rest)}


_READERS: dict[str, Read] = {
    "chat": _chat,
    "responses": _responses,
    "messages": _anthropic,
    "text": _text,
    "embeddings": _texts,
    "ollama chat": _ollama_chat,
    "ollama generate": _ollama_generate,
    "ollama embed": _texts,
}
