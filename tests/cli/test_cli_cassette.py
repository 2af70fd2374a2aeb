"""``dknb cassette``: a recording from the command line."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest

from dknb.cli.main import main
from dknb.llm.recordings.recording import Recording

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tape(tmp_path, monkeypatch):
    """A recording of two answers in a project of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "answers.jsonl"
    with Recording(path, "record") as recording:
        for question in ("Why?", "When?"):
            recording.take(asked(question)).keep({"content": f"An answer to {question}"})
    return path


def asked(question):
    return {"kind": "complete", "provider": "x", "model": "m", "messages": [{"role": "user", "content": question}]}


def test_list_shows_the_entries(tape, capsys):
    """As the magic does."""
    assert main(["cassette", "list", "answers.jsonl"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("answers.jsonl: 2 entries, ")
    assert "An answer to When?" in rows[3]


def test_check_fails_where_a_secret_is_and_names_the_line(tape, capsys):
    """So that a CI job or a hook can use it."""
    assert main(["cassette", "check", "answers.jsonl"]) == 0
    assert capsys.readouterr().out == "no secret was found\n"
    tape.write_text(tape.read_text().replace("to Why?", "to sk-ant-api03-0123456789abcdef"))
    assert main(["cassette", "check", "answers.jsonl"]) == 1
    assert capsys.readouterr().out == "answers.jsonl:2: a key of Anthropic, in response.content\n"


def test_a_missing_recording_is_named(tape, capsys):
    """In a line, without a traceback."""
    assert main(["cassette", "list", "none.jsonl"]) == 1
    assert "There is no recording none.jsonl." in capsys.readouterr().err


def test_stale_runs_the_notebook_and_lists_what_it_did_not_ask_for(tape, tmp_path, monkeypatch, capsys):
    """In a kernel of its own; the notebook is not changed."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    cells = ["%load_ext dknb", "%dknb replay answers.jsonl"]
    cells += [
        f"from dknb.llm.recordings.recording import active\nactive().take({asked('Why?')!r}).reply.response['content']"
    ]
    notebook = tmp_path / "talk.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), notebook)
    before = notebook.read_bytes()
    assert main(["cassette", "stale", "talk.ipynb"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("answers.jsonl: 1 stale entry")
    assert "An answer to When?" in text
    assert "An answer to Why?" not in text
    assert notebook.read_bytes() == before


def test_stale_wants_a_notebook(tape, capsys):
    """A recording alone cannot tell what is asked of it."""
    assert main(["cassette", "stale", "answers.jsonl"]) == 1
    assert "answers.jsonl is no notebook." in capsys.readouterr().err
