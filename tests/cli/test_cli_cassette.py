"""``dknb cassette``: a recording from the command line."""

from __future__ import annotations

import json
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


def test_a_recording_alone_is_listed(tape, capsys):
    """As `%dknb cassette FILE` does; a misspelt action is still one, and a missing file is said."""
    assert main(["cassette", "answers.jsonl"]) == 0
    alone = capsys.readouterr().out
    assert main(["cassette", "list", "answers.jsonl"]) == 0
    assert alone == capsys.readouterr().out
    assert main(["cassette", "nowhere.jsonl"]) == 1
    assert "nowhere.jsonl" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["cassette", "chekc"])
    assert "invalid choice: 'chekc'" in capsys.readouterr().err


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


def test_prune_shows_first_and_does_it_with_yes(tape, capsys):
    """By names or by age; a kernel alone knows what is stale."""
    assert main(["cassette", "prune", "answers.jsonl", "--older", "0"]) == 0
    assert "do it with  dknb cassette prune answers.jsonl --older 0 --yes" in capsys.readouterr().out
    assert main(["cassette", "prune", "answers.jsonl", "--older", "0", "--yes"]) == 0
    assert "2 entries taken out" in capsys.readouterr().out
    assert b'"key"' not in tape.read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Only a kernel knows which are stale"),
        (["--older=nan"], "'nan' is no number of days"),
        (["abc", "--older", "1"], "exclude each other"),
    ],
)
def test_prune_says_what_it_needs(tape, capsys, words, message):
    """And takes nothing out."""
    before = tape.read_bytes()
    assert main(["cassette", "prune", "answers.jsonl", *words]) == 1
    assert message in capsys.readouterr().err
    assert tape.read_bytes() == before


def test_import_adds_a_vcr_file(tape, capsys):
    """What is no call of a model is left out, and said to be."""
    body = {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "Hi"}]}
    said = {"id": "c", "model": "gpt-5.4-mini", "choices": [{"message": {"role": "assistant", "content": "Hello"}}]}
    pairs = [
        {
            "request": {"method": method, "uri": f"https://api.openai.com/v1/{path}", "body": json.dumps(body)},
            "response": {"status": {"code": 200}, "headers": {}, "body": {"string": json.dumps(said)}},
        }
        for method, path in (("POST", "chat/completions"), ("GET", "models"))
    ]
    (tape.parent / "vcr.json").write_text(json.dumps({"interactions": pairs}))
    assert main(["cassette", "import", "vcr.json", "answers.jsonl"]) == 0
    shown = capsys.readouterr().out
    assert "answers.jsonl: 1 entry added; left out:" in shown
    assert "GET /v1/models" in shown
    assert b"Hello" in tape.read_bytes()
