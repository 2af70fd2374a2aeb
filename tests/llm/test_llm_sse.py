"""Server-sent events, wherever the network cuts them."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dknb.llm.wire.ndjson import LineDecoder
from dknb.llm.wire.size import TooLarge
from dknb.llm.wire.sse import DONE, EventDecoder

STREAM = (
    ': a comment\r\n\r\nevent: message\ndata: {"text": "é 🙂"}\n\nid: 3\nretry: 10\n'
    'data: {"two":\ndata: "lines"}\n\ndata:{"no": "space"}\r\n\r\ndata:\n\ndata: [DONE]\n\n'
).encode()
EVENTS = [{"text": "é 🙂"}, {"two": "lines"}, {"no": "space"}, DONE]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_cuts_do_not_matter(cuts):
    """Cut anywhere, inside a character too, the events are the same."""
    decoder = EventDecoder()
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(places)]
    assert [event for chunk in chunks for event in decoder.feed(chunk)] == EVENTS


def test_the_end_completes_the_last_event():
    """A server that forgets the last empty line is understood; nothing is made of nothing."""
    decoder = EventDecoder()
    assert list(decoder.feed(b'data: {"a": 1}')) == []
    assert list(decoder.finish()) == [{"a": 1}]
    assert list(EventDecoder().finish()) == []


def test_a_named_error_is_an_error():
    """An event called error whose data does not say so is made to."""
    events = EventDecoder().feed(b'event: error\ndata: {"message": "no"}\n\n')
    assert list(events) == [{"type": "error", "error": {"message": "no"}}]


@pytest.mark.parametrize("data", [b"{cut", b"\xff\xfe", b"[1]", b"<html>"])
def test_what_is_no_json_object_is_refused(data):
    """But only after what came before it, which the caller keeps."""
    events = EventDecoder().feed(b'data: {"a": 1}\n\ndata: ' + data + b"\n\n")
    assert next(events) == {"a": 1}
    with pytest.raises((ValueError, TypeError)):
        next(events)


@pytest.mark.parametrize("decoder", [EventDecoder, LineDecoder])
@pytest.mark.parametrize("chunk", [b"x" * 1_000, b"data: 12345678\n", b"data:\n"])
def test_an_event_without_an_end_is_given_up(decoder, chunk, monkeypatch):
    """One line, or many lines of one event; a stream of events may be as long as it likes."""
    for module in ("sse", "ndjson"):
        monkeypatch.setattr(f"dknb.llm.wire.{module}.MOST_BYTES", 50_000)
    reading = decoder()
    if decoder is LineDecoder and chunk.endswith(b"\n"):
        chunk = b"{}  "
    with pytest.raises(TooLarge):
        deque(event for _ in range(60_000) for event in reading.feed(chunk))
    whole = b'data: {"a": 1}\n\n' if decoder is EventDecoder else b'{"a": 1}\n'
    reading = decoder()
    assert sum(len(list(reading.feed(whole))) for _ in range(10_000)) == 10_000
