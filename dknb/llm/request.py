"""One call of a model, as data: what an adapter translates and what a recording is keyed by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from ..errors import ConfigError, did_you_mean
from .answers.instruct import one_instruction
from .config import CompletionMode, LLMConfig
from .messages import LLMMessage, message_of
from .opened import OpenedMessages, begins_with_system
from .tools import check_tools

__all__ = ["ModelRequest", "as_messages", "completion_request", "embedding_request"]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What is asked of which model.

    Attributes:
        kind: ``"complete"`` or ``"embed"``.
        provider: Name of the provider.
        model: The vendor's name of the model.
        messages: The messages of a completion, oldest first. May be lazy: read it from the end where that is enough.
        system: A system prompt to put first, where the messages do not begin with one.
        texts: The texts to embed.
        settings: The settings that were made (``temperature``, ``max_tokens``, ...), by their names in `LLMConfig`.
        tools: The tools that the model may call, as the caller wrote them.
        tool_choice: ``"auto"``, ``"none"``, ``"required"``, a tool's name, or the vendor's own dict.
        options: Fields that only this vendor knows, for the body of the request.
    """

    kind: str
    provider: str
    model: str
    messages: Sequence[LLMMessage] = ()
    system: str | None = None
    texts: Sequence[str] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    tools: Sequence[dict[str, Any]] = ()
    tool_choice: str | dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def full_messages(self) -> list[LLMMessage]:
        """All messages in order, the system prompt included."""
        return list(self.whole())

    def whole(self) -> Sequence[LLMMessage]:
        """The same, as lazy as ``messages`` is."""
        if not self.system or begins_with_system(self.messages):
            return self.messages
        return OpenedMessages(LLMMessage("system", self.system), self.messages)

    def canonical(self) -> dict[str, Any]:
        """The request as JSON data, the same in every session: no key, address, user id, time limit or stream flag."""
        whole: dict[str, Any] = {
            "kind": self.kind,
            "provider": self.provider,
            "model": self.model,
            "messages": [message.to_dict(metadata=False) for message in self.full_messages()],
            "texts": list(self.texts),
            "settings": {name: value for name, value in self.settings.items() if name != "user_id"},
            "tools": list(self.tools),
            "tool_choice": self.tool_choice,
            "options": self.options,
        }
        return {name: value for name, value in whole.items() if value not in (None, [], {})}


_ROLES = ("system", "user", "assistant", "tool", "function", "developer")
#: Settings of `LLMConfig` that are told to the model.
_SENT = (
    "temperature",
    "max_tokens",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "stop_sequences",
    "response_format",
    "seed",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "user_id",
)


def completion_request(
    config: LLMConfig,
    messages: str | Sequence[LLMMessage],
    tools: Sequence[dict[str, Any]] | None = None,
    tool_choice: str | dict[str, Any] | None = None,
    *,
    not_sent: frozenset[str] = frozenset(),
) -> ModelRequest:
    """The request for an answer to ``messages``; ``not_sent`` names options that are not for the request's body.

    Raises:
        ConfigError: There is nothing to send, the provider's mode does not fit, or a tool is none.
    """
    if config.mode is CompletionMode.EMBEDDING:
        raise ConfigError(f"{config.spec} is set to mode 'embedding'.", hint="Use embed(), or set mode='chat'")
    tools = config.functions or () if tools is None else tools
    if tool_choice is None and tools:
        tool_choice = _choice(config)
    if not isinstance(tool_choice, (str, dict, NoneType)):
        raise ConfigError(
            f"tool_choice is {tool_choice!r}.", hint='Give "auto", "none", "required", or the name of a tool'
        )
    if tool_choice is not None and not tools:
        raise ConfigError(f"tool_choice is {tool_choice!r}, but there are no tools.", hint="Give tools=[...] too")
    if tools:
        check_tools(tools, tool_choice)
    asked = as_messages(messages)
    if config.mode is CompletionMode.INSTRUCT:
        asked = one_instruction(asked)
    settings = _settings(config)
    if "response_format" in settings and not isinstance(settings["response_format"], str):
        from .answers.answer_shape import canonical_format

        settings["response_format"] = canonical_format(settings["response_format"])
    return ModelRequest(
        kind="complete",
        provider=config.provider,
        model=config.model,
        messages=asked,
        system=config.system_prompt,
        settings=settings,
        tools=tools,
        tool_choice=tool_choice,
        options={name: value for name, value in config.options.items() if name not in not_sent},
    )


def _settings(config: LLMConfig) -> dict[str, Any]:
    """The settings to send; likelihoods that are not wanted are the same as none asked for."""
    settings = {name: value for name in _SENT if (value := getattr(config, name)) is not None}
    if "top_logprobs" in settings:
        settings["logprobs"] = True
    elif settings.get("logprobs") is False:
        del settings["logprobs"]
    return settings


def embedding_request(
    config: LLMConfig, texts: Sequence[str], *, not_sent: frozenset[str] = frozenset()
) -> ModelRequest:
    """The request for the vectors of ``texts``."""
    settings = {} if config.user_id is None else {"user_id": config.user_id}
    options = {name: value for name, value in config.options.items() if name not in not_sent}
    return ModelRequest("embed", config.provider, config.model, texts=texts, settings=settings, options=options)


def as_messages(messages: str | Sequence[LLMMessage]) -> Sequence[LLMMessage]:
    """A call's messages: a text is the user's, plain data is read, a lazy sequence stays as it is.

    Raises:
        ConfigError: There are none, one is none, or one has a role that no API knows.
    """
    if isinstance(messages, str):
        return (LLMMessage("user", messages),)
    if isinstance(messages, LLMMessage):
        return (_checked(messages),)
    if isinstance(messages, Mapping):
        return (_checked(message_of(messages)),)
    messages = _listed(messages)
    if not messages:
        raise ConfigError("There is nothing to send: the list of messages is empty.")
    if isinstance(messages, (list, tuple)):
        return [_checked(message_of(item)) for item in messages]
    return messages


def _listed(messages: Any) -> Sequence[LLMMessage]:
    """Whatever has messages in it, as a sequence; one that is lazy stays as it is."""
    if messages is None or (isinstance(messages, Sequence) and not isinstance(messages, (bytes, bytearray))):
        return messages or ()
    if isinstance(messages, (bytes, bytearray)) or not isinstance(messages, Iterable):
        raise ConfigError(f"The messages are {messages!r:.100}.", hint="Give a text, or a list of messages")
    return list(messages)


def _checked(message: LLMMessage) -> LLMMessage:
    if message.role not in _ROLES:
        near = did_you_mean(str(message.role), _ROLES)
        raise ConfigError(f"A message has the role {message.role!r}.{near}", hint=f"Roles: {', '.join(_ROLES)}")
    return message


def _choice(config: LLMConfig) -> str | dict[str, Any] | None:
    chosen = config.function_call
    if chosen is None:
        return "required" if config.mode is CompletionMode.FUNCTION else None
    if isinstance(chosen, dict) and isinstance(chosen.get("name"), str):
        return str(chosen["name"])
    return chosen
