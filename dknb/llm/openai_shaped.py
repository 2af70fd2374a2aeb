"""Servers that OpenAI's SDK can talk to: OpenAI itself, and all that are built alike."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, ClassVar, cast

from .._lazy import extra
from .chat_api import ChatTraits, chat_dialect, chat_usage
from .config import CompletionMode, LLMConfig, ModelCapability
from .dialect import Dialect, NoAnswer, body_options
from .messages import LLMResponse
from .parts import Json
from .request import ModelRequest
from .text_api import TEXT
from .wire import HttpReply, WireProvider

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["OpenAIShapedProvider"]


class OpenAIShapedProvider(WireProvider):
    """A provider that speaks OpenAI's chat completions and embeddings; a subclass says what differs."""

    traits: ClassVar[ChatTraits] = ChatTraits()
    capabilities = (*WireProvider.capabilities, ModelCapability.EMBEDDINGS, ModelCapability.JSON_MODE)

    def _base_url(self) -> str | None:
        """Where the server is; None leaves it to the SDK and its environment variable."""
        return self.config.api_base

    def _make_client(self) -> AsyncOpenAI:
        with extra("openai"):
            from openai import AsyncOpenAI
        options = self.config.options
        client = AsyncOpenAI(
            # Servers without keys get a word that is none, since the SDK insists on one.
            api_key=self._key() or "no-key",
            base_url=self._base_url(),
            organization=options.get("organization"),
            project=options.get("project"),
            max_retries=0,
            timeout=None,
        )
        if self.provider != "openai":
            # The SDK takes them from OpenAI's environment variables; they are nobody else's business.
            client.organization = client.project = None
        return client

    def _dialect(self, config: LLMConfig) -> Dialect:
        return TEXT if config.mode is CompletionMode.TEXT else chat_dialect(self.traits)

    def _open(
        self, client: AsyncOpenAI, api: str, body: Json | None, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[HttpReply]:
        # The SDK's own arguments are only fillers: the body is ours, whole, and is sent as it is.
        opened: Any
        match api:
            case "chat":
                create = client.chat.completions.with_streaming_response.create
                opened = create(model="", messages=[], extra_body=body, extra_headers=headers)
            case "text":
                continued = client.completions.with_streaming_response.create
                opened = continued(model="", prompt="", extra_body=body, extra_headers=headers)
            case "responses":
                opened = client.responses.with_streaming_response.create(extra_body=body, extra_headers=headers)
            case "embeddings":
                create_vectors = client.embeddings.with_streaming_response.create
                opened = create_vectors(model="", input="", extra_body=body, extra_headers=headers)
            case _:
                opened = client.models.with_streaming_response.list(extra_headers=headers)
        return cast(AbstractAsyncContextManager[HttpReply], opened)

    async def _embed(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        body: Json = {"model": request.model, "input": list(request.texts), "encoding_format": "float"}
        if user := request.settings.get("user_id"):
            body["user"] = user
        body |= body_options(request)
        async with self._reply("embeddings", body, request, config) as (reply, faults):
            response: LLMResponse = self._read(await reply.read(), _vectors, reply, faults)
        return response


def _vectors(data: Json) -> LLMResponse:
    rows = sorted(data["data"], key=lambda row: row.get("index", 0))
    if not rows:
        raise NoAnswer
    vectors = [_vector(row["embedding"]) for row in rows]
    usage = chat_usage(data.get("usage"))
    return LLMResponse("", data.get("model") or "", usage=usage, metadata={"vectors": vectors})


def _vector(given: str | list[float]) -> list[float]:
    """A vector, written out or as base64 of little-endian 32-bit floats."""
    if isinstance(given, str):
        raw = base64.b64decode(given)
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    return [float(value) for value in given]
