"""``%dknb cassette``: what is in a recording, and what is done about it."""

from __future__ import annotations

import json

import pytest
import yaml

from dknb.errors import MagicError, RecordingError
from dknb.llm.messages import LLMMessage, LLMResponse
from dknb.llm.recordings.recording import Recording, request_key
from dknb.llm.request import ModelRequest


def request(question, provider="echo"):
    """A call as it is recorded."""
    messages = [LLMMessage("user", question)]
    return ModelRequest("complete", provider, "echo", messages, settings={"temperature": 0}).canonical()


@pytest.fixture
def tape(project):
    """A recording of three answers to two questions; the names of its entries."""
    with Recording(project / "answers.jsonl", "record") as recording:
        for question, answer in (("Why?", "Because."), ("When?", "Soon."), ("Why?", "It is so.")):
            response = LLMResponse(answer, "echo", "stop", {"prompt_tokens": 5, "completion_tokens": 2}, cost_usd=0.01)
            recording.take(request(question)).keep(response.to_dict())
    return {question: request_key(request(question))[:8] for question in ("Why?", "When?")}


def ask(project, *questions):
    """What a notebook asks for in a session of this kernel."""
    with Recording(project / "answers.jsonl", "auto") as recording:
        for question in questions:
            assert recording.take(request(question)).reply is not None


def forget(monkeypatch):
    """As in a kernel that has just started."""
    monkeypatch.setattr("dknb.llm.recordings.recording._sessions", {})


def test_a_recording_is_listed_by_its_requests(notebook, tape):
    """A row for each: name, model, words, samples, time, size and price."""
    rows = notebook.ok("%dknb cassette answers.jsonl").splitlines()
    assert rows[0].startswith("answers.jsonl: 3 entries, ")
    assert rows[1].split() == ["entry", "model", "question", "answer", "samples", "recorded", "size", "price"]
    assert rows[2].split()[:5] == [tape["Why?"], "echo/echo", "Why?", "Because.", "2"]
    assert rows[2].endswith("$0.0100 each")
    assert rows[3].split()[:5] == [tape["When?"], "echo/echo", "When?", "Soon.", "1"]


def test_the_recording_in_use_needs_no_name(notebook, tape):
    """And after ``%dknb live``, it is the one that was in use."""
    notebook.ok("%dknb replay answers.jsonl")
    assert "3 entries" in notebook.ok("%dknb cassette")
    notebook.ok("%dknb live")
    assert "3 entries" in notebook.ok("%dknb cassette list")


def test_without_a_recording_the_magic_asks_for_one(notebook, monkeypatch):
    """With the line to type."""
    forget(monkeypatch)
    ran = notebook.run("%dknb cassette")
    assert isinstance(ran.error, RecordingError)
    assert ran.error.hint == "Name its file:  %dknb cassette answers.jsonl  or begin with  %dknb auto answers.jsonl"


@pytest.mark.parametrize(
    ("command", "example"),
    [
        ("import cassette.yaml", "%dknb cassette import VCR_FILE --into answers.jsonl"),
        ("diff 1", "%dknb cassette diff ENTRY --file answers.jsonl"),
        ("prune", "%dknb cassette prune --file answers.jsonl"),
        ("check", "%dknb cassette check answers.jsonl"),
    ],
)
def test_each_command_says_how_it_takes_a_recording(notebook, monkeypatch, command, example):
    """The hint can be typed."""
    forget(monkeypatch)
    ran = notebook.run(f"%dknb cassette {command}")
    assert isinstance(ran.error, RecordingError)
    assert ran.error.hint == f"Name its file:  {example}  or begin with  %dknb auto answers.jsonl"


def test_a_slip_of_the_pen_names_the_nearest_command(notebook):
    """A word that is neither a command nor a file."""
    ran = notebook.run("%dknb cassette prun")
    assert isinstance(ran.error, MagicError)
    assert "Did you mean 'prune'?" in str(ran.error)


