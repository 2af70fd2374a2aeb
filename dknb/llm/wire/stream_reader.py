"""From the bytes of a stream to pieces for the caller."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress

from ..dialects.dialect import Accumulator, Decoder, Dialect, StreamError
from ..messages import LLMStreamResponse
from ..parts import Json
from .faults import Faults
from .sse import EVENT_STREAM, may_be_events

__all__ = ["StreamReader", "is_stream"]

#: What reading what is no event raises.
_UNREADABLE = (ValueError, TypeError)


class StreamReader:
    """Reads one stream, whose events it gives to ``answer``.

    Args:
        answer: Collects them.
        decoder: Finds them in the bytes.
        faults: Makes the errors.
        headers: Those of the reply.
    """

    def __init__(self, answer: Accumulator, decoder: Decoder, faults: Faults, headers: Mapping[str, str]) -> None:
        self._answer = answer
        self._decoder = decoder
        self._faults = faults
        self._headers = headers

    def feed(self, chunk: bytes) -> list[LLMStreamResponse]:
        """The pieces that these bytes complete."""
        try:
            return self._taken(self._decoder.feed(chunk))
        except _UNREADABLE as error:
            raise self._faults.not_an_answer(str(error), headers=self._headers) from error

    def finish(self) -> list[LLMStreamResponse]:
        """The pieces that the end of the stream completes; an error if the answer is not whole then."""
        pieces: list[LLMStreamResponse] = []
        # Half an event is of no interest when the answer is whole, and else one more sign that it was cut.
        with suppress(*_UNREADABLE):
            pieces = self._taken(self._decoder.finish())
        if not self._answer.complete:
            raise self._faults.cut()
        return pieces

    def _taken(self, events: Iterable[Json]) -> list[LLMStreamResponse]:
        feed = self._answer.feed
        pieces: list[LLMStreamResponse] = []
        try:
            for event in events:
                try:
                    taken = feed(event)
                except (KeyError, TypeError, IndexError, AttributeError) as error:
                    raise ValueError(json.dumps(event)) from error
                if isinstance(taken, list):
                    pieces += taken
                elif taken is not None:
                    pieces.append(taken)
        except StreamError as error:
            raise self._faults.in_stream(error.event, self._headers) from None
        return pieces


def is_stream(content_type: str, first: bytes, dialect: Dialect) -> bool:
    """Whether a reply whose body begins with ``first`` is a stream.

    The type decides, unless it says of events that they are something else, or of something else that it is events:
    servers and what stands before them get it wrong both ways.
    """
    told = content_type.partition(";")[0].strip().lower() in dialect.stream_types
    if EVENT_STREAM not in dialect.stream_types or not first.strip():
        return told
    return not first.lstrip().startswith((b"{", b"<")) if told else may_be_events(first)
