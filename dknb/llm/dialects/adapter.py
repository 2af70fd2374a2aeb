"""Adapters: a vendor's form of messages, settings, tools and answers, for code that talks to an SDK itself.

The providers here do not need them: they speak the dialects that these adapters show piece by piece.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...errors import ConfigError
from ..config import CompletionMode, LLMConfig
from ..messages import LLMMessage, LLMResponse
from ..parts import Json
from ..request import ModelRequest, as_messages, completion_request
from .chat_api import ChatTraits, chat_dialect
from .dialect import Dialect, NoAnswer
from .messages_api import MESSAGES
from .ollama_api import CHAT

__all__ = ["AnthropicAdapter", "LLMAdapter", "OllamaAdapter", "OpenAIAdapter"]


class LLMAdapter(ABC):
    """Translates between our types and a vendor's, in both directions; never changes what it is given."""

    @abstractmethod
    def adapt_messages(self, messages: Sequence[LLMMessage], system_prompt: str | None = None) -> Any:
        """The messages as the vendor takes them; ``system_prompt`` holds where they do not begin with one."""

    @abstractmethod
    def adapt_response(self, response: Any) -> LLMResponse:
        """The answer in the vendor's reply: plain data, or an object of its SDK.

        Raises:
            ConfigError: It is no answer.
        """

    @abstractmethod
    def adapt_config(self, config: LLMConfig) -> Json:
        """The settings, by the vendor's names, the model among them."""

    @abstractmethod
    def adapt_tools(self, tools: Sequence[Any]) -> list[Json]:
        """Tools as the vendor takes them: dicts, or objects with ``name``, ``description`` and ``schema``."""


class DialectAdapter(LLMAdapter):
    """The adapter of a dialect; a subclass names it."""

    dialect: ClassVar[Dialect]
    provider: ClassVar[str]

    def adapt_messages(self, messages: Sequence[LLMMessage], system_prompt: str | None = None) -> Any:
        """The messages, the system prompt among them."""
        return self._messages(messages, system_prompt)["messages"]

    def adapt_response(self, response: Any) -> LLMResponse:
        """The answer in the vendor's reply.

        Raises:
            ConfigError: It is no answer.
        """
        data = response if isinstance(response, Mapping) else response.model_dump()
        try:
            return self.dialect.response(dict(data))
        except (NoAnswer, KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise ConfigError(f"{data!r:.200} is no answer of {self.provider}.") from error

    def adapt_config(self, config: LLMConfig) -> Json:
        """The settings, by the vendor's names; the functions of the config are its tools."""
        chat = config.with_settings(mode=CompletionMode.CHAT, system_prompt=None)
        body = self.dialect.body(completion_request(chat, "-"))
        return {name: value for name, value in body.items() if name not in ("messages", "stream")}

    def adapt_tools(self, tools: Sequence[Any]) -> list[Json]:
        """Tools as the vendor takes them."""
        plain = [tool if isinstance(tool, Mapping) else _as_plain(tool) for tool in tools]
        request = ModelRequest("complete", self.provider, "", as_messages("-"), tools=[dict(tool) for tool in plain])
        adapted: list[Json] = self.dialect.body(request).get("tools", [])
        return adapted

    def _messages(self, messages: Sequence[LLMMessage], system_prompt: str | None) -> Json:
        return self.dialect.body(ModelRequest("complete", self.provider, "", as_messages(messages), system_prompt))


class OpenAIAdapter(DialectAdapter):
    """OpenAI's chat completions."""

    dialect = chat_dialect(ChatTraits(max_tokens="max_completion_tokens"))
    provider = "openai"


class AnthropicAdapter(DialectAdapter):
    """Anthropic's messages."""

    dialect = MESSAGES
    provider = "anthropic"

    def adapt_messages(
        self, messages: Sequence[LLMMessage], system_prompt: str | None = None
    ) -> tuple[Any, list[Json]]:
        """The system prompt, which Anthropic takes apart (``""`` if there is none), and the messages."""
        body = self._messages(messages, system_prompt)
        return body.get("system", ""), body["messages"]


class OllamaAdapter(DialectAdapter):
    """Ollama's own API."""

    dialect = CHAT
    provider = "ollama"


def _as_plain(tool: Any) -> Json:
    try:
        return {"name": tool.name, "description": tool.description, "parameters": tool.schema}
    except AttributeError as error:
        raise ConfigError(
            f"{tool!r} is no tool.", hint="A tool is a dict, or an object with name, description and schema"
        ) from error
