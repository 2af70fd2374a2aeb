"""Ollama: models on one's own machine, by its native API."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ..._lazy import extra
from ...errors import ConfigError, ConnectionFailed, ModelNotFound, ProviderError
from ..config import CompletionMode, LLMConfig, ModelCapability
from ..dialects.dialect import Dialect
from ..dialects.ollama_api import CHAT, GENERATE, embeddings
from ..dialects.ollama_body import embed_body
from ..families.family import CHAT as CHATS
from ..messages import LLMResponse
from ..parts import Json
from ..request import ModelRequest
from ..wire.faults import Faults
from ..wire.hosts import is_of, without_secrets
from ..wire.http_client import HttpClient
from ..wire.provider import HttpReply, WireProvider
from ..wire.upload import Upload
from .availability import ollama_url

__all__ = ["OllamaProvider"]

_PATHS = {
    "chat": "/api/chat",
    "generate": "/api/generate",
    "embed": "/api/embed",
    "models": "/api/tags",
    "running": "/api/ps",
    "show": "/api/show",
}
#: What ``/api/show`` says that a model can do, in our words ("insert" and "thinking" have none there).
#: Source: ``types/model/capability.go`` of Ollama, November 2026.
_CAPABILITIES = {
    "completion": (
        ModelCapability.TEXT_GENERATION,
        ModelCapability.CHAT,
        ModelCapability.STREAMING,
        ModelCapability.JSON_MODE,
    ),
    "tools": (ModelCapability.FUNCTION_CALLING,),
    "vision": (ModelCapability.VISION,),
    "embedding": (ModelCapability.EMBEDDINGS,),
}


class OllamaProvider(WireProvider):
    """Models of an Ollama server, at ``api_base``, else ``OLLAMA_HOST``, else this machine.

    It needs no key; ``api_key`` is for a server behind one, and ``OLLAMA_API_KEY`` for ollama.com.

    Options: ``keep_alive``, ``think`` (True, False, or ``"low"`` to ``"high"``), ``raw``, ``template``, ``suffix``,
    ``truncate``, ``dimensions``, ``logprobs``, ``top_logprobs`` and ``extra_headers``; all others are the model's own
    (``num_ctx``, ``top_k``, ``repeat_penalty``, ...). In mode ``text`` the model goes on with the raw text, without its
    template, unless ``raw`` is False.
    """

    label = "Ollama"
    capabilities = (*CHATS, ModelCapability.EMBEDDINGS)

    def __init__(self, config: Any, prompt_builder: Any = None) -> None:
        super().__init__(config, prompt_builder)
        self._shown: Json | None = None

    # What the server has

    async def list_models(self) -> list[str]:
        """The models that the server has, by name.

        Raises:
            ProviderError: The server could not be asked.
        """
        return [str(row["name"]) for row in await self._rows("models")]

    async def running_models(self) -> list[Json]:
        """The models that are loaded now: ``name``, ``size_vram`` (bytes), ``expires_at``, ``context_length``, ...

        Raises:
            ProviderError: The server could not be asked.
        """
        return await self._rows("running")

    async def show_model(self, model: str | None = None) -> Json:
        """What the server knows of a model, by default this provider's.

        Returns:
            Ollama's own ``details``, ``parameters``, ``template``, ``capabilities``, ``model_info``, ..., and
            ``context_length`` (tokens), None where the server does not say.

        Raises:
            ModelNotFound: The server does not have it.
            ProviderError: The server could not be asked.
        """
        shown, _ = await self._ask("show", {"model": model or self.model})
        lengths = [n for name, n in (shown.get("model_info") or {}).items() if name.endswith(".context_length")]
        shown["context_length"] = lengths[0] if lengths else None
        if model in (None, self.model):
            self._shown = shown
        return shown

    def get_capabilities(self) -> list[ModelCapability]:
        """What the model can do, as the server says once ``show_model`` or ``validate_model`` has asked it.

        Until then: what is known of the model, and of an unknown one that it chats.
        """
        told = (self._shown or {}).get("capabilities")
        if told is None:
            return super().get_capabilities()
        return [ours for name in told for ours in _CAPABILITIES.get(name, ())]

    async def _is_offered(self) -> bool:
        names = await self.list_models()
        offered = self.model in names or f"{self.model}:latest" in names
        if offered:
            # Servers that imitate Ollama may know the one and not the other.
            with suppress(ProviderError):
                await self.show_model()
        return offered

    async def _rows(self, api: str) -> list[Json]:
        reply, _ = await self._ask(api, None)
        rows = reply.get("models")
        return [row for row in rows if isinstance(row, dict) and "name" in row] if isinstance(rows, list) else []

    # How it is reached

    def _base_url(self) -> str:
        host = self.config.api_base or os.environ.get("OLLAMA_HOST")
        try:
            base = ollama_url(host)
        except ValueError as error:
            shown = without_secrets(host or "")
            raise ConfigError(f"OLLAMA_HOST is {shown!r}, which is no address.", hint="Set it to host:port") from error
        # Both are parts of the address for other clients: the one that imitates OpenAI's API, and the API itself.
        return base.removesuffix("/v1").removesuffix("/api")

    def _key(self) -> str | None:
        key = self.config.api_key or ""
        if not key and _in_the_cloud(self._base_url()):
            key = os.environ.get("OLLAMA_API_KEY", "")
        return key.strip() or None

    def _make_client(self) -> HttpClient:
        with extra("openai"):
            from ..wire.transport import http_client
        base = self._base_url()
        key = self._key()
        return HttpClient(http_client(base), base, {"authorization": f"Bearer {key}"} if key else None)

    def _open(
        self, client: HttpClient, api: str, body: Json | Upload | None, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[HttpReply]:
        return client.open(_PATHS[api], body, headers)

    def _dialect(self, config: LLMConfig) -> Dialect:
        return GENERATE if config.mode is CompletionMode.TEXT else CHAT

    async def _embed(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        async with self._reply("embed", embed_body(request), request, config) as (reply, faults):
            read = partial(embeddings, count=len(request.texts))
            response: LLMResponse = self._read(await reply.read(), read, reply, faults)
        return response

    def _about(self, reply: HttpReply) -> Json:
        host = urlsplit(self._base_url()).hostname
        return super()._about(reply) | ({"server": host} if _in_the_cloud(self._base_url()) else {})

    def _faults(self, request: ModelRequest) -> Faults:
        faults = super()._faults(request)
        pull = f"Get it:  ollama pull {request.model}   (what there is:  ollama list)"
        start = "See that it runs:  ollama serve   (or say where it is:  export OLLAMA_HOST=host:port)"
        return replace(faults, hints={ModelNotFound: pull, ConnectionFailed: start})


def _in_the_cloud(url: str) -> bool:
    return is_of(url, ("ollama.com",))
