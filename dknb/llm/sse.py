"""Server-sent events, bytes in and JSON events out, wherever the network cut them."""

from __future__ import annotations

import json

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

    def feed(self, chunk: bytes) -> list[Json]:
        """The events that ``chunk`` completes.

        Raises:
            ValueError: An event is no JSON.
            TypeError: It is JSON, but no object.
        """
        if b"\n" not in chunk:
            self._line.append(chunk)
            return []
        lines = chunk.split(b"\n")
        if self._line:
            lines[0] = b"".join(self._line) + lines[0]
        last = lines.pop()
        self._line = [last] if last else []
        return self._events(lines)

    def finish(self) -> list[Json]:
        """The event that the end of the stream completes, if there is one."""
        return self._events([b"".join(self._line), b""])

    def _events(self, lines: list[bytes]) -> list[Json]:
        events = []
        for line in lines:
            line = line.rstrip(b"\r")
            if line[:5] == b"data:":
                self._data.append(line[5:])
            elif line[:6] == b"event:":
                self._name = line[6:].strip()
            elif not line and self._data:
                events += _event(b"\n".join(self._data), self._name)
                self._data, self._name = [], b""
        return events


def _event(data: bytes, name: bytes) -> list[Json]:
    text = data.decode().strip()
    if text.startswith("[DONE]"):
        return [DONE]
    if not text:
        return []
    event = json.loads(text)
    if not isinstance(event, dict):
        raise TypeError(f"an event is a JSON {type(event).__name__}")
    if name == b"error" and "error" not in event and "type" not in event:
        return [{"type": "error", "error": event}]
    return [event]
