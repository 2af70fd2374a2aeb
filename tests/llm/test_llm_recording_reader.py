"""A recording as a list, cleared of what is no longer needed, and searched for secrets."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest
from recording_help import asking, record, replayed

from dknb.errors import ConfigError, RecordingError
from dknb.llm import create_llm_provider
from dknb.llm.recordings.asked_again import ask_again
from dknb.llm.recordings.check import Suspect, check_secrets
from dknb.llm.recordings.pruning import prune
from dknb.llm.recordings.reader import RecordingReader
from dknb.llm.recordings.recording import Recording, latest_path, request_key, used_here

LONG = {"role": "system", "content": "Be kind. " * 60}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def with_system(question: str) -> dict:
    """A request whose system prompt lies on a line of its own."""
    return asking(messages=[LONG, {"role": "user", "content": question}])


# Listing


def test_entries_are_listed_with_what_was_asked_and_answered(path):
    """In the order of the file, each with its name, its line and its request whole."""
    record(path, "one", "two", request=with_system("Why?"))
    record(path, "three", request=asking("When?"))
    with RecordingReader(path) as reader:
        entries = list(reader.entries())
    key = request_key(with_system("Why?"))[:8]
    assert [(entry.place.name, entry.question, entry.answer) for entry in entries] == [
        (key, "Why?", "one"),
        (f"{key}.2", "Why?", "two"),
        (request_key(asking("When?"))[:8], "When?", "three"),
    ]
    assert [entry.place.line for entry in entries] == [3, 4, 5]
    assert entries[1].request == with_system("Why?")
    assert entries[0].spec == "openai/gpt-5.4-mini"
    assert sum(entry.place.size for entry in entries) < path.stat().st_size


def test_an_entry_is_found_by_the_beginning_of_its_key(path):
    """And by which answer it is; a name that fits none or several says what there is."""
    record(path, "one", "two")
    record(path, "three", request=asking("When?"))
    key = request_key(asking())
    with RecordingReader(path) as reader:
        assert reader.find(key[:6]).answer == "one"
        assert reader.find(f"{key}.2").answer == "two"
        with pytest.raises(RecordingError, match=rf"has no entry '{key[:8]}\.3'") as caught:
            reader.find(f"{key[:8]}.3")
        with pytest.raises(RecordingError, match="has no entry"):
            reader.find("")
    assert caught.value.hint == f"List them:  %dknb cassette {path}"


def test_a_name_that_fits_several_entries_asks_for_more_of_it(path):
    """Keys are random, so that of many two begin alike."""
    by_start: dict[str, list[str]] = {}
    for number in range(40):
        record(path, "x", request=asking(f"{number}"))
        by_start.setdefault(request_key(asking(f"{number}"))[0], []).append(f"{number}")
    start = next(start for start, questions in by_start.items() if len(questions) > 1)
    with RecordingReader(path) as reader, pytest.raises(RecordingError, match="has several entries"):
        reader.find(start)


# What is not used any more


def test_entries_that_a_session_did_not_ask_for_are_unused(path):
    """What it was answered with, and what it added, is used."""
    record(path, "one", "two")
    record(path, "three", request=asking("When?"))
    recording = Recording(path, "auto")
    recording.take(asking())
    recording.take(asking("New")).keep({"content": "four"})
    recording.close()
    before = used_here(path)
    with RecordingReader(path) as reader:
        mine = {which for which in before if which[0] == request_key(asking("New"))}
        answered = {
            place.which for place in reader.places() if place.nth == 1 and place.which[0] == request_key(asking())
        }
        unused = [entry.answer for entry in reader.read(reader.unused(mine | answered))]
    assert mine | answered <= before
    assert unused == ["two", "three"]
    assert latest_path() == path


def test_old_entries_are_found_by_their_age(path):
    """In days."""
    record(path, "one")
    text = path.read_text()
    at = json.loads(text.splitlines()[1])["at"]
    path.write_text(text.replace(at, "2020-01-01T00:00:00+00:00"))
    record(path, "two", request=asking("Today"))
    with RecordingReader(path) as reader:
        assert [entry.answer for entry in reader.read(reader.older(30))] == ["one"]


def test_pruning_takes_entries_out_with_what_only_they_need(path):
    """The lines that stay are not changed, and go on answering."""
    record(path, "one", request=with_system("Why?"))
    record(path, "two", request=asking("When?"))
    record(path, "three", request=asking(messages=[{**LONG, "content": "Other. " * 60}, *asking()["messages"][1:]]))
    lines = path.read_text().splitlines()
    with RecordingReader(path) as reader:
        first = next(reader.entries()).place
    path.chmod(0o640)
    done = prune(path, {first.which})
    assert done.removed == 1
    assert (done.before, done.after) == (len("\n".join([*lines, ""])), path.stat().st_size)
    assert path.read_text().splitlines() == [lines[0], *lines[3:]]
    assert path.stat().st_mode & 0o777 == 0o640
    assert replayed(path, asking("When?")) == "two"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_pruning_keeps_the_shared_pieces_of_what_stays(path):
    """A talk whose first turns are taken out is still whole in its later ones."""
    for turns in (3, 5, 7):
        said = [{"role": "user", "content": f"{n} " + "words " * 50} for n in range(turns)]
        record(path, f"{turns}", request=asking(messages=said))
    with RecordingReader(path) as reader:
        before = list(reader.entries())
    prune(path, {before[0].place.which, before[1].place.which})
    with RecordingReader(path) as reader:
        (last,) = reader.entries()
    assert last.request == before[2].request


def test_a_session_goes_on_over_a_pruning(path):
    """What it was answered with is not given again, and what it adds goes into the new file."""
    record(path, "one", "two", "three")
    record(path, "other", request=asking("When?"))
    recording = Recording(path, "auto")
    first = recording.take(asking()).reply.response["content"]
    with RecordingReader(path) as reader:
        second = reader.find(f"{request_key(asking())[:8]}.2")
    prune(path, {second.place.which})
    after = recording.take(asking()).reply.response["content"]
    recording.take(asking("New")).keep({"content": "new"})
    recording.close()
    assert (first, after) == ("one", "three")
    assert [replayed(path, asking(text)) for text in ("When?", "New")] == ["other", "new"]


def append_many(path: str, name: str, count: int) -> None:
    """Another kernel, which records while the file is replaced under it."""
    recording = Recording(path, "record")
    for number in range(count):
        recording.take(with_system(f"{name} {number}")).keep({"content": "x" * 500})
    recording.close()


def test_pruning_loses_nothing_that_other_kernels_add_meanwhile(path):
    """Two processes append while a third prunes again and again."""
    record(path, *("old",) * 10)
    context = multiprocessing.get_context("spawn")
    kernels = [context.Process(target=append_many, args=(str(path), f"kernel {n}", 150)) for n in range(2)]
    for kernel in kernels:
        kernel.start()
    removed = 0
    while any(kernel.is_alive() for kernel in kernels):
        with RecordingReader(path) as reader:
            old = [place.which for place in reader.places() if place.which[0] == request_key(asking())]
        removed += prune(path, set(old[:1])).removed
    for kernel in kernels:
        kernel.join()
    recording = Recording(path, "replay")
    found = [recording.take(with_system(f"kernel {n} {i}")).reply for n in range(2) for i in range(150)]
    recording.close()
    assert all(reply.response["content"] == "x" * 500 for reply in found)
    assert removed > 0
    with RecordingReader(path) as reader:
        assert all(entry.request["messages"][0] == LONG for entry in reader.entries() if entry.question != "x")


# Secrets


def test_secrets_are_named_by_line_and_kind_and_not_shown(path):
    """The value of a key of this environment, what looks like one, and what is called one."""
    record(path, "x")
    _, line = path.read_text().splitlines()
    key = "sk-ant-api03-0123456789abcdef"
    planted = json.loads(line) | {
        "response": {"content": f"Use {key} and acme-4711-very-secret", "metadata": {"api_key": "plain words"}}
    }
    with path.open("a") as file:
        file.write(json.dumps(planted) + "\n" + f"broken {key}\n")
    suspects = check_secrets(path, {"ACME_API_KEY": "acme-4711-very-secret", "HOME": "somewhere-else"})
    assert suspects == [
        Suspect(3, "response.content", "the value of $ACME_API_KEY"),
        Suspect(3, "response.content", "a key of Anthropic"),
        Suspect(3, "response.metadata.api_key", "a text under the name 'api_key'"),
        Suspect(4, "", "a key of Anthropic"),
    ]
    assert key not in str(suspects)


def test_what_recording_writes_passes_the_check(path, monkeypatch):
    """The scrubber and the check know the same shapes and variables."""
    monkeypatch.setenv("ACME_API_KEY", "acme-4711-very-secret")
    said = "acme-4711-very-secret hf_0123456789abcdefghijklmn eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN"
    record(path, said, request=asking(said))
    assert check_secrets(path, {"ACME_API_KEY": "acme-4711-very-secret"}) == []


# Asking again


async def test_an_entry_is_asked_again_past_the_recording(path):
    """Even within a strict replay; nothing is added, and the settings are those that were recorded."""
    request = asking("Say it", provider="echo", model="echo", messages=[{"role": "user", "content": "Say it"}])
    record(path, "as it was", request=request)
    before = path.read_bytes()
    with RecordingReader(path) as reader:
        (entry,) = reader.entries()
    specs = []

    def provider_of(spec):
        specs.append(spec)
        return create_llm_provider(spec)

    with Recording(path, "replay"):
        fresh = await ask_again(entry, provider_of)
    assert (specs, fresh.content) == (["echo/echo"], "Echo: Say it")
    assert path.read_bytes() == before


async def test_an_entry_that_cannot_be_asked_as_it_was_says_so(path):
    """Vectors have no words, and an unknown option is not in the file."""
    record(path, "x", request={"kind": "embed", "provider": "openai", "model": "m", "texts": ["a"]})
    record(path, "x", request=asking(options={"house_option": "x"}))
    with RecordingReader(path) as reader:
        vectors, odd = reader.entries()
    with pytest.raises(ConfigError, match="no words to compare"):
        await ask_again(vectors, create_llm_provider)
    with pytest.raises(ConfigError, match="not kept in a recording: house_option"):
        await ask_again(odd, create_llm_provider)
