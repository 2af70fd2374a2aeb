"""``dknb prompts``: checks and tests of a library from the command line."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from dknb.cli.main import main


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library of a project in the working directory, with one prompt and its test."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "prompts" / "user").mkdir(parents=True)
    (tmp_path / "prompts" / "user" / "greet.yaml").write_text("template: Hello {{name}}!\n")
    tests = "- {name: it greets, prompt: greet, params: {name: Ada}, expect: {equals: Hello Ada!}}\n"
    (tmp_path / "prompts" / "tests.yaml").write_text(tests)
    return tmp_path / "prompts"


def test_tests_that_pass_succeed(library, capsys):
    """Of the project's library, or of a folder that is named."""
    assert main(["prompts", "test"]) == 0
    assert main(["prompts", "test", "prompts"]) == 0
    assert capsys.readouterr().out == "1 test of prompts: all passed\n" * 2


def test_a_test_that_fails_is_told_and_fails(library, capsys):
    """With the place of the test, and the text that was rendered."""
    (library / "user" / "greet.yaml").write_text("template: Hi {{name}}!\n")
    assert main(["prompts", "test"]) == 1
    said = capsys.readouterr().out
    assert said.startswith(
        "prompts/tests.yaml:1: it greets (user/greet)\n    it is not equal to 'Hello Ada!'\n    | Hi Ada!"
    )
    assert said.endswith("1 test of prompts: 0 passed, 1 failed\n")


def test_only_runs_the_tests_that_have_the_words(library, capsys):
    """In their name, or in their prompt; none is a mistake."""
    assert main(["prompts", "test", "--only", "greets"]) == 0
    assert main(["prompts", "test", "--only", "user/gr"]) == 0
    capsys.readouterr()
    assert main(["prompts", "test", "--only", "leaves"]) == 1
    assert capsys.readouterr().err.startswith("dknb: No test has 'leaves' in its name or its prompt.")


def test_without_tests_the_first_one_is_shown(library, capsys):
    """The hint is a test that can be copied."""
    (library / "tests.yaml").unlink()
    assert main(["prompts", "test"]) == 1
    error = capsys.readouterr().err
    assert "dknb: prompts has no file tests.yaml.\n" in error
    hint = error.split("with:  ")[1].replace("NAME", "greet").replace("missing: []", "missing: [name]")
    (library / "tests.yaml").write_text(hint)
    assert main(["prompts", "test"]) == 0


