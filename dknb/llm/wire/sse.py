"""Server-sent events, bytes in and JSON events out, wherever the network cut them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..parts import Json
from .lines import Lines
from .size import MOST_BYTES, TooLarge

__all__ = ["DONE", "EVENT_STREAM", "EventDecoder", "may_be_events"]

#: The content type of a stream of events.
EVENT_STREAM = "text/event-stream"
#: Stands for the ``[DONE]`` by which OpenAI's dialect ends a stream.
DONE: Json = {"type": "[DONE]"}
_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")


def may_be_events(start: bytes) -> bool:
    """Whether a body that begins so, be it with a single byte, may be a stream of events."""
    start = start.removeprefix(_BOM).lstrip()
    return any(start.startswith(name) or name.startswith(start) for name in _FIELDS)


class EventDecoder:
    """Collects the bytes of a stream and gives the events that are complete.

    Lines may end in any of the ways that the standard allows (WHATWG HTML, section 9.2.5).
    """

    def __init__(self) -> None:
        self._lines = Lines()
        self._data: list[bytes] = []
        self._name = b""
        self._after_return = False
        self._begun = False
        #: Bytes of the event that is not complete yet, in whole lines.
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[Json]:
        """The events that ``chunk`` completes; those before a broken one come before its error.

        Raises:
            ValueError: An event is no JSON.
            TooLarge: An event has no end.
            TypeError: It is JSON, but no object.
        """
        if b"\r" in chunk or self._after_return:
            chunk = self._with_newlines(chunk)
        yield from self._events(self._lines.feed(chunk))
        if self._lines.held + self._size > MOST_BYTES:
            raise TooLarge(MOST_BYTES)

    def finish(self) -> Iterator[Json]:
        """The event that the end of the stream completes, if there is one."""
        return self._events([self._lines.rest(), b""])

    def _with_newlines(self, chunk: bytes) -> bytes:
        """The chunk with all ends of lines made one byte; the one that it may end within counts at once."""
        if self._after_return:
            chunk = chunk.removeprefix(b"\n")
        self._after_return = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _events(self, lines: list[bytes]) -> Iterator[Json]:
        if not self._begun and lines:
            self._begun = True
            lines[0] = lines[0].removeprefix(_BOM)
        for line in lines:
            if line[:5] == b"data:":
                self._data.append(line[5:])
                self._size += len(line)
            elif line[:6] == b"event:":
                self._name = line[6:].strip()
            elif not line and self._data:
                data, name = b"\n".join(self._data), self._name
                self._data, self._name, self._size = [], b"", 0
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
