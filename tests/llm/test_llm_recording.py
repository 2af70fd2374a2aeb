"""Record and replay of model calls: samples, modes, misses, keys, and what a session sees of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_help import asking, record, replayed

from dknb.errors import RecordingError, ReplayMiss
from dknb.llm.recordings import recording as recording_module
from dknb.llm.recordings.recording import Recording, active, request_key, use


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


# Samples


def test_five_equal_calls_keep_five_answers_in_their_order(path):
    """Each sample of a request is answered with its own recorded answer."""
    record(path, "one", "two", "three", "four", "five")
    recording = Recording(path, "replay")
    answers = [recording.take(asking()).reply.response["content"] for _ in range(5)]
    recording.close()
    assert answers == ["one", "two", "three", "four", "five"]


def test_calls_that_ran_side_by_side_replay_in_the_order_in_which_they_were_asked(path):
    """The order of the answers in the file is that of their arrival, not that of the calls."""
    recording = Recording(path, "record")
    takes = [recording.take(asking()) for _ in range(3)]
    for number in (2, 0, 1):
        takes[number].keep({"content": f"answer {number}"})
    recording.close()
    recording = Recording(path, "replay")
    answers = [recording.take(asking()).reply.response["content"] for _ in range(3)]
    recording.close()
    assert answers == ["answer 0", "answer 1", "answer 2"]


def test_a_second_session_adds_samples_behind_those_of_the_first(path):
    """``record`` calls each time; what it adds comes after what was there."""
    record(path, "first", mode="record")
    record(path, "second", mode="record")
    recording = Recording(path, "replay")
    answers = [recording.take(asking()).reply.response["content"] for _ in range(2)]
    recording.close()
    assert answers == ["first", "second"]


def test_record_never_answers(path):
    """In ``record`` even a recorded request goes to the model."""
    record(path, "old")
    recording = Recording(path, "record")
    take = recording.take(asking())
    recording.close()
    assert take.reply is None


def test_auto_answers_what_is_recorded_and_leaves_the_rest_to_the_model(path):
    """``auto`` replays the samples that are there; the next one is a call that is added."""
    record(path, "old")
    recording = Recording(path, "auto")
    first, second = recording.take(asking()), recording.take(asking())
    second.keep({"content": "new"})
    recording.close()
    assert (first.reply.response["content"], second.reply) == ("old", None)
    assert replayed(path) == "old"


def test_a_stream_comes_back_with_its_pieces_and_times(path):
    """The pieces of a stream and the seconds at which they came are kept, and the pace that was asked for."""
    recording = Recording(path, "record")
    recording.take(asking()).keep({"content": "Hi you"}, [(0.12, {"delta": "Hi"}), (0.5, {"delta": " you"})])
    recording.close()
    recording = Recording(path, "replay", pace="recorded")
    reply = recording.take(asking()).reply
    recording.close()
    assert reply.events == [[0.12, "Hi"], [0.5, " you"]]
    assert reply.pace == "recorded"


@pytest.mark.parametrize("text", ["日本語 ü 🎉", "two\nlines\r\n\u2028 and \x00", "half \ud83d of a pair"])
def test_any_text_comes_back_as_it_was(path, text):
    """What a model says is text, whatever is in it."""
    record(path, text, request=asking(text))
    assert replayed(path, asking(text)) == text


# Misses


def test_a_miss_names_the_nearest_request_and_what_differs(path):
    """A strict replay says which recorded request is nearest, and each field in which it differs."""
    record(path, "x", request=asking("Say hello in French", model="gpt-5.4"))
    record(path, "y", request=asking("What is the strongest argument?", model="gpt-5.4"))
    recording = Recording(path, "replay")
    with pytest.raises(ReplayMiss) as caught:
        recording.take(asking(settings={"temperature": 0.2, "seed": 7}))
    recording.close()
    assert str(caught.value).splitlines() == [
        f"{path} has no answer to this request to openai/gpt-5.4-mini. The nearest one (line 3) differs:",
        "    model: recorded 'gpt-5.4', asked 'gpt-5.4-mini'",
        "    settings.seed: recorded none, asked 7",
        "    settings.temperature: recorded 1, asked 0.2",
        "    messages[1] (user): What is the [-strongest-] {+weakest+} argument?",
    ]
    assert caught.value.hint == f"Call the model for what is missing, and record it:  %dknb auto {path}"


def test_a_hint_names_the_file_as_one_would_type_it(tmp_path, monkeypatch):
    """Relative to where one is, and quoted where the name has a space."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my answers").mkdir()
    with pytest.raises(RecordingError) as caught:
        Recording("my answers/a.jsonl", "replay")
    assert caught.value.hint == "Record it first:  %dknb auto 'my answers/a.jsonl'"


def test_one_sample_too_many_says_how_many_there_are_however_often_it_is_asked(path):
    """Asking again after a miss gets the same answer."""
    record(path, "one", "two")
    recording = Recording(path, "replay")
    for _ in range(2):
        recording.take(asking())
    messages = []
    for _ in range(2):
        with pytest.raises(ReplayMiss) as caught:
            recording.take(asking())
        messages.append(str(caught.value))
    recording.close()
    assert messages == [f"{path} has 2 samples of this request, asked for number 3."] * 2


def test_a_miss_in_an_empty_recording_says_that_it_is_empty(path):
    """With no entry there is no nearest one."""
    Recording(path, "record").close()
    recording = Recording(path, "replay")
    with pytest.raises(ReplayMiss, match="it has no entries"):
        recording.take(asking())
    recording.close()


