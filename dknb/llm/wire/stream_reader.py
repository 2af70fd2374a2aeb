"""From the bytes of a stream to pieces for the caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from ...errors import ProviderError
from ..calls.sound import fault_of, has_text, tidy
from ..dialects.dialect import Accumulator, Decoder, Dialect, StreamError
from ..messages import LLMResponse, LLMStreamResponse
from ..parts import Json
from .faults import Faults, shown
from .size import TooLarge
from .sse import EVENT_STREAM, may_be_events

__all__ = ["StreamReader", "is_stream"]


class StreamReader:
    """Reads one stream, whose events it gives to ``answer``.

    Args:
        answer: Collects them.
        decoder: Finds them in the bytes.
        faults: Makes the errors.
        headers: Those of the reply.
        pieces: Where the pieces are kept, for the error of a stream that makes no whole.
    """

    def __init__(
        self,
        answer: Accumulator,
        decoder: Decoder,
        faults: Faults,
        headers: Mapping[str, str],
        pieces: list[LLMStreamResponse] | None = None,
    ) -> None:
        self._answer = answer
        self._decoder = decoder
        self._faults = faults
        self._headers = headers
        self._pieces = [] if pieces is None else pieces

    def feed(self, chunk: bytes) -> list[LLMStreamResponse]:
        """The pieces that these bytes complete."""
        try:
            return self._taken(self._decoder.feed(chunk))
        except TooLarge as error:
            raise self._faults.too_large(error) from None
        except ProviderError:
            raise
        except Exception as error:  # an event may be anything
            raise self._faults.not_an_answer(str(error), headers=self._headers) from error

    def finish(self) -> list[LLMStreamResponse]:
        """The pieces that the end of the stream completes; an error if the answer is not whole then."""
        pieces: list[LLMStreamResponse] = []
        # Half an event is of no interest when the answer is whole, and else one more sign that it was cut.
        with suppress(ValueError, TypeError, RecursionError):
            pieces = self._taken(self._decoder.finish())
        if not self._answer.complete:
            raise self._faults.cut()
        return pieces

    def response(self) -> LLMResponse:
        """The whole answer.

        Raises:
            ServerError: What arrived makes none.
        """
        try:
            response = self._answer.response()
            tidy(response)
            if (fault := fault_of(response)) is not None:
                raise ValueError(fault)
        except Exception as error:  # the events may have been anything
            raise self._faults.not_an_answer(str(error), headers=self._headers) from error
        return response

    def _taken(self, events: Iterable[Json]) -> list[LLMStreamResponse]:
        feed = self._answer.feed
        pieces: list[LLMStreamResponse] = []
        try:
            for event in events:
                try:
                    taken = feed(event)
                except (KeyError, TypeError, IndexError, AttributeError) as error:
                    raise ValueError(shown(event)) from error
                if taken is None:
                    continue
                for piece in taken if isinstance(taken, list) else (taken,):
                    if not has_text(piece):
                        raise ValueError(shown(event))
                    pieces.append(piece)
                    self._pieces.append(piece)
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
