"""How an API is spoken: pure functions over plain dicts.

A new provider is one file of them (or none, when it speaks a dialect that exists) and a class that says where the
server is and what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...errors import ConfigError
from ..messages import LLMResponse, LLMStreamResponse
from ..parts import Json
from ..request import ModelRequest
from ..wire.sse import EVENT_STREAM, EventDecoder

__all__ = ["Accumulator", "Decoder", "Dialect", "NoAnswer", "StreamError", "body_options", "told_settings"]


class NoAnswer(Exception):
    """A reply that a dialect cannot read: it is no answer."""


class StreamError(Exception):
    """An error that came as an event of a stream."""

    def __init__(self, event: Json) -> None:
        super().__init__(str(event))
        self.event = event


class Decoder(Protocol):
    """Cuts the bytes of one stream into its events, wherever the network cut them."""

    def feed(self, chunk: bytes) -> Iterable[Json]:
        """The events that these bytes complete; those before a broken one come before its error.

        Raises:
            ValueError: An event is no JSON.
            TypeError: It is JSON, but no object.
        """

    def finish(self) -> Iterable[Json]:
        """The events that the end of the stream completes."""


class Accumulator(Protocol):
    """Collects the events of one streamed answer."""

    #: Whether the answer is whole, so that the stream may end.
    complete: bool
    #: Whether the vendor said that nothing follows.
    ended: bool

    def feed(self, event: Json) -> LLMStreamResponse | list[LLMStreamResponse] | None:
        """Take one event; the piece for the caller if it brought one, or the pieces if it brought several.

        Raises:
            StreamError: The event is an error.
        """

    def response(self) -> LLMResponse:
        """The answer, as far as it has arrived."""


@dataclass(frozen=True)
class Dialect:
    """How one API is spoken.

    Attributes:
        api: Name of the API, by which a provider opens it.
        body: The request's body.
        response: The answer in a reply; raises `NoAnswer` where there is none.
        accumulator: Makes what collects a stream.
        stream_fields: What the body says to ask for a stream.
        decoder: Makes what reads a stream's bytes.
        stream_types: The content types, without parameters, of replies that are streams.
    """

    api: str
    body: Callable[[ModelRequest], Json]
    response: Callable[[Json], LLMResponse]
    accumulator: Callable[[], Accumulator]
    stream_fields: Json = field(default_factory=lambda: {"stream": True})
    decoder: Callable[[], Decoder] = EventDecoder
    stream_types: tuple[str, ...] = (EVENT_STREAM,)


def body_options(request: ModelRequest) -> Json:
    """The options that go into a body: all but our own, ``extra_body`` unfolded."""
    options = {name: value for name, value in request.options.items() if name not in ("api", "extra_body")}
    extra: Json = request.options.get("extra_body") or {}
    return options | extra


def told_settings(request: ModelRequest, fields: Mapping[str, str], api: str) -> Iterator[tuple[str, Any]]:
    """The settings of a request with the names that an API has for them.

    Raises:
        ConfigError: The API has no field for one of them.
    """
    for name, value in request.settings.items():
        if name not in fields:
            raise ConfigError(
                f"{name} is {value!r}, but {api} has no such setting.",
                hint=f"Leave {name} out. Settings here: {', '.join(sorted(fields))}",
            )
        yield fields[name], value
