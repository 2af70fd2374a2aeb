"""Providers behind HTTP: a dialect says how to write and read, an SDK carries it, this module joins the two."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, ClassVar, Protocol

from ..errors import ProviderError
from .attempts import Attempts
from .base import AsyncLLMProvider, Later, Pieces
from .catalog import provider_row
from .clients import Clients
from .config import LLMConfig, ModelCapability
from .dialect import Accumulator, Dialect, NoAnswer, StreamError
from .messages import LLMResponse, LLMStreamResponse
from .parts import Json
from .request import ModelRequest
from .sse import EventDecoder
from .wire_errors import Faults

__all__ = ["HttpReply", "StreamReader", "WireProvider"]

#: What the SDKs raise, and both families of the HTTP clients under them.
_RAISED = (
    ("openai", "OpenAIError"),
    ("anthropic", "AnthropicError"),
    ("httpx2", "HTTPError"),
    ("httpx2", "StreamError"),
    ("httpx", "HTTPError"),
    ("httpx", "StreamError"),
)
#: Seconds to wait for the end of a stream whose answer is complete, so that its connection can be used again.
_DRAIN = 0.05


class HttpReply(Protocol):
    """What both SDKs give for an open reply."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The reply's headers, by names in any case."""

    async def read(self) -> bytes:
        """The whole body."""

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """The body as it arrives."""


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
        """What the provider's models can do; a single model may do less."""
        return list(self.capabilities)

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
        async with self._reply(dialect.api, dialect.body(request), request, config) as (reply, faults):
            response: LLMResponse = self._read(await reply.read(), dialect.response, reply, faults)
        return response

    async def _stream(self, request: ModelRequest, config: LLMConfig) -> Pieces:
        dialect = self._dialect(config)
        answer = dialect.accumulator()
        body = dialect.body(request) | dialect.stream_fields
        try:
            async with self._reply(dialect.api, body, request, config) as (reply, faults):
                if not reply.headers.get("content-type", "").startswith("text/event-stream"):
                    # A server that does not stream answers as a whole.
                    response = self._read(await reply.read(), dialect.response, reply, faults)
                    yield LLMStreamResponse(delta=response.content, reasoning=response.reasoning or "")
                else:
                    reader = StreamReader(answer, faults, reply.headers)
                    chunks = reply.iter_bytes()
                    async for chunk in chunks:
                        pieces = reader.feed(chunk)
                        for piece in pieces:
                            yield piece
                        if not pieces:
                            yield None
                        if answer.ended:
                            break
                    for piece in reader.finish():
                        yield piece
                    await _drain(chunks)
                    response = answer.response()
                    response.metadata |= _ids(reply)
        except ProviderError as error:
            error.partial = _what_arrived(answer, request)
            raise
        yield LLMStreamResponse(is_final=True, response=response)

    async def _is_offered(self) -> bool:
        names = await self.list_models()
        return self.model in names or f"{self.model}:latest" in names

    async def _ask(self, api: str, body: Json | None, **overrides: Any) -> tuple[Json, Mapping[str, str]]:
        """Plain JSON from one of the vendor's other APIs, with retries and time limit; not recorded."""
        config = self._settings(overrides)
        request = ModelRequest(api, config.provider, config.model)
        await self._prepare(request)

        async def once() -> tuple[Json, Mapping[str, str]]:
            async with self._reply(api, body, request, config) as (reply, faults):
                return self._read(await reply.read(), lambda data: data, reply, faults), reply.headers

        return await Attempts(config, self._limit).run(once)

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
            raise faults.not_an_answer(text, headers=reply.headers) from error
        if isinstance(read, LLMResponse):
            read.metadata |= _ids(reply)
        return read

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


class StreamReader:
    """From the bytes of a stream to pieces for the caller."""

    def __init__(self, answer: Accumulator, faults: Faults, headers: Mapping[str, str]) -> None:
        self._answer = answer
        self._faults = faults
        self._headers = headers
        self._decoder = EventDecoder()

    def feed(self, chunk: bytes) -> list[LLMStreamResponse]:
        """The pieces that these bytes complete."""
        try:
            return self._taken(self._decoder.feed(chunk))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise self._faults.not_an_answer(str(error), headers=self._headers) from error

    def finish(self) -> list[LLMStreamResponse]:
        """The pieces that the end of the stream completes; an error if the answer is not whole then."""
        pieces: list[LLMStreamResponse] = []
        # Half an event is of no interest when the answer is whole, and else one more sign that it was cut.
        with suppress(ValueError, KeyError, TypeError, IndexError, AttributeError):
            pieces = self._taken(self._decoder.finish())
        if not self._answer.complete:
            raise self._faults.cut()
        return pieces

    def _taken(self, events: Iterable[Json]) -> list[LLMStreamResponse]:
        feed = self._answer.feed
        try:
            return [piece for event in events if (piece := feed(event)) is not None]
        except StreamError as error:
            raise self._faults.in_stream(error.event, self._headers) from None


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


def _ids(reply: HttpReply) -> Json:
    identity = reply.headers.get("x-request-id") or reply.headers.get("request-id")
    return {"request_id": identity} if identity else {}


def _what_arrived(answer: Accumulator, request: ModelRequest) -> LLMResponse | None:
    with suppress(NoAnswer, KeyError):
        response = answer.response()
        if response.content or response.reasoning or response.tool_calls:
            response.model = response.model or request.model
            response.finish_reason = None
            response.metadata |= {"provider": request.provider, "incomplete": True}
            return response
    return None


def _transport_errors() -> tuple[type[BaseException], ...]:
    """The errors of those packages that are loaded; the others cannot have raised any."""
    return tuple(getattr(sys.modules[module], name) for module, name in _RAISED if module in sys.modules)


def _translated(error: Any, faults: Faults) -> ProviderError:
    response = getattr(error, "response", None)
    if response is not None:
        return faults.refused(response.status_code, response.text, response.headers)
    return faults.broken(error)
