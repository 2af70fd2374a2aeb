"""Newline-delimited JSON, wherever the network cuts it."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dknb.llm.wire.ndjson import LineDecoder

OBJECTS = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=10) | st.integers(), max_size=3), max_size=5)


@given(OBJECTS, st.lists(st.integers(0, 500), max_size=10), st.sampled_from(["\n", "\r\n", "\n\n"]), st.booleans())
def test_cuts_do_not_matter(objects, cuts, newline, ended):
    """The objects of the lines come out in order, with a newline at the end or without."""
    body = newline.join(json.dumps(one, ensure_ascii=False) for one in objects).encode()
    body += newline.encode() if ended else b""
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    decoder = LineDecoder()
    events = [one for start, end in pairwise(places) for one in decoder.feed(body[start:end])]
    assert [*events, *decoder.finish()] == objects


@pytest.mark.parametrize(
    ("line", "kind"),
    [(b"{half", ValueError), (b"[1]", TypeError), (b'"text"', TypeError), (b'{"a": "\xff"}', ValueError)],
)
def test_a_line_that_is_no_object_is_an_error_after_those_before_it(line, kind):
    """Broken JSON, other JSON, and bytes that are no UTF-8."""
    events = LineDecoder().feed(b'{"a": 1}\n' + line + b"\n")
    assert next(events) == {"a": 1}
    with pytest.raises(kind):
        next(events)
