"""Providers behind HTTP: a dialect says how to write and read, an SDK carries it, this module joins the two."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, ClassVar, Protocol

from ...errors import ProviderError
from ..base import AsyncLLMProvider, Later, Pieces
from ..calls.attempts import Attempts
from ..catalog import provider_row
from ..config import LLMConfig, ModelCapability
from ..dialects.dialect import Dialect, NoAnswer
from ..events import pieces_of
from ..families.table import capabilities_of
from ..messages import LLMResponse, LLMStreamResponse
from ..parts import Json
from ..request import ModelRequest
from .arrived import arrived_of_body, arrived_of_stream
from .clients import Clients
from .faults import Faults
from .stream_reader import StreamReader, is_stream

__all__ = ["HttpReply", "WireProvider"]

#: What the SDKs raise, and both families of the HTTP clients under them.
_RAISED = (
    ("openai", "OpenAIError"),
    ("anthropic", "AnthropicError"),
    ("httpx2", "HTTPError"),
    ("httpx2", "StreamError"),
    ("httpx", "HTTPError"),
    ("httpx", "StreamError"),
    ("aiohttp", "ClientError"),
)
#: Seconds to wait for the end of a stream whose answer is complete, so that its connection can be used again.
_DRAIN = 0.05
#: What a chunk without a piece in it gives.
_ALIVE = (None,)


class HttpReply(Protocol):
    """An open reply of a server."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The reply's headers, by names in any case."""

    async def read(self) -> bytes:
        """The whole body."""

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """The body as it arrives; no chunk is empty."""