def test_stale_lists_what_this_kernel_has_not_asked_for(notebook, project, tape, monkeypatch):
    """And says that it takes a whole run, and knows nothing of other notebooks."""
    forget(monkeypatch)
    ask(project, "Why?")
    text = notebook.ok("%dknb cassette stale answers.jsonl")
    assert text.splitlines()[0].startswith("answers.jsonl: 2 stale entries")
    assert f"{tape['Why?']}.2" in text
    assert tape["When?"] in text
    assert "1 of 3 entries were asked for in this kernel" in text
    assert "Run All" in text
    assert "other notebooks" in text


def test_stale_says_so_when_nothing_is(notebook, project, tape, monkeypatch):
    """After a run that asked for everything."""
    forget(monkeypatch)
    ask(project, "Why?", "When?", "Why?")
    assert "nothing is stale" in notebook.ok("%dknb cassette stale answers.jsonl")


def test_stale_and_prune_refuse_in_a_kernel_that_has_asked_nothing(notebook, project, tape, monkeypatch):
    """Else one line too early would take out everything."""
    forget(monkeypatch)
    with Recording(project / "answers.jsonl", "auto") as recording:
        recording.take(request("Something else?"))  # a call that failed
    for command in ("stale answers.jsonl", "prune --yes --file answers.jsonl"):
        ran = notebook.run(f"%dknb cassette {command}")
        assert isinstance(ran.error, RecordingError)
        assert "has asked nothing of answers.jsonl yet" in str(ran.error)
    assert len((project / "answers.jsonl").read_text().splitlines()) == 4


def test_prune_shows_first_and_does_it_with_yes(notebook, project, tape, monkeypatch):
    """What was asked for stays."""
    forget(monkeypatch)
    ask(project, "Why?")
    shown = notebook.ok("%dknb cassette prune")
    assert "nothing was taken out yet; do it with  %dknb cassette prune --yes" in shown
    assert len((project / "answers.jsonl").read_text().splitlines()) == 4
    assert "2 entries taken out" in notebook.ok("%dknb cassette prune --yes")
    _, line = (project / "answers.jsonl").read_text().splitlines()
    assert json.loads(line)["response"]["content"] == "Because."
    assert "nothing to take out" in notebook.ok("%dknb cassette prune --yes")


def test_prune_takes_out_what_is_named_or_old(notebook, project, tape):
    """One entry by its name, or all of an age."""
    shown = notebook.ok(f"%dknb cassette prune {tape['When?']}")
    assert f"do it with  %dknb cassette prune {tape['When?']} --yes" in shown
    assert "1 entry taken out" in notebook.ok(f"%dknb cassette prune {tape['When?']} --yes")
    assert "nothing to take out" in notebook.ok("%dknb cassette prune --older 30 --yes")
    assert "2 entries taken out" in notebook.ok("%dknb cassette prune --older 0 --yes")
    ran = notebook.run(f"%dknb cassette prune {tape['Why?']} --older 3")
    assert "exclude each other" in str(ran.error)


def test_diff_asks_again_and_shows_the_words_that_changed(notebook, tape):
    """Facts side by side, then the text; in a strict replay too."""
    notebook.ok("%dknb replay answers.jsonl")
    ran = notebook.run(f"%dknb cassette diff {tape['Why?']}")
    assert ran.error is None
    assert ran.text.splitlines()[0] == f"{tape['Why?']}: Why?"
    assert "tokens out" in ran.text
    assert "$0.0100" in ran.text
    assert "[-Because.-]" in ran.text
    assert "<ins" in ran.bundles[0]["text/html"]


def test_what_a_table_is_headed_by_stands_in_each_form_of_it(notebook, project, tape):
    """A notebook shows the HTML: how many there are, and what was not asked for, is told there too."""
    [listed] = notebook.run("%dknb cassette answers.jsonl").bundles
    assert "<caption" in listed["text/html"]
    assert listed["text/plain"].splitlines()[0] in listed["text/html"]
    [old] = notebook.run("%dknb cassette prune --older 0").bundles
    assert old["text/plain"].startswith("answers.jsonl: 3 old entries, ")