def test_check_lists_problems_and_fails_on_errors(library, capsys):
    """A sound library succeeds; a warning alone does not fail."""
    assert main(["prompts", "check"]) == 0
    assert capsys.readouterr().out == "prompts: no problem was found\n"
    (library / "user" / "broken.yaml").write_text("template: '{% if x %}'\n")
    assert main(["prompts", "check", "prompts"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("error: prompts/user/broken.yaml, line 1, ")
    assert said.endswith("prompts: 1 error, 0 warnings\n")


def test_a_folder_that_is_not_there_is_an_error(library, capsys):
    """Not an empty library that passes."""
    for action in ("check", "test"):
        assert main(["prompts", action, "nowhere"]) == 1
        assert capsys.readouterr().err.startswith("dknb: There is no folder nowhere.")


def test_a_zip_file_and_a_package_are_checked_too(library, tmp_path, monkeypatch, capsys):
    """With the same lines and the same end; what needs a folder says so."""
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("user/a.yaml", "template: '{% if x %}'\n")
    assert main(["prompts", "check", "p.zip"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("error: p.zip/user/a.yaml, line 1, ")
    assert said.endswith("p.zip: 1 error, 0 warnings\n")
    (tmp_path / "acme_of_cli" / "prompts" / "user").mkdir(parents=True)
    (tmp_path / "acme_of_cli" / "__init__.py").touch()
    (tmp_path / "acme_of_cli" / "prompts" / "user" / "a.yaml").write_text("template: x\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["prompts", "check", "package:acme_of_cli"]) == 0
    assert capsys.readouterr().out == "package:acme_of_cli: no problem was found\n"
    for packed in ("package:acme_of_cli", "p.zip"):
        assert main(["prompts", "test", packed]) == 1
        assert f"dknb: {packed} is no folder" in capsys.readouterr().err
    assert main(["prompts", "check", "none.zip"]) == 1
    assert "none.zip: It cannot be read: No such file" in capsys.readouterr().err


def test_what_an_import_skips_is_told(library, tmp_path, capsys):
    """The others are there; the command fails, as not all is done."""
    (tmp_path / "p.csv").write_text("name,prompt\na,x\na,y\n")
    assert main(["prompts", "import", "p.csv", "--into", "other"]) == 1
    said = capsys.readouterr().out
    assert "skipped: p.csv, line 3, column 1: The name 'a' is in line 2 already." in said
    assert said.endswith("1 prompt imported into other, 1 skipped\n")
    assert (tmp_path / "other" / "user" / "a.yaml").exists()


def test_prompts_of_other_systems_are_imported(library, tmp_path, capsys):
    """Into a library that is named, or the project's; nothing is written over."""
    source = tmp_path / "hello.prompt"
    source.write_text("---\ninput:\n  schema:\n    name: string\n---\nHello {{name}}\n")
    assert main(["prompts", "import", str(source), "--into", "other"]) == 0
    said = capsys.readouterr().out
    assert "-> user/hello" in said
    assert said.endswith("1 prompt imported into other\n")
    assert (tmp_path / "other" / "user" / "hello.yaml").is_file()
    assert main(["prompts", "import", str(tmp_path / "nothing.txt")]) == 1
    assert "cannot be imported" in capsys.readouterr().err


def test_files_are_given_the_line_for_editors(library, capsys):
    """Once: a second time there is nothing to change."""
    assert main(["prompts", "schema", "prompts"]) == 0
    assert capsys.readouterr().out.endswith("changed; editors find the schemas now\n")
    assert "yaml-language-server" in next((library / "user").glob("*.yaml")).read_text()
    assert main(["prompts", "schema", "prompts"]) == 0
    assert capsys.readouterr().out.startswith("0 files changed")


def test_a_malformed_test_does_not_stop_the_others(library, capsys):
    """It is told, it fails the run, and ``check`` finds it too."""
    (library / "user" / "hi.yaml").write_text("template: Hi\n")
    (library / "tests.yaml").write_text(
        "- {name: fine, prompt: hi, expect: {equals: Hi}}\n- {name: odd, prompt: hi, expct: {equals: Hi}}\n"
    )
    assert main(["prompts", "test"]) == 1
    said = capsys.readouterr().out
    assert "line 2" in said
    assert "expct" in said
    assert "1 test not run, of the file's 2" in said
    assert "1 test of prompts: all passed" in said
    assert main(["prompts", "check"]) == 1
    assert capsys.readouterr().out.count("expct") == 1


@pytest.mark.parametrize("text", ["", "[]\n"])
def test_a_file_without_a_test_is_told(library, capsys, text):
    """Nothing was tested: that is no success."""
    (library / "tests.yaml").write_text(text)
    assert main(["prompts", "test"]) == 1
    assert "has no test in its tests.yaml" in capsys.readouterr().err


def test_control_characters_of_names_are_not_printed(library, capsys):
    """A file's name is data to a terminal."""
    (library / "user" / "a\x1b[31mb.yaml").write_text("template: x\n")
    main(["prompts", "check"])
    assert "\x1b" not in capsys.readouterr().out


def test_flows_are_checked_with_the_prompts(library, capsys):
    """What would stop one in the middle of a run is an error; the functions that it calls are the program's."""
    (library / "flows").mkdir()
    (library / "flows" / "good.yaml").write_text(
        "initial_state: a\nstates: {a: {prompt_name: greet, on_enter: hook, transitions: [{to: end, when: {custom: f}}]}}\n"
    )
    assert main(["prompts", "check"]) == 0
    assert "no problem was found" in capsys.readouterr().out
    flows = {
        "prompt": "{a: {prompt_name: great}}",
        "model": "{a: {template: x, transitions: [{to: end, when: {llm: "
        "{classifier_prompt: x, expected_value: y, llm_config: bogus/z}}}]}}",
        "text": "{a: {template: '{{ x'}}",
    }
    for name, states in flows.items():
        (library / "flows" / f"{name}.yaml").write_text(f"initial_state: a\nstates: {states}\n")
    (library / "flows" / "start.yaml").write_text("initial_state: b\nstates: {a: {template: x}}\n")
    assert main(["prompts", "check"]) == 1
    said = capsys.readouterr().out
    assert (
        "error: flows/prompt.yaml: The state 'a' asks with 'great', and there is no user prompt of that name." in said
    )
    assert "Did you mean 'greet'?" in said
    assert "error: flows/model.yaml: The condition 'llm' of the state 'a' has no model to ask" in said
    assert "error: flows/text.yaml, line 2, column 24: The template is none" in said
    assert "error: flows/start.yaml, line 1, column 16: The flow 'start' begins in 'b'" in said
    assert said.endswith("4 errors, 0 warnings\n")