class WireProvider(AsyncLLMProvider):
    """A provider behind HTTP.

    A subclass names its vendor, picks a dialect, makes the SDK's client, and opens an API of it.
    """

    #: The vendor's name for people.
    label: ClassVar[str]
    capabilities: ClassVar[tuple[ModelCapability, ...]] = (
        ModelCapability.TEXT_GENERATION,
        ModelCapability.CHAT,
        ModelCapability.FUNCTION_CALLING,
        ModelCapability.STREAMING,
    )
    not_sent = frozenset({"extra_headers", "organization", "project"})

    def __init__(self, config: Any, prompt_builder: Any = None) -> None:
        super().__init__(config, prompt_builder)
        self._clients: Clients[Any] = Clients(self._make_client)

    # What a subclass supplies

    @abstractmethod
    def _make_client(self) -> Any:
        """A client of the SDK, without retries and time limits of its own; may block."""

    @abstractmethod
    def _dialect(self, config: LLMConfig) -> Dialect:
        """The dialect that a call speaks."""

    @abstractmethod
    def _open(
        self, client: Any, api: str, body: Json | None, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[HttpReply]:
        """An API of the client, opened with a body; None asks by GET."""

    # What everybody calls

    def get_capabilities(self) -> list[ModelCapability]:
        """What the model can do; of a model that no table knows, what the provider's models can."""
        known = capabilities_of(self.provider, self.model)
        return list(self.capabilities if known is None else known)

    async def list_models(self) -> list[str]:
        """The models that the server offers, by name.

        Raises:
            ProviderError: The server could not be asked.
        """
        reply, _ = await self._ask("models", None)
        return [str(row["id"]) for row in reply.get("data", ()) if "id" in row]

    def validate_model(self) -> Later[bool]:
        """Whether the server offers the model; awaiting it raises `ProviderError` when the server cannot be asked."""
        return Later(self._is_offered)

    # One attempt

    async def _complete(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        dialect = self._dialect(config)
        arrived: list[bytes] = []
        try:
            async with self._reply(dialect.api, dialect.body(request), request, config) as (reply, faults):
                body = await _collected(reply.iter_bytes(), arrived)
                response: LLMResponse = self._read(body, dialect.response, reply, faults)
        except ProviderError as error:
            error.partial = error.partial or arrived_of_body(b"".join(arrived), dialect.response, request)
            raise
        return response

    async def _stream(self, request: ModelRequest, config: LLMConfig) -> Pieces:
        dialect = self._dialect(config)
        answer = dialect.accumulator()
        body = dialect.body(request) | dialect.stream_fields
        arrived: list[bytes] = []
        try:
            async with self._reply(dialect.api, body, request, config) as (reply, faults):
                chunks = reply.iter_bytes()
                chunk = await anext(chunks, b"")
                if not is_stream(reply.headers.get("content-type", ""), chunk, dialect):
                    # A server that does not stream answers as a whole.
                    arrived.append(chunk)
                    response = self._read(await _collected(chunks, arrived), dialect.response, reply, faults)
                    for piece in pieces_of(response):
                        yield piece
                else:
                    reader = StreamReader(answer, dialect.decoder(), faults, reply.headers)
                    while chunk:
                        for fed in reader.feed(chunk) or _ALIVE:
                            yield fed
                        chunk = b"" if answer.ended else await anext(chunks, b"")
                    for piece in reader.finish():
                        yield piece
                    await _drain(chunks)
                    response = answer.response()
                    response.metadata |= self._about(reply)
        except ProviderError as error:
            error.partial = error.partial or arrived_of_stream(answer, request)
            error.partial = error.partial or arrived_of_body(b"".join(arrived), dialect.response, request)
            raise
        yield LLMStreamResponse(is_final=True, response=response)

    async def _is_offered(self) -> bool:
        return self.model in await self.list_models()

    async def _ask(self, api: str, body: Json | None, **overrides: Any) -> tuple[Json, Mapping[str, str]]:
        """Plain JSON from one of the vendor's other APIs, with retries and time limit; not recorded."""
        config = self._settings(overrides)
        request = ModelRequest(api, config.provider, config.model)
        await self._prepare(request)

        async def once() -> tuple[Json, Mapping[str, str]]:
            async with self._reply(api, body, request, config) as (reply, faults):
                return self._read(await reply.read(), lambda data: data, reply, faults), reply.headers

        with Attempts(config, self._pipeline.limits) as attempts:
            return await attempts.run(once, request)

    @asynccontextmanager
    async def _reply(
        self, api: str, body: Json | None, request: ModelRequest, config: LLMConfig
    ) -> AsyncGenerator[tuple[HttpReply, Faults], None]:
        """An open reply; whatever goes wrong while it is open becomes one of our errors."""
        client = await self._clients.get()
        faults = replace(self._faults(request), base_url=str(client.base_url).rstrip("/"))
        try:
            async with self._open(client, api, body, self._headers(config)) as reply:
                yield reply, faults
        except _transport_errors() as error:
            translated = _translated(error, faults)
            # The SDK's error repeats what the server said, which may have the key in it: it is not shown along.
            raise translated from (None if translated.status else error)

    def _headers(self, config: LLMConfig) -> dict[str, str]:
        """Headers that a call adds."""
        return dict(config.options.get("extra_headers") or {})

    def _read(self, body: bytes, response: Callable[[Json], Any], reply: HttpReply, faults: Faults) -> Any:
        text = body.decode("utf-8", "replace")
        try:
            data = _object(body)
            if data.get("error"):
                raise faults.in_stream(data, reply.headers)
            read = response(data)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, NoAnswer) as error:
            raise _answering(reply, faults).not_an_answer(text, headers=reply.headers) from error
        if isinstance(read, LLMResponse):
            read.metadata |= self._about(reply)
        return read

    def _about(self, reply: HttpReply) -> Json:
        """What a reply's headers say of it, for the answer's ``metadata``."""
        return _ids(reply)

    async def _prepare(self, request: ModelRequest) -> None:
        # Before the clock starts: the first call imports an SDK, which takes a second.
        faults = self._faults(request)
        if faults.key_variable is not None or faults.key is not None:
            faults.check_key()
        await self._clients.get()

    def _faults(self, request: ModelRequest) -> Faults:
        return Faults(self.label, request, self._key(), provider_row(self.provider).key_variable)

    def _key(self) -> str | None:
        variable = provider_row(self.provider).key_variable
        key = self.config.api_key or (os.environ.get(variable) if variable else None)
        return key.strip() or None if key else None

    async def _close(self) -> None:
        await self._clients.close()


async def _collected(chunks: AsyncIterator[bytes], arrived: list[bytes]) -> bytes:
    """The whole of a body, which is put into ``arrived`` chunk by chunk, so that what came counts also if it breaks."""
    async for chunk in chunks:
        arrived.append(chunk)  # noqa: PERF401 - see above
    return b"".join(arrived)


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read the end of a stream whose answer is whole, unless the server keeps it open."""
    with suppress(TimeoutError, *_transport_errors()):
        async with asyncio.timeout(_DRAIN):
            async for _ in chunks:
                pass


def _object(body: bytes) -> Json:
    data = json.loads(body)
    if not isinstance(data, dict):
        raise NoAnswer
    return data


def _answering(reply: Any, faults: Faults) -> Faults:
    """The faults of where the reply came from, which is not where it was asked for if the server sent us on."""
    url = getattr(reply, "url", None)
    return faults if url is None or str(url).startswith(faults.base_url) else replace(faults, base_url=str(url))


def _ids(reply: HttpReply) -> Json:
    identity = reply.headers.get("x-request-id") or reply.headers.get("request-id")
    return {"request_id": identity} if identity else {}


def _transport_errors() -> tuple[type[BaseException], ...]:
    """The errors of those packages that are loaded; the others cannot have raised any."""
    return tuple(getattr(sys.modules[module], name) for module, name in _RAISED if module in sys.modules)


def _translated(error: Any, faults: Faults) -> ProviderError:
    response = getattr(error, "response", None)
    if response is not None:
        return _answering(response, faults).refused(response.status_code, response.text, response.headers)
    return faults.broken(error)
