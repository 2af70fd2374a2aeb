"""What several entries of a recording share is written once, and two kernels share a recording."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_help import asking, record, replayed

from dknb.llm.recordings.file import RecordingFile
from dknb.llm.recordings.lines import encoded, name_of, pack, unpack
from dknb.llm.recordings.recording import Recording, request_key

IMAGE = "iVBORw0KGgo" * 2_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def talk(turns: int) -> dict[str, Any]:
    """A request of a talk, with all that was said before."""
    said = [{"role": "user" if n % 2 == 0 else "assistant", "content": f"{n} " + "words " * 60} for n in range(turns)]
    return asking(messages=[{"role": "system", "content": "Be kind. " * 40}, *said])


def picture(question: str) -> dict[str, Any]:
    """A question about an image."""
    image = {"type": "image", "data": IMAGE, "media_type": "image/png"}
    return asking(messages=[{"role": "user", "content": [{"type": "text", "text": question}, image]}])


def requests_in(path: Path) -> list[dict[str, Any]]:
    """The requests of a recording, whole."""
    file = RecordingFile(path, writable=False)
    found = [request for _, request in file.first_requests()]
    file.close()
    return found


# Each piece once


def test_a_long_talk_grows_by_what_is_said_not_by_what_was_said(path):
    """The tenth turn adds as much as the hundredth, and every request is still there, whole."""
    sizes = []
    recording = Recording(path, "record")
    for turns in range(1, 202, 2):
        recording.take(talk(turns)).keep({"content": "x"})
        sizes.append(path.stat().st_size)
    recording.close()
    added = [after - before for before, after in pairwise(sizes)]
    assert max(added[10:]) < 1.1 * min(added[10:])
    assert requests_in(path) == [talk(turns) for turns in range(1, 202, 2)]
    assert replayed(path, talk(201)) == "x"


def test_a_second_kernel_does_not_write_again_what_was_said(path):
    """The pieces of an older session are found at opening."""
    record(path, "one", request=talk(41))
    before = path.stat().st_size
    record(path, "two", request=talk(43))
    assert path.stat().st_size - before < 2_500
    assert requests_in(path) == [talk(41), talk(43)]


def test_an_image_is_written_once(path):
    """However often it is asked about."""
    for question in ("What is it?", "And what colour?", "Is it old?"):
        record(path, "x", request=picture(question))
    assert path.read_text().count(IMAGE) == 1
    assert requests_in(path)[1] == picture("And what colour?")


def test_the_tools_of_many_calls_are_written_once(path):
    """An agent sends the same definitions with every call."""
    tools = [{"name": f"tool_{n}", "description": "Does this and that. " * 5, "parameters": {}} for n in range(9)]
    for question in ("One", "Two", "Three"):
        record(path, "x", request=asking(question, tools=tools))
    assert path.read_text().count("tool_8") == 1
    assert requests_in(path)[2] == asking("Three", tools=tools)


def test_a_short_request_is_whole_in_its_line(path):
    """A diff in git shows the question beside the answer."""
    record(path, "x")
    _, line = path.read_text().splitlines()
    assert json.loads(line)["request"] == asking()


def test_text_that_looks_like_a_reference_stays_text(path):
    """Somebody's tool may well have an argument called ``$data``."""
    request = asking(messages=[{"role": "user", "content": [{"type": "raw", "block": {"$data": "abc"}}]}])
    record(path, "x", request=request)
    assert requests_in(path) == [request]


def test_a_piece_that_was_removed_by_hand_costs_no_answer(path):
    """The answer is found by its key; only what was asked is shown with a gap."""
    record(path, "x", request=talk(5))
    kept = [line for line in path.read_text().splitlines() if '"1 words' not in line]
    path.write_text("\n".join([*kept, ""]))
    assert replayed(path, talk(5)) == "x"
    contents = [message["content"] for message in requests_in(path)[0]["messages"]]
    assert contents[0] == "(not in the file)"
    assert contents[-1] == talk(5)["messages"][-1]["content"]


# Files of format 1


def test_a_recording_of_format_1_replays_and_grows(path):
    """What is committed beside a notebook goes on working; the new format is named where its first line stands."""
    old = {"key": request_key(talk(3)), "run": "0123abcd", "sample": 0, "at": "2026-11-22T13:48:53+00:00"}
    rest = {"request": talk(3), "response": {"content": "old"}, "events": [[0.1, {"delta": "old"}]]}
    path.write_text('{"dknb_recording":1}\n' + json.dumps(old | rest, separators=(",", ":")) + "\n")
    before = path.read_text()
    assert replayed(path, talk(3)) == "old"
    record(path, "short")
    assert '"dknb_recording":2' not in path.read_text()
    record(path, "new", request=talk(5))
    assert path.read_text().startswith(before)
    assert path.read_text().count('{"dknb_recording":2}\n') == 1
    assert [replayed(path, request) for request in (talk(3), asking(), talk(5))] == ["old", "short", "new"]


# Two kernels


def test_what_another_kernel_adds_is_found_when_it_is_asked_for(path):
    """In ``auto`` and in ``replay``, without opening anything again."""
    mine, theirs = Recording(path, "auto"), Recording(path, "auto")
    reader = Recording(path, "replay")
    theirs.take(asking("New?")).keep({"content": "yes"})
    assert mine.take(asking("New?")).reply.response["content"] == "yes"
    assert reader.take(asking("New?")).reply.response["content"] == "yes"
    for each in (mine, theirs, reader):
        each.close()


