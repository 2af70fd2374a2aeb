"""How an API is spoken: pure functions over plain dicts.

A new provider is one file of them (or none, when it speaks a dialect that exists) and a class that says where the
server is and what differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .messages import LLMResponse, LLMStreamResponse
from .parts import Json
from .request import ModelRequest

__all__ = ["Accumulator", "Dialect", "NoAnswer", "StreamError", "body_options"]


class NoAnswer(Exception):
    """A reply that a dialect cannot read: it is no answer."""


class StreamError(Exception):
    """An error that came as an event of a stream."""

    def __init__(self, event: Json) -> None:
        super().__init__(str(event))
        self.event = event


class Accumulator(Protocol):
    """Collects the events of one streamed answer."""

    #: Whether the answer is whole, so that the stream may end.
    complete: bool
    #: Whether the vendor said that nothing follows.
    ended: bool

    def feed(self, event: Json) -> LLMStreamResponse | None:
        """Take one event; a piece for the caller if it brought text or reasoning.

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
    """

    api: str
    body: Callable[[ModelRequest], Json]
    response: Callable[[Json], LLMResponse]
    accumulator: Callable[[], Accumulator]
    stream_fields: Json = field(default_factory=lambda: {"stream": True})


def body_options(request: ModelRequest) -> Json:
    """The options that go into a body: all but our own, ``extra_body`` unfolded."""
    options = {name: value for name, value in request.options.items() if name not in ("api", "extra_body")}
    extra: Json = request.options.get("extra_body") or {}
    return options | extra
