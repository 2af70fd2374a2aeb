"""Anthropic: the models called Claude."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, cast

from .._lazy import extra
from ..errors import ConfigError
from .base import Messages
from .config import CompletionMode, LLMConfig, ModelCapability
from .dialect import Dialect
from .messages_api import MESSAGES, messages_body
from .parts import Json
from .request import completion_request
from .wire import HttpReply, WireProvider

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

__all__ = ["AnthropicProvider"]


class AnthropicProvider(WireProvider):
    """The models of Anthropic.

    Options: ``betas`` (a list, sent as a header), ``extra_headers``; all others (``thinking``, ``cache_control``,
    ``top_k``, ...) go into the request's body.
    """

    label = "Anthropic"
    capabilities = (*WireProvider.capabilities, ModelCapability.VISION, ModelCapability.CODE)

    async def count_tokens(
        self,
        messages: Messages,
        *,
        tools: Sequence[dict[str, Any]] | None = None,
        tool_choice: str | dict[str, Any] | None = None,
    ) -> int:
        """The tokens that these messages and tools would cost as a prompt, counted by Anthropic; free of charge.

        Raises:
            ProviderError: The server could not be asked.
        """
        request = completion_request(self.config, messages, tools, tool_choice, not_sent=self.not_sent)
        reply, _ = await self._ask("count_tokens", messages_body(request))
        return int(reply["input_tokens"])

    def _make_client(self) -> AsyncAnthropic:
        with extra("anthropic"):
            from anthropic import AsyncAnthropic
        return AsyncAnthropic(api_key=self._key(), base_url=self.config.api_base, max_retries=0, timeout=None)

    def _dialect(self, config: LLMConfig) -> Dialect:
        if config.mode is CompletionMode.TEXT:
            raise ConfigError("Anthropic's models only talk; they do not go on with a text.", hint="Set mode='chat'")
        return MESSAGES

    def _headers(self, config: LLMConfig) -> dict[str, str]:
        betas = config.options.get("betas")
        return super()._headers(config) | ({"anthropic-beta": ",".join(betas)} if betas else {})

    def _open(
        self, client: AsyncAnthropic, api: str, body: Json | None, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[HttpReply]:
        # The SDK's own arguments are only fillers: the body is ours, whole, and is sent as it is.
        opened: Any
        match api:
            case "messages":
                create = client.messages.with_streaming_response.create
                opened = create(model="", messages=[], max_tokens=1, extra_body=body, extra_headers=headers)
            case "count_tokens":
                count = client.messages.with_streaming_response.count_tokens
                opened = count(model="", messages=[], extra_body=body, extra_headers=headers)
            case _:
                opened = client.models.with_streaming_response.list(limit=1000, extra_headers=headers)
        return cast(AbstractAsyncContextManager[HttpReply], opened)