def test_no_session_is_answered_with_what_it_recorded_itself(path):
    """A second sample is another answer: that of another kernel where there is one, else a call."""
    mine, theirs = Recording(path, "auto"), Recording(path, "auto")
    first, other = mine.take(asking()), theirs.take(asking())
    assert (first.reply, other.reply) == (None, None)
    other.keep({"content": "theirs"})
    first.keep({"content": "mine"})
    second, third = mine.take(asking()), mine.take(asking())
    assert second.reply.response["content"] == "theirs"
    assert third.reply is None
    for each in (mine, theirs):
        each.close()
    again = Recording(path, "replay")
    assert sorted(again.take(asking()).reply.response["content"] for _ in range(2)) == ["mine", "theirs"]
    again.close()


def test_calls_that_start_together_keep_their_order_when_they_are_run_again(path):
    """The first of equal calls gets the first sample, however the answers came in."""
    first_run = Recording(path, "auto")
    takes = [first_run.take(asking()) for _ in range(4)]
    for number in (3, 1, 0, 2):
        takes[number].keep({"content": f"sample {number}"})
    first_run.close()
    second_run = Recording(path, "auto")
    replies = [second_run.take(asking()).reply for _ in range(5)]
    second_run.close()
    assert [reply and reply.response["content"] for reply in replies] == [*(f"sample {n}" for n in range(4)), None]


def test_a_line_that_is_being_written_is_not_taken_for_a_damaged_one(path):
    """Half a line at the end is read again when it is whole."""
    record(path, "one")
    whole = path.read_bytes()
    recording = Recording(path, "replay")
    record(path, "two", request=asking("Two"))
    added = path.read_bytes()[len(whole) :]
    path.write_bytes(whole + added[:50])
    assert recording.summary().entries == 1
    path.write_bytes(whole + added)
    answer = recording.take(asking("Two")).reply.response["content"]
    recording.close()
    assert answer == "two"


# In a script


def test_a_recording_is_used_within_its_block(path):
    """And what was in use before is in use again after it."""
    from dknb.llm.recordings.recording import active

    with Recording(path, "record") as outer:
        with Recording(path.with_name("inner.jsonl")) as inner:
            assert active() is inner
        assert active() is outer
    assert active() is None


TEXT = st.text(max_size=6) | st.sampled_from(["long " * 250, "word " * 60, "$data"])
JSON = st.recursive(
    st.none() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant"]), "content": TEXT | st.lists(JSON, max_size=3)}
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.fixed_dictionaries({"messages": st.lists(MESSAGE, max_size=5), "tools": JSON}), max_size=4))
def test_whatever_is_packed_is_unpacked_as_it_was(requests):
    """Requests that share pieces, in any order, with any content."""
    pieces: dict[bytes, Any] = {}
    packed = []
    for request in requests:
        small, lines = pack(request, pieces)
        pieces |= {name_of(line): json.loads(line) for line in lines}
        packed.append(json.loads(encoded(small)))
    whole = [unpack(small, lambda name: pieces.get(name.encode())) for small in packed]
    assert whole == [
        {name: value for name, value in request.items() if name == "tools" or value} for request in requests
    ]


def test_a_call_is_not_answered_with_what_its_own_session_is_just_adding(path, monkeypatch):
    """Between the write of an answer and the end of ``keep``, another equal call may start."""
    recording = Recording(path, "auto")
    first = recording.take(asking())
    taken = []
    append = recording._file.append
    monkeypatch.setattr(
        recording._file, "append", lambda entry: (append(entry), taken.append(recording.take(asking()).reply))
    )
    first.keep({"content": "mine"})
    recording.close()
    assert taken == [None]


@pytest.mark.parametrize("same", [True, False])
def test_what_a_call_that_is_recorded_costs_does_not_grow(path, same):
    """A miss that is added touches nothing of what was asked before: neither other keys nor other samples."""
    steps = 0

    def counted(frame: Any, event: str, _: Any) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    def cost(number: int) -> int:
        nonlocal steps
        steps = 0
        sys.setprofile(counted)
        try:
            recording.take(asking("?" if same else f"{number}?")).keep({"content": "!"})
        finally:
            sys.setprofile(None)
        return steps

    recording = Recording(path, "auto")
    costs = [cost(number) for number in range(60)]
    recording.close()
    assert max(costs[50:]) < 1.2 * max(costs[5:15])


def test_a_recording_knows_what_it_has_added_itself(path):
    """Without reading it again; what another kernel adds between is found too, and nothing twice."""
    mine, other = Recording(path, "auto"), Recording(path, "auto")
    for number, recording in enumerate((mine, other, mine, mine, other)):
        recording.take(asking(f"{number}?")).keep({"content": f"answer {number}"})
    assert (mine.summary().entries, other.summary().entries) == (5, 5)
    assert mine.take(asking("1?")).reply.response["content"] == "answer 1"
    assert other.take(asking("3?")).reply.response["content"] == "answer 3"
    assert mine.take(asking("1?")).reply is None
    mine.close()
    other.close()


def test_a_file_that_was_read_anew_is_of_another_generation(path):
    """Whoever counted in the lines of the old one begins again: here the answer that moved to the front is found."""
    record(path, "one", "two")
    recording = Recording(path, "auto")
    assert recording.take(asking()).reply.response["content"] == "one"
    generation = recording._file.generation
    lines = path.read_bytes().splitlines(keepends=True)
    path.with_suffix(".new").write_bytes(b"".join([line for line in lines if b'"one"' not in line]))
    path.with_suffix(".new").replace(path)
    assert recording.take(asking()).reply.response["content"] == "two"
    assert recording._file.generation == generation + 1
    recording.close()
