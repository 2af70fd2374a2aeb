"""Server-sent events, bytes in and JSON events out, wherever the network cut them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .parts import Json

__all__ = ["DONE", "EventDecoder"]

#: Stands for the ``[DONE]`` by which OpenAI's dialect ends a stream.
DONE: Json = {"type": "[DONE]"}


class EventDecoder:
    """Collects the bytes of a stream and gives the events that are complete.

    Its work is linear in the bytes, however small the pieces in which they come.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._name = b""

    def feed(self, chunk: bytes) -> Iterator[Json]:
        """The events that ``chunk`` completes; those before a broken one come before its error.

        Raises:
            ValueError: An event is no JSON.
            TypeError: It is JSON, but no object.
        """
        if b"\n" not in chunk:
            self._line.append(chunk)
            return
        lines = chunk.split(b"\n")
        if self._line:
            lines[0] = b"".join(self._line) + lines[0]
        last = lines.pop()
        self._line = [last] if last else []
        yield from self._events(lines)

    def finish(self) -> Iterator[Json]:
        """The event that the end of the stream completes, if there is one."""
        return self._events([b"".join(self._line), b""])

    def _events(self, lines: list[bytes]) -> Iterator[Json]:
        for line in lines:
            line = line.rstrip(b"\r")
            if line[:5] == b"data:":
                self._data.append(line[5:])
            elif line[:6] == b"event:":
                self._name = line[6:].strip()
            elif not line and self._data:
                data, name = b"\n".join(self._data), self._name
                self._data, self._name = [], b""
                if (event := _event(data, name)) is not None:
                    yield event


def _event(data: bytes, name: bytes) -> Json | None:
    text = data.decode().strip()
    if text.startswith("[DONE]"):
        return DONE
    if not text:
        return None
    event: object = json.loads(text)
    if not isinstance(event, dict):
        raise TypeError(f"an event is a JSON {type(event).__name__}")
    if name == b"error" and "error" not in event and "type" not in event:
        return {"type": "error", "error": event}
    return event
