"""Newline-delimited JSON, bytes in and JSON objects out, wherever the network cut them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from ..parts import Json
from .lines import Lines
from .size import MOST_BYTES, TooLarge

__all__ = ["LineDecoder"]


class LineDecoder:
    """Collects the bytes of a stream and gives the objects whose lines are complete; empty lines are nothing."""

    def __init__(self) -> None:
        self._lines = Lines()

    def feed(self, chunk: bytes) -> Iterator[Json]:
        """The objects that ``chunk`` completes; those before a broken line come before its error.

        Raises:
            ValueError: A line is no JSON, or no UTF-8.
            TooLarge: A line has no end.
            TypeError: It is JSON, but no object.
        """
        yield from _objects(self._lines.feed(chunk))
        if self._lines.held > MOST_BYTES:
            raise TooLarge(MOST_BYTES)

    def finish(self) -> Iterator[Json]:
        """The object that the end of the stream completes: its line may lack the newline."""
        return _objects([self._lines.rest()])


def _objects(lines: Iterable[bytes]) -> Iterator[Json]:
    for line in lines:
        if not line.strip():
            continue
        event: object = json.loads(line.decode())
        if not isinstance(event, dict):
            raise TypeError(f"a line of the stream is a JSON {type(event).__name__}")
        yield event
