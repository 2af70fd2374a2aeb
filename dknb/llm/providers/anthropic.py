"""Anthropic: the models called Claude."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from ..._lazy import extra
from ...errors import ConfigError
from ..base import Messages
from ..config import CompletionMode, LLMConfig, ModelCapability
from ..counting.tokens import TokenCount
from ..dialects.dialect import Dialect
from ..dialects.messages_api import MESSAGES, messages_body
from ..parts import Json
from ..request import completion_request
from ..wire.provider import HttpReply, WireProvider
from ..wire.upload import Upload

if TYPE_CHECKING:
    from ..wire.http_client import HttpClient

__all__ = ["AnthropicProvider"]

#: Where a token may be instead of a key.
_TOKEN = "ANTHROPIC_AUTH_TOKEN"

#: Where the APIs are, below the address of the server.
_PATHS = {
    "messages": "/v1/messages",
    "count_tokens": "/v1/messages/count_tokens",
    "models": "/v1/models?limit=1000",
}


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
    ) -> TokenCount:
        """The tokens that these messages and tools would cost as a prompt, counted by Anthropic; free of charge.

        Raises:
            ProviderError: The server could not be asked.
        """
        request = completion_request(self.config, messages, tools, tool_choice, not_sent=self.not_sent)
        reply, _ = await self._ask("count_tokens", messages_body(request))
        return TokenCount(reply["input_tokens"], exact=True)

    def _make_client(self) -> HttpClient:
        with extra("anthropic"):
            from anthropic import AsyncAnthropic

            from ..wire.sdk_client import address_in, is_elsewhere, sdk_client
            from ..wire.transport import http_client
        base_url = self.config.api_base
        client = http_client(base_url)
        key = self._key()
        # One of them is always given: the SDK shall not look into the environment for another.
        given: dict[str, Any] = {"auth_token": key} if self._is_token() else {"api_key": key}
        with address_in("ANTHROPIC_BASE_URL"):
            sdk = AsyncAnthropic(**given, base_url=base_url, http_client=client)
        return sdk_client(sdk, client, elsewhere=is_elsewhere(base_url, "anthropic.com"))

    def _key(self) -> str | None:
        return super()._key() or os.environ.get(_TOKEN, "").strip() or None

    def _is_token(self) -> bool:
        return super()._key() is None

    def _dialect(self, config: LLMConfig) -> Dialect:
        if config.mode is CompletionMode.TEXT:
            raise ConfigError("Anthropic's models only talk; they do not go on with a text.", hint="Set mode='chat'")
        return MESSAGES

    def _headers(self, config: LLMConfig) -> dict[str, str]:
        betas = config.options.get("betas")
        return super()._headers(config) | ({"anthropic-beta": ",".join(betas)} if betas else {})

    def _open(
        self, client: HttpClient, api: str, body: Json | Upload | None, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[HttpReply]:
        return client.open(_PATHS.get(api, api), body, headers)
