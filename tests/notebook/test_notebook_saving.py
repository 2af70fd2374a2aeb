"""Saving prompts and finding what they were: nothing that was written is lost."""

from __future__ import annotations

import json

import pytest

import dknb
from dknb.errors import PromptError


@pytest.fixture
def put(notebook, project):
    """A function that writes a file of the library as an editor would."""

    def write(path, text):
        file = project / "prompts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


def test_every_file_that_is_replaced_is_kept(notebook, put, project):
    """Whatever the clock says, and whichever names share letters."""
    for path in ("user/a/b.yaml", "user/a-b.yaml", "system/a-b.yaml"):
        put(path, f"template: 'by hand {path}'\n")
    notebook.ok("%%prompt a/b --save\n1")
    notebook.ok("%%prompt a-b --save\n1")
    notebook.ok("%%prompt a-b --save\n2")
    notebook.ok("%%prompt a-b --system --save\n1")
    kept = sorted(path.read_text() for path in (project / ".dknb" / "replaced").rglob("*.yaml"))
    assert len(kept) == 4
    assert sum("by hand" in text for text in kept) == 3


def test_saving_the_same_again_keeps_no_file_aside(notebook, project):
    """Nothing was replaced."""
    notebook.ok("%%prompt a --save\n1")
    notebook.ok("%%prompt a --save\n1")
    assert not list((project / ".dknb").rglob("replaced/**/*.yaml"))


def test_a_version_is_edited_as_the_prompt_that_it_was(notebook, put, project):
    """Saving it restores it: there is no file with a version in its name."""
    for text in ("one", "two"):
        notebook.ok(f"%%prompt nov --save\n{text}")
    notebook.ok("%prompts edit nov@1.0.0")
    first, _, body = notebook.shell.rl_next_input.partition("\n")
    assert first == "%%prompt nov"
    notebook.ok(f"{first} --save\n{body}")
    assert [path.name for path in (project / "prompts" / "user").iterdir()] == ["nov.yaml"]
    assert str(dknb.prompt("nov")()) == "one"


@pytest.mark.parametrize("name", ["nov@1.0.0", '"a b"', "CON", "a/nul.x", "x.", "..", "a/../b"])
def test_names_that_cannot_be_said_again_are_not_saved(notebook, project, name):
    """With the rule, and before anything is rendered or written."""
    ran = notebook.run(f"%%prompt {name} --save\ntext")
    assert isinstance(ran.error, PromptError)
    assert "cannot be saved as" in str(ran.error)
    assert not (project / "prompts").exists()


@pytest.mark.parametrize(
    ("file", "before"),
    [
        ("system/tutor.md", "---\nmetadata: {use: teaching}\n---\nTeach {{x}}.\n"),
        ("system/tutor.md", "Teach {{x}}.\n"),
        ("system/tutor.json", '{"$schema": "s.json", "metadata": {"use": "teaching"}, "template": "Teach {{x}}."}'),
    ],
)
def test_a_prompt_is_saved_in_the_format_of_its_file(notebook, put, project, file, before):
    """Markdown stays Markdown and JSON stays JSON; the file before is kept."""
    path = put(file, before)
    notebook.ok("%prompts edit tutor")
    first, _, body = notebook.shell.rl_next_input.partition("\n")
    assert "kept as" in notebook.ok(f"{first} --save\n{body.replace('Teach', 'Explain')}")
    text = path.read_text()
    assert "Explain {{x}}." in text
    assert (json.loads(text)["$schema"] == "s.json") if path.suffix == ".json" else "template:" not in text
    assert str(dknb.prompt("tutor")(x="X")).startswith("Explain X.")
    assert [each.read_text() for each in (project / ".dknb" / "replaced").rglob(f"*{path.suffix}")] == [before]


def test_an_edit_by_hand_is_a_version_before_and_after(notebook, put):
    """What the watch notices is kept: the text before it and the text after."""
    put("user/crit.yaml", "metadata: {version: '1.0'}\ntemplate: 'Be kind to {{x}}'\n")
    notebook.ok("%prompt crit x=1")
    put("user/crit.yaml", "metadata: {version: '1.0'}\ntemplate: 'Be hard on {{x}}'\n")
    notebook.ok("%prompt crit x=1")
    assert "[-kind to-]{+hard on+}" in notebook.ok("%prompts diff crit@1.0 crit")
    assert "[-kind to-]{+hard on+}" in notebook.ok("%prompts diff crit")
    assert "versions: 1.0.1, 1.0" in notebook.ok("%prompts show crit")


def test_a_version_is_named_exactly_or_as_the_newest_that_begins_so(notebook, put):
    """Of what was saved, and of what the file says itself."""
    for number in ("1.0.0", "1.0.3", "1.2"):
        notebook.ok(f'%%prompt crit --save\n---\nmetadata: {{version: "{number}"}}\n---\nText {number}')
    assert str(dknb.prompt("crit@1.0")()) == "Text 1.0.3"
    assert str(dknb.prompt("crit@1.0.0")()) == "Text 1.0.0"
    assert "Text 1.[-0.3-]{+2+}" in notebook.ok("%prompts diff crit@1.0 crit@1.2")
    put("user/told.yaml", "metadata: {version: '2.5.1'}\ntemplate: T\n")
    assert str(dknb.prompt("told@2.5")()) == "T"


def test_versions_are_listed(notebook, put):
    """The column tells the newest that is kept where the file tells none."""
    for text in ("one", "two"):
        notebook.ok(f"%%prompt nov --save\n{text}")
    notebook.ok("frame = %prompts")
    assert notebook.shell.user_ns["frame"]["version"].tolist() == ["1.0.1"]
    assert "no other version" in notebook.ok("%%prompt lone --save\nx\n") + notebook.ok("%prompts diff lone")


def test_a_removed_file_is_told_as_removed(notebook, put):
    """It is not used as it is now."""
    path = put("user/gone.yaml", "template: x\n")
    put("user/stays.yaml", "template: x\n")
    notebook.ok("%prompt gone")
    path.unlink()
    assert notebook.run("%prompt stays").bundles[0]["text/plain"] == "removed from disk: gone"
