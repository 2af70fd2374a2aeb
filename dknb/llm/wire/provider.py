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
from ..base import AsyncLLMProvider, Pieces
from ..calls.attempts import Attempts
from ..calls.sound import fault_of, tidy
from ..catalog import provider_row
from ..config import LLMConfig, ModelCapability
from ..dialects.dialect import Dialect, NoAnswer
from ..events import pieces_of
from ..families.table import capabilities_of
from ..messages import LLMResponse, LLMStreamResponse
from ..parts import Json
from ..request import ModelRequest
from .arrived import arrived_of_body, arrived_of_pieces, arrived_of_stream
from .clients import Clients
from .faults import Faults, request_id
from .hosts import is_open_road
from .http_client import SentOn
from .size import MOST_BYTES, TooLarge, collected
from .stream_reader import StreamReader, is_stream
from .upload import Upload

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
#: Texts that are shorter are words, also where a key may stand.
_SHORTEST_KEY = 8
#: Earlier keys that are remembered.
_KEYS = 4
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
        #: The keys that were used, the one of the present clients last.
        self._keys: list[str | None] = []

    # What a subclass supplies

    @abstractmethod
    def _make_client(self) -> Any:
        """A client of the SDK, without retries and time limits of its own; may block."""

    @abstractmethod
    def _dialect(self, config: LLMConfig) -> Dialect:
        """The dialect that a call speaks."""

    @abstractmethod
    def _open(
        self, client: Any, api: str, body: Json | Upload | None, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[HttpReply]:
        """An API of the client, by its name or its path, opened with a body; None asks by GET."""

    # What everybody calls

    def get_capabilities(self) -> list[ModelCapability]:
        """What the model can do; of one that no table knows, what any of the provider's can."""
        known = capabilities_of(self.provider, self.model)
        return list(self.capabilities if known is None else known)

    async def list_models(self) -> list[str]:
        """The models that the server offers, by name.

        Raises:
            ProviderError: The server could not be asked.
        """
        reply, _ = await self._ask("models", None)
        return [str(row["id"]) for row in reply.get("data", ()) if "id" in row]

    async def validate_model(self) -> bool:
        """Whether the server offers the model; awaiting it raises `ProviderError` when the server cannot be asked."""
        return await self._is_offered()

    # One attempt

    async def _complete(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        dialect = self._dialect(config)
        arrived: list[bytes] = []
        try:
            async with self._reply(dialect.api, dialect.body(request), request, config) as (reply, faults):
                body = await collected(reply.iter_bytes(), arrived, MOST_BYTES)
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
        pieces: list[LLMStreamResponse] = []
        try:
            async with self._reply(dialect.api, body, request, config) as (reply, faults):
                chunks = reply.iter_bytes()
                chunk = await anext(chunks, b"")
                if not is_stream(reply.headers.get("content-type", ""), chunk, dialect):
                    # A server that does not stream answers as a whole.
                    arrived.append(chunk)
                    response = self._read(await collected(chunks, arrived, MOST_BYTES), dialect.response, reply, faults)
                    for piece in pieces_of(response):
                        yield piece
                else:
                    reader = StreamReader(answer, dialect.decoder(), faults, reply.headers, pieces)
                    while chunk:
                        for fed in reader.feed(chunk) or _ALIVE:
                            yield fed
                        chunk = b"" if answer.ended else await anext(chunks, b"")
                    for piece in reader.finish():
                        yield piece
                    await _drain(chunks)
                    response = reader.response()
                    response.metadata |= self._about(reply)
        except ProviderError as error:
            error.partial = error.partial or arrived_of_stream(answer, request)
            error.partial = error.partial or arrived_of_body(b"".join(arrived), dialect.response, request)
            error.partial = error.partial or arrived_of_pieces(pieces, request)
            raise
        yield LLMStreamResponse(is_final=True, response=response)

    async def _is_offered(self) -> bool:
        return self.model in await self.list_models()

    async def _ask(self, api: str, body: Json | Upload | None, **overrides: Any) -> tuple[Json, Mapping[str, str]]:
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
        self, api: str, body: Json | Upload | None, request: ModelRequest, config: LLMConfig
    ) -> AsyncGenerator[tuple[HttpReply, Faults], None]:
        """An open reply; whatever goes wrong while it is open becomes one of our errors."""
        client = await self._client()
        faults = self._faults(request)
        faults = replace(
            faults,
            base_url=str(client.base_url).rstrip("/"),
            secrets=lambda: _secrets(*self._keys, *getattr(client, "secrets", ()), *_header_values(config)),
        )
        try:
            async with self._open(client, api, body, self._headers(config)) as reply:
                yield reply, faults
        except SentOn as error:
            raise faults.sent_on(error.status, error.to) from None
        except TooLarge as error:
            raise faults.too_large(error) from None
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
            _look_at(read)
        except ProviderError:
            raise
        except Exception as error:  # a reply may be anything, and the dialect stumble anywhere
            said = str(error) if isinstance(error, NoAnswer) and error.args else text
            raise _answering(reply, faults).not_an_answer(said, headers=reply.headers) from error
        if isinstance(read, LLMResponse):
            read.metadata |= self._about(reply)
        return read

    def _about(self, reply: HttpReply) -> Json:
        """What a reply's headers say of it, for the answer's ``metadata``."""
        identity = request_id(reply.headers)
        return {"request_id": identity} if identity else {}

    async def _prepare(self, request: ModelRequest) -> None:
        # Before the clock starts: the first call imports an SDK, which takes a second.
        faults = self._faults(request)
        if faults.key_variable is not None or faults.key is not None:
            faults.check_key()
        self._check_road(request)
        await self._client()

    async def _client(self) -> Any:
        """The client of the running loop; new ones when the environment has another key by now."""
        key = self._key()
        if not self._keys:
            self._keys.append(key)
        elif key != self._keys[-1]:
            # Calls that run keep the old ones, which close when the last of them is over.
            self._clients = Clients(self._make_client)
            self._keys = [*self._keys[-_KEYS:], key]
        return await self._clients.get()

    def _check_road(self, request: ModelRequest) -> None:
        """A key that was not meant for a server does not go to it for all to read."""
        base = self.config.api_base
        if base is not None and not self.config.api_key and is_open_road(base) and self._key():
            raise self._faults(request).open_road(base)

    def _faults(self, request: ModelRequest) -> Faults:
        return Faults(self.label, request, self._key(), provider_row(self.provider).key_variable)

    def _key(self) -> str | None:
        variable = provider_row(self.provider).key_variable
        key = self.config.api_key or (os.environ.get(variable) if variable else None)
        return key.strip() or None if key else None

    async def _close(self) -> None:
        await self._clients.close()


def _header_values(config: LLMConfig) -> list[str]:
    """What the caller's own headers say."""
    headers = config.options.get("extra_headers")
    return [str(value) for value in headers.values()] if isinstance(headers, Mapping) else []


def _secrets(*values: str | None) -> tuple[str, ...]:
    """Those texts that are long enough to be keys, also without the ``Bearer`` before them; the longest first."""
    parts = {part for value in values if value for part in (value, value.removeprefix("Bearer "))}
    return tuple(sorted((part for part in parts if len(part) >= _SHORTEST_KEY), key=len, reverse=True))


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read the end of a stream whose answer is whole, unless the server keeps it open."""
    with suppress(TimeoutError, *_transport_errors()):
        async with asyncio.timeout(_DRAIN):
            async for _ in chunks:
                pass


def _look_at(read: Any) -> None:
    if isinstance(read, LLMResponse):
        tidy(read)
        if fault_of(read) is not None:
            raise NoAnswer


def _object(body: bytes) -> Json:
    data = json.loads(body)
    if not isinstance(data, dict):
        raise NoAnswer
    return data


def _answering(reply: Any, faults: Faults) -> Faults:
    """The faults of where the reply came from, which is not where it was asked for if the server sent us on."""
    url = getattr(reply, "url", None)
    return faults if url is None or str(url).startswith(faults.base_url) else replace(faults, base_url=str(url))


def _transport_errors() -> tuple[type[BaseException], ...]:
    """The errors of those packages that are loaded; the others cannot have raised any."""
    return tuple(getattr(sys.modules[module], name) for module, name in _RAISED if module in sys.modules)


def _translated(error: Any, faults: Faults) -> ProviderError:
    response = getattr(error, "response", None)
    if response is not None:
        return _answering(response, faults).refused(response.status_code, response.text, response.headers)
    return faults.broken(error)
