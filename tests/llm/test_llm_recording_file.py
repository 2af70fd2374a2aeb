"""The file of a recording: many write to it, some damage it, and no answer is lost in silence."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from recording_help import asking, record, replayed

from dknb.errors import ConfigError, RecordingError
from dknb.llm.recordings.recording import Recording


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def append_many(path: str, name: str, count: int) -> None:
    """Another kernel."""
    recording = Recording(path, "record")
    for number in range(count):
        recording.take(asking(f"{name} {number}")).keep({"content": "x" * 5_000})
    recording.close()


def test_kernels_that_write_at_once_lose_nothing(path):
    """Four processes append to one file; every line is there and whole."""
    context = multiprocessing.get_context("spawn")
    kernels = [context.Process(target=append_many, args=(str(path), f"kernel {n}", 50)) for n in range(4)]
    for kernel in kernels:
        kernel.start()
    for kernel in kernels:
        kernel.join()
    recording = Recording(path, "replay")
    found = [recording.take(asking(f"kernel {n} {i}")).reply for n in range(4) for i in range(50)]
    recording.close()
    assert all(len(reply.response["content"]) == 5_000 for reply in found)


def test_a_last_line_that_was_cut_is_named_and_swallows_nothing(path):
    """After a crash in mid-line the rest is there, and what is added stands on a line of its own."""
    record(path, "one", "two")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.warns(UserWarning, match="line 3 is not a whole entry; skipped"):
        recording = Recording(path, "auto")
    recording.take(asking())
    recording.take(asking()).keep({"content": "two again"})
    recording.close()
    with pytest.warns(UserWarning, match="line 3"):
        recording = Recording(path, "replay")
    answers = [recording.take(asking()).reply.response["content"] for _ in range(2)]
    recording.close()
    assert answers == ["one", "two again"]


def test_the_marks_of_a_merge_are_an_error_that_names_their_lines(path):
    """Two branches that both added answers: without the marks, the answers of both are there."""
    record(path, "ours")
    record(path, "theirs", mode="record")
    header, ours, theirs = path.read_text().splitlines()
    path.write_text("\n".join([header, "<<<<<<< HEAD", ours, "=======", theirs, ">>>>>>> other", ""]))
    with pytest.raises(RecordingError, match="marks of a git merge in it: lines 2, 4, 6") as caught:
        Recording(path, "replay")
    assert "the entries of both sides may stay" in caught.value.hint
    path.write_text("\n".join([header, ours, theirs, ""]))
    recording = Recording(path, "replay")
    answers = [recording.take(asking()).reply.response["content"] for _ in range(2)]
    recording.close()
    assert answers == ["ours", "theirs"]


def test_line_ends_of_windows_do_no_harm(path):
    """A checkout may turn the ends of lines."""
    record(path, "one")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert replayed(path) == "one"


def test_a_damaged_entry_is_an_error_to_replay_and_a_call_in_auto(path):
    """What cannot be read is never passed over in silence."""
    record(path, "one")
    path.write_bytes(path.read_bytes().replace(b'"response"', b"(response)"))
    recording = Recording(path, "replay")
    with pytest.raises(RecordingError, match=r"Line 2 of .* cannot be read"):
        recording.take(asking())
    recording.close()
    recording = Recording(path, "auto")
    with pytest.warns(UserWarning, match=r"Line 2 .* the model is called instead"):
        take = recording.take(asking())
    recording.close()
    assert take.reply is None


def test_a_file_that_was_changed_in_place_is_read_anew(path):
    """An editor that saves over the open file moves the lines."""
    record(path, "one", "two")
    recording = Recording(path, "replay")
    first = recording.take(asking()).reply.response["content"]
    path.write_bytes(b"\n" * 40 + path.read_bytes())
    second = recording.take(asking()).reply.response["content"]
    recording.close()
    assert (first, second) == ("one", "two")


def test_a_file_that_was_replaced_is_read_anew(path, tmp_path):
    """As git does when it checks out another version."""
    record(path, "one")
    recording = Recording(path, "replay")
    other = tmp_path / "other.jsonl"
    record(other, "of the other branch", request=asking("Anything else?"))
    other.replace(path)
    answer = recording.take(asking("Anything else?")).reply.response["content"]
    recording.close()
    assert answer == "of the other branch"


def test_a_file_that_was_deleted_is_made_again(path):
    """What is recorded after ``rm`` is in the new file, header and all."""
    record(path, "old")
    recording = Recording(path, "record")
    path.unlink()
    recording.take(asking()).keep({"content": "new"})
    recording.close()
    assert replayed(path) == "new"


def test_another_file_is_refused_and_left_alone(path):
    """The wrong path must not cost somebody a notebook."""
    path.write_text('{"cells": []}\n')
    with pytest.raises(RecordingError, match="is not a recording of dknb"):
        Recording(path, "auto")
    assert path.read_text() == '{"cells": []}\n'


def test_a_newer_format_is_refused(path):
    """An older dknb does not guess what a newer one wrote."""
    path.write_text('{"dknb_recording":3}\n')
    with pytest.raises(RecordingError, match=r"newer dknb \(format 3; this one reads 2\)") as caught:
        Recording(path, "replay")
    assert caught.value.hint == "Update it:  pip install --upgrade dknb"


def test_a_missing_file_is_an_error_to_replay_only(path):
    """To record, the file is made; to replay, it must be there."""
    with pytest.raises(RecordingError, match="There is no recording"):
        Recording(path, "replay")
    Recording(path, "auto").close()
    assert path.read_bytes() == b'{"dknb_recording":2}\n'


def test_what_cannot_be_written_is_an_error_before_anything_is_paid_for(tmp_path):
    """A folder that is missing, and a path that is a folder, are found at opening."""
    for wrong in (tmp_path / "missing" / "answers.jsonl", tmp_path):
        with pytest.raises(RecordingError, match="cannot be written"):
            Recording(wrong, "auto")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_an_error_at_opening():
    """The first line that is written is the header."""
    with pytest.raises(RecordingError, match="cannot be written"):
        Recording("/dev/full", "record")


def test_an_answer_that_cannot_be_added_is_a_warning(path):
    """The answer has been paid for: the caller gets it, and is told."""
    resource = pytest.importorskip("resource", reason="file size limits are a thing of Unix")
    recording = Recording(path, "record")
    take = recording.take(asking())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, hard))
        with pytest.warns(UserWarning, match="An answer could not be added"):
            take.keep({"content": "expensive"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b'{"dknb_recording":2}\n'  # nothing of it is there
    take.keep({"content": "expensive"})
    recording.close()
    assert replayed(path) == "expensive"


def test_an_answer_that_is_no_json_is_a_warning(path):
    """A vendor's oddity in an answer does not cost the answer."""
    recording = Recording(path, "record")
    with pytest.warns(UserWarning, match="An answer could not be added"):
        recording.take(asking()).keep({"content": "x", "parts": [object()]})
    assert recording.summary().added == 0
    recording.close()


def test_a_closed_recording_answers_nothing_but_still_adds(path):
    """A call that was under way when the recording was closed keeps its answer."""
    recording = Recording(path, "record")
    take = recording.take(asking())
    recording.close()
    take.keep({"content": "late"})
    with pytest.raises(RecordingError, match="is closed"):
        recording.take(asking())
    assert replayed(path) == "late"


def test_a_relative_path_means_the_folder_of_then(tmp_path, monkeypatch):
    """``os.chdir`` in a later cell does not move the recording."""
    monkeypatch.chdir(tmp_path)
    recording = Recording("answers.jsonl", "record")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    recording.take(asking()).keep({"content": "here"})
    recording.close()
    assert replayed(tmp_path / "answers.jsonl") == "here"


@pytest.mark.parametrize(("wrong", "nearest"), [({"mode": "reply"}, "replay"), ({"pace": "instnt"}, "instant")])
def test_an_unknown_mode_or_pace_names_the_nearest(path, wrong, nearest):
    """A slip of the pen is a config error with a suggestion."""
    with pytest.raises(ConfigError, match=f"Did you mean '{nearest}'"):
        Recording(path, **wrong)
