"""Hugging Face: open models, through the router to whoever runs them, or from a folder on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from ..config import normalize_llm_config
from ..families.family import CHAT, EMBEDDINGS
from ..parts import Json
from ..request import ModelRequest
from ..wire.faults import Faults
from ..wire.hosts import is_of, is_open_road
from ..wire.provider import HttpReply
from ..wire.upload import Upload
from .hub_client import HubClient, hub_token
from .model_folder import names_folder
from .openai_shaped import OpenAIShapedProvider

__all__ = ["HuggingFaceProvider"]

#: Hugging Face's own hosts: the Hub and its router, and the endpoints that it runs for its users.
_HOSTS = ("huggingface.co", "hf.co", "endpoints.huggingface.cloud")

#: What may stand behind the colon of a model's name and is no server, but how the router is to choose one.
_POLICIES = ("auto", "cheapest", "fastest", "preferred")


class HuggingFaceProvider(OpenAIShapedProvider):
    """Models behind Hugging Face's inference router, or behind an endpoint at ``api_base``.

    The key is a token of theirs: ``api_key``, else ``HF_TOKEN``, else that of ``hf auth login``; the latter two go to
    Hugging Face's own hosts only, and another server at ``api_base`` gets ``api_key`` or none. With the path of a
    folder as its model (it begins with ``./``, ``../``, ``/`` or ``~``, or holds a ``config.json``) this makes a
    `TransformersProvider`, which needs no key.

    Options: ``inference_provider`` (who is to run the model: ``"groq"``, ``"together"``, ...; then ``api_key`` may be a key of
    theirs), ``bill_to`` (the organisation that pays) and ``extra_headers``; all others go into the request's body.
    Vectors come from a server that has the model for feature extraction. In mode ``text`` it must be one that has
    completions. An answer's ``metadata["server"]`` names who ran the model, where that is known.
    """

    label = "Hugging Face"
    capabilities = (*CHAT, *EMBEDDINGS)
    not_sent = OpenAIShapedProvider.not_sent | {"inference_provider", "bill_to"}

    def __new__(cls, config: Any, prompt_builder: Any = None) -> Any:
        """A provider for what the model's name means, as ``Path()`` makes a path for the machine that it is on."""
        if cls is HuggingFaceProvider and names_folder(normalize_llm_config(config).model):
            from .transformers_provider import TransformersProvider

            return TransformersProvider(config, prompt_builder)
        return super().__new__(cls)

    def __init__(self, config: Any, prompt_builder: Any = None) -> None:
        super().__init__(config, prompt_builder)
        self._login: str | None = None

    def _key(self) -> str | None:
        if self._is_elsewhere():
            # A token of the environment opens the user's account on the Hub: it is for the Hub's own hosts.
            return (self.config.api_key or "").strip() or None
        return super()._key() or self._login

    def _is_elsewhere(self) -> bool:
        base = self.config.api_base
        return base is not None and (not is_of(base, _HOSTS) or is_open_road(base))

    def _faults(self, request: ModelRequest) -> Faults:
        faults = super()._faults(request)
        return replace(faults, key_variable=None) if self._is_elsewhere() else faults

    async def _prepare(self, request: ModelRequest) -> None:
        if self._key() is None and not self._is_elsewhere():
            self._login = await asyncio.to_thread(hub_token)
        await super()._prepare(request)

    def _make_client(self) -> Any:
        options = self.config.options
        return HubClient(self._key(), self.config.api_base, options.get("inference_provider"), options.get("bill_to"))

    def _open(
        self, client: Any, api: str, body: Json | Upload | None, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[HttpReply]:
        opened: AbstractAsyncContextManager[HttpReply] = client.open(api, body, headers)
        return opened

    async def _is_offered(self) -> bool:
        # Behind a colon stands who is to run the model, which is no part of its name.
        return self.model.partition(":")[0] in await self.list_models()

    def _about(self, reply: HttpReply) -> Json:
        """Who ran the model: as the reply says, or as was asked."""
        model, _, asked = self.model.partition(":")
        asked = self.config.options.get("inference_provider") or asked
        server = reply.headers.get("x-inference-provider") or (asked if asked not in _POLICIES else None)
        told = {"server": server, "priced_as": f"{model}:{server}"} if server else {}
        return super()._about(reply) | told
