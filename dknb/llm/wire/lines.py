"""Bytes in, lines out, wherever the network cut them."""

from __future__ import annotations

__all__ = ["Lines"]


class Lines:
    """Collects the bytes of a stream and gives its lines; linear in the bytes, however small the pieces they come in.

    Attributes:
        held: Bytes of the line that is not complete yet.
    """

    def __init__(self) -> None:
        self.held = 0
        self._open: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that ``chunk`` completes, without their newlines."""
        if b"\n" not in chunk:
            self._open.append(chunk)
            self.held += len(chunk)
            return []
        lines = chunk.split(b"\n")
        if self._open:
            lines[0] = b"".join([*self._open, lines[0]])
        last = lines.pop()
        self._open, self.held = [last], len(last)
        return lines

    def rest(self) -> bytes:
        """The line that the end of the stream completes."""
        return b"".join(self._open)
