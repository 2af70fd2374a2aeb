"""Hugging Face's own client library, as far as it carries our calls.

``huggingface_hub`` knows the user's token (of the environment, of ``hf auth login``, of a notebook's secrets), the
addresses, names and forms of the servers behind the router, and how its user wants to reach the network. Its
``AsyncInferenceClient`` is taken apart here, because as a whole it keeps every stream open until the client itself is
closed (nothing could be cancelled), asks the Hub on the running loop who runs a model, and drops the nulls of a body.
So its steps are taken one by one: its helpers make the request, its session sends it, and the reply is ours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ..._lazy import extra
from ...errors import ConfigError
from ..parts import Json
from ..wire.http_client import HttpClient
from ..wire.sdk_reply import SdkReply
from .openai_shaped import PATHS

__all__ = ["HubClient", "hub_token"]

_ROUTER = "https://router.huggingface.co/v1"
#: What the Hub calls our APIs, and the field of the body that it wants apart.
_TASKS = {
    "chat": ("conversational", "messages"),
    "text": ("text-generation", "prompt"),
    "embeddings": ("feature-extraction", "input"),
}


def hub_token() -> str | None:
    """The token of the user who is logged in, wherever that is written; may read a file or ask the network."""
    with extra("huggingface"):
        from huggingface_hub import get_token
    return get_token()


@dataclass(frozen=True)
class _Route:
    """A request as a server behind the router wants it, and how it answers with vectors."""

    url: str
    headers: Mapping[str, str]
    body: Json
    vectors: Callable[[bytes], Any]


class HubClient:
    """Opens replies of the router, of one server behind it, or of an endpoint of one's own.

    Args:
        token: The token, or a key of the server's own vendor.
        base_url: The address of an endpoint that is shaped like OpenAI's API; None for the router.
        server: Who is to run the model (``"groq"``, ``"together"``, ...); None leaves that to the router.
        bill_to: The organisation that pays.
    """

    def __init__(
        self,
        token: str | None,
        base_url: str | None = None,
        server: str | None = None,
        bill_to: str | None = None,
    ) -> None:
        with extra("huggingface"):
            from huggingface_hub import get_async_session
        self.base_url = (base_url or _ROUTER).rstrip("/")
        self._routed = base_url is None
        self._token = token
        self._server = None if server == "auto" else server
        self._extra: Json = {"x-hf-bill-to": bill_to} if bill_to else {}
        key = {"authorization": f"Bearer {token}"} if token else {}
        self._http = HttpClient(get_async_session(), self.base_url, key | self._extra)

    @asynccontextmanager
    async def open(
        self, api: str, body: Json | None, headers: Mapping[str, str]
    ) -> AsyncGenerator[SdkReply | _Vectors, None]:
        """The reply to a body; None asks by GET. Closed at the end.

        Raises:
            ConfigError: No server runs the model for such calls, or the Hub is set offline.
            httpx2.HTTPError: The Hub or the server refused, or could not be reached.
        """
        from huggingface_hub.errors import OfflineModeIsEnabled

        try:
            # The router itself has one address for all chats, and takes them as they are.
            if body is None or not self._routed or (api == "chat" and self._server is None):
                async with self._http.open(PATHS[api], body, headers) as reply:
                    yield reply
                return
            # The Hub is asked who runs the model, and that blocks.
            route = await asyncio.to_thread(self._route, api, body)
            async with self._http.open(route.url, route.body, {**route.headers, **headers}) as reply:
                yield _Vectors(reply, route.vectors) if api == "embeddings" else reply
        except OfflineModeIsEnabled as error:
            raise ConfigError("Hugging Face is set offline.", hint="Unset HF_HUB_OFFLINE and start anew") from error

    def _route(self, api: str, body: Json) -> _Route:
        from huggingface_hub.inference._providers import get_provider_helper

        task, subject = _TASKS[api]
        model, _, named = str(body["model"]).partition(":")
        helper: Any
        try:
            helper = get_provider_helper(self._server or named or "auto", task=task, model=model)  # type: ignore[arg-type]
            prepared = helper.prepare_request(
                inputs=body[subject],
                parameters={k: v for k, v in body.items() if k not in ("model", subject, "encoding_format")},
                headers=self._extra,
                model=model,
                api_key=self._token,
            )
        except ValueError as error:
            hint = 'Name who runs it:  options={"inference_provider": ...}  (the model\'s page on the Hub lists them)'
            raise ConfigError(f"Hugging Face: {error}", hint=hint) from error
        if api == "text" and "prompt" not in prepared.json:
            raise ConfigError(
                f"{helper.provider!r} has no completions for {model!r}.",
                hint='Use mode="chat", or another server:  options={"inference_provider": "together"}',
            )
        return _Route(prepared.url, prepared.headers, prepared.json, helper.get_response)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()


class _Vectors:
    """A reply with vectors, in OpenAI's form whatever the server's is."""

    def __init__(self, reply: SdkReply, vectors: Callable[[bytes], Any]) -> None:
        self._reply = reply
        self._vectors = vectors
        self.headers = reply.headers
        self.url = reply.url

    async def read(self) -> bytes:
        """The whole body."""
        body = await self._reply.read()
        try:
            rows = self._vectors(body)
            if rows and isinstance(rows[0][0], list):
                raise ConfigError(
                    "The model gives a vector for each token, not for each text.",
                    hint="Take one that is made for sentences, for example sentence-transformers/all-MiniLM-L6-v2",
                )
        except (ValueError, KeyError, TypeError, IndexError) as error:
            if isinstance(error, ConfigError):
                raise
            return body
        return json.dumps({"data": [{"index": n, "embedding": row} for n, row in enumerate(rows)]}).encode()

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """The body as it arrives."""
        return self._reply.iter_bytes()
