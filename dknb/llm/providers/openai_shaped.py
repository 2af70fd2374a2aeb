"""Servers that OpenAI's SDK can talk to: OpenAI itself, and all that are built alike."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, ClassVar

from ..._lazy import extra
from ..config import CompletionMode, LLMConfig, ModelCapability
from ..dialects.chat_api import ChatTraits, chat_dialect
from ..dialects.dialect import Dialect, body_options
from ..dialects.embeddings_api import read_vectors
from ..dialects.text_api import TEXT
from ..messages import LLMResponse
from ..parts import Json
from ..request import ModelRequest
from ..wire.provider import HttpReply, WireProvider
from ..wire.upload import Upload

if TYPE_CHECKING:
    from ..wire.http_client import HttpClient

__all__ = ["PATHS", "OpenAIShapedProvider"]

#: Where the APIs are, below the address of the server.
PATHS = {
    "chat": "/chat/completions",
    "text": "/completions",
    "responses": "/responses",
    "embeddings": "/embeddings",
    "models": "/models",
}


class OpenAIShapedProvider(WireProvider):
    """A provider that speaks OpenAI's chat completions and embeddings; a subclass says what differs."""

    traits: ClassVar[ChatTraits] = ChatTraits()
    capabilities = (*WireProvider.capabilities, ModelCapability.EMBEDDINGS, ModelCapability.JSON_MODE)

    def _base_url(self) -> str | None:
        """Where the server is; None leaves it to the SDK and its environment variable."""
        return self.config.api_base

    def _make_client(self) -> HttpClient:
        with extra("openai"):
            from openai import AsyncOpenAI

            from ..wire.sdk_client import address_in, is_elsewhere, sdk_client
            from ..wire.transport import http_client
        options = self.config.options
        base_url = self._base_url()
        client = http_client(base_url)
        with address_in("OPENAI_BASE_URL"):
            sdk = AsyncOpenAI(
                # Servers without keys get a word that is none, since the SDK insists on one.
                api_key=self._key() or "no-key",
                base_url=base_url,
                organization=options.get("organization"),
                project=options.get("project"),
                http_client=client,
            )
        elsewhere = self.provider != "openai" or is_elsewhere(base_url, "openai.com")
        if elsewhere:
            # The SDK takes them from OpenAI's environment variables too; they are nobody else's business.
            sdk.organization, sdk.project = options.get("organization"), options.get("project")
        return sdk_client(sdk, client, elsewhere=elsewhere)

    def _dialect(self, config: LLMConfig) -> Dialect:
        return TEXT if config.mode is CompletionMode.TEXT else chat_dialect(self.traits)

    def _open(
        self, client: HttpClient, api: str, body: Json | Upload | None, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[HttpReply]:
        return client.open(PATHS.get(api, api), body, headers)

    async def _embed(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        body: Json = {"model": request.model, "input": list(request.texts), "encoding_format": "float"}
        if user := request.settings.get("user_id"):
            body["user"] = user
        body |= body_options(request)
        async with self._reply("embeddings", body, request, config) as (reply, faults):
            response: LLMResponse = self._read(await reply.read(), read_vectors, reply, faults)
        return response
