"""Newline-delimited JSON, bytes in and JSON objects out, wherever the network cut them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..parts import Json
from .size import MOST_BYTES, TooLarge

__all__ = ["LineDecoder"]


class LineDecoder:
    """Collects the bytes of a stream and gives the objects whose lines are complete; empty lines are nothing.

    Its work is linear in the bytes, however small the pieces in which they come.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> Iterator[Json]:
        """The objects that ``chunk`` completes; those before a broken line come before its error.

        Raises:
            ValueError: A line is no JSON, or no UTF-8.
            TooLarge: A line has no end.
            TypeError: It is JSON, but no object.
        """
        if b"\n" not in chunk:
            self._line.append(chunk)
            self._held += len(chunk)
            if self._held > MOST_BYTES:
                raise TooLarge(MOST_BYTES)
            return
        lines = chunk.split(b"\n")
        if self._line:
            lines[0] = b"".join([*self._line, lines[0]])
        last = lines.pop()
        self._line = [last] if last else []
        self._held = len(last)
        for line in lines:
            if line.strip():
                yield _object(line)

    def finish(self) -> Iterator[Json]:
        """The object that the end of the stream completes: its line may lack the newline."""
        line, self._line = b"".join(self._line), []
        if line.strip():
            yield _object(line)


def _object(line: bytes) -> Json:
    event: object = json.loads(line.decode())
    if not isinstance(event, dict):
        raise TypeError(f"a line of the stream is a JSON {type(event).__name__}")
    return event