def test_a_miss_shows_no_key_that_the_asker_holds(path, monkeypatch):
    """The message of a miss ends in a notebook's output."""
    monkeypatch.setenv("ACME_API_KEY", "acme-4711-very-secret")
    record(path, "x")
    recording = Recording(path, "replay")
    with pytest.raises(ReplayMiss) as caught:
        recording.take(asking("My key is acme-4711-very-secret"))
    recording.close()
    assert "acme-4711" not in str(caught.value)


def test_replay_adds_nothing(path):
    """A recording that is open to replay cannot be written to."""
    record(path, "x")
    recording = Recording(path, "replay")
    take = recording.take(asking())
    with pytest.raises(RecordingError, match="open to replay"):
        take.keep({"content": "y"})
    recording.close()


# Keys

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["messages", "settings", "options", "tools", "tool_choice"]), JSON))
def test_a_request_that_went_through_json_has_the_same_key(request):
    """A notebook that is opened again builds its requests from stored JSON."""
    request = {**request, "settings": {"value": request.get("settings")}, "options": {"value": request.get("options")}}
    text = json.dumps(request)
    assert request_key(json.loads(text)) == request_key(request)


@pytest.mark.parametrize(
    "same",
    [
        asking(settings={"temperature": 1.0}),
        asking(settings={"temperature": 1, "user_id": "u-17"}),
        asking(options={"extra_headers": {"X-Org": "acme"}, "timeout": 3, "api_key": "k"}),
        asking(api_base="http://elsewhere", stream=True),
        asking(options={"access_token": "t"}),
        {name: asking()[name] for name in reversed(asking())},
    ],
)
def test_keys_addresses_accounts_and_limits_do_not_make_another_request(same):
    """What does not decide the answer is not in the key."""
    assert request_key(same) == request_key(asking())


@pytest.mark.parametrize(
    "other",
    [
        asking("Another question"),
        asking(model="gpt-5.4"),
        asking(provider="openai-compatible"),
        asking(settings={"temperature": 0}),
        asking(options={"reasoning": {"effort": "low"}}),
        asking(tools=[{"name": "add", "parameters": {"properties": {"user": {"type": "string"}}}}]),
        asking(something_new="x"),
    ],
)
def test_whatever_may_decide_the_answer_makes_another_request(other):
    """No two requests that could be answered differently share an answer."""
    assert request_key(other) != request_key(asking())


def test_tools_that_differ_in_a_property_called_like_a_secret_are_different(path):
    """A schema's property may be called ``password``; that is no secret."""

    def tool(kind: str) -> dict[str, Any]:
        return asking(tools=[{"name": "login", "parameters": {"properties": {"password": {"type": kind}}}}])

    assert request_key(tool("string")) != request_key(tool("integer"))


def test_a_request_that_is_no_plain_data_is_refused():
    """A key of something that prints differently each time would never be found again."""
    with pytest.raises(RecordingError, match="not plain data"):
        request_key(asking(tool_choice=object()))


# What a session sees


def test_the_summary_counts_entries_answers_and_additions(path):
    """`%dknb` shows these facts."""
    record(path, "one", "two")
    recording = Recording(path, "auto")
    recording.take(asking())
    recording.take(asking("Another")).keep({"content": "new"})
    facts = recording.summary()
    recording.close()
    assert facts == recording_module.RecordingSummary(path, "auto", "instant", entries=3, answered=1, added=1)


def test_one_recording_is_in_use_at_a_time(path):
    """``use`` sets it, returns what was there before, and None ends it."""
    recording = Recording(path, "record")
    before = use(recording)
    try:
        assert active() is recording
    finally:
        assert use(before) is recording
    recording.close()
    assert active() is before


def test_a_line_of_the_file_is_json_with_the_index_first(path):
    """The format is a promise to other tools, and its beginning is what makes opening fast."""
    record(path, "one")
    header, line = path.read_text().splitlines()
    entry = json.loads(line)
    assert header == '{"dknb_recording":2}'
    assert line.startswith(f'{{"key":"{request_key(asking())}","run":"')
    assert list(entry) == ["key", "run", "sample", "at", "request", "response", "events"]
    assert entry["request"] == asking()
    assert os.linesep not in line


@pytest.mark.parametrize("token", ["one", ""])
@pytest.mark.parametrize(
    "server",
    [
        lambda token: {"tools": [{"type": "mcp", "server_label": "x", "server_url": "u", "authorization": token}]},
        lambda token: {"tools": [{"type": "mcp", "server_url": "u", "headers": {"X-Anything": token}}]},
        lambda token: {"options": {"mcp_servers": [{"type": "url", "name": "x", "authorization_token": token}]}},
        lambda token: {"options": {"extra_body": {"mcp_servers": [{"name": "x", "authorization_token": token}]}}},
    ],
)
def test_the_token_of_a_tools_server_is_no_part_of_the_key(server, token):
    """Who has another token replays the same answer."""
    assert request_key(asking(**server(token))) == request_key(asking(**server("four")))


def test_a_property_called_headers_is_a_part_of_the_key():
    """It is a tool's parameter, not what a server is asked with."""
    one, other = (
        {"name": "t", "parameters": {"properties": {"headers": {"type": kind}}}} for kind in ("null", "array")
    )
    assert request_key(asking(tools=[one])) != request_key(asking(tools=[other]))