def test_diff_says_in_each_form_that_a_text_is_the_same(notebook, project):
    """As its text does, the HTML of an answer that has not changed says so."""
    with Recording(project / "answers.jsonl", "record") as recording:
        recording.take(request("Why?")).keep(LLMResponse("Echo: Why?", "echo", "stop").to_dict())
    name = request_key(request("Why?"))[:8]
    [fresh] = notebook.run(f"%dknb cassette diff {name} --file answers.jsonl").bundles
    assert fresh["text/plain"].endswith("the text is the same")
    assert "the text is the same" in fresh["text/html"]


def test_check_names_lines_and_shows_no_secret(notebook, project, tape):
    """A clean recording is called clean."""
    assert "no key of this environment" in notebook.ok("%dknb cassette check")
    path = project / "answers.jsonl"
    path.write_text(path.read_text().replace("Soon.", "sk-proj-0123456789abcdefghij"))
    ran = notebook.run("%dknb cassette check")
    assert "1 place that may be secret" in ran.text
    assert "response.content" in ran.text
    assert "sk-proj" not in str(ran.bundles)


def test_import_adds_a_vcr_file_and_lists_what_it_leaves_out(notebook, project):
    """Into a new recording, too."""
    interactions = [
        {
            "request": {
                "method": "POST",
                "uri": "https://api.openai.com/v1/chat/completions",
                "parsed_body": {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]},
            },
            "response": {
                "status": {"code": 200},
                "parsed_body": {"model": "gpt-4o", "choices": [{"message": {"content": "Hello"}}]},
            },
        },
        {"request": {"method": "GET", "uri": "https://example.org/"}, "response": {"status": {"code": 200}}},
    ]
    (project / "cassette.yaml").write_text(yaml.safe_dump({"interactions": interactions}))
    text = notebook.ok("%dknb cassette import cassette.yaml --file new.jsonl")
    assert text.splitlines()[0] == "new.jsonl: 1 entry added; left out:"
    assert "GET /" in text
    assert "no call of a model" in text
    again = notebook.ok("%dknb cassette import cassette.yaml --into new.jsonl")
    assert again.splitlines()[0] == "new.jsonl: 0 entries added, 1 was there already; left out:"


@pytest.mark.parametrize("days", ["nan", "1e12", "-5", "inf", "soon"])
def test_prune_takes_days_of_a_life(notebook, tape, days):
    """Anything else is no age."""
    ran = notebook.run(f"%dknb cassette prune --older={days}")
    assert isinstance(ran.error, MagicError)
    assert f"{days!r} is no number of days from 0 to 36,500" in str(ran.error)


def test_the_hints_name_the_file_that_was_named(notebook, project, tape, monkeypatch):
    """Typed as they are, they are about the same recording."""
    notebook.ok("%dknb auto other.jsonl")
    shown = notebook.ok("%dknb cassette prune --older 0 --file answers.jsonl")
    again = "%dknb cassette prune --file answers.jsonl --older 0 --yes"
    assert f"do it with  {again}" in shown
    forget(monkeypatch)
    ask(project, "Why?")
    assert "with  %dknb cassette prune --file answers.jsonl" in notebook.ok("%dknb cassette stale answers.jsonl")
    assert "3 entries taken out" in notebook.ok(again)


def test_prune_keeps_a_link(notebook, project, tape):
    """What it points to is made shorter."""
    real = (project / "answers.jsonl").rename(project / "real.jsonl")
    (project / "answers.jsonl").symlink_to(real)
    assert "3 entries taken out" in notebook.ok("%dknb cassette prune --older 0 --yes --file answers.jsonl")
    assert (project / "answers.jsonl").is_symlink()
    assert b'"key"' not in real.read_bytes()
