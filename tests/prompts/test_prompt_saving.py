"""A prompt that is saved is there for everybody, and nobody's text is lost by it."""

from __future__ import annotations

import json
import os

import pytest
from prompts_help import write

from dknb.errors import PromptError, PromptFileError
from dknb.prompts import FileSystemPromptLibrary, ValidationConfig, ValidationLevel, link_schemas


def test_save_writes_yaml_and_makes_folders(tmp_path):
    """What is saved is read back, at the path that is returned."""
    library = FileSystemPromptLibrary(tmp_path / "new")
    prompt = {"template": "Dear {{x}},\n  \n", "validation": ValidationConfig(level=ValidationLevel.ERROR)}
    path = library.save("user", "mail/reply", prompt)
    assert path == tmp_path / "new" / "user" / "mail" / "reply.yaml"
    assert library.get_user_prompt("mail/reply") == prompt
    assert FileSystemPromptLibrary(tmp_path / "new").get_user_prompt("mail/reply") == prompt
    assert [p.name for p in path.parent.iterdir()] == ["reply.yaml"]


def test_save_replaces_what_it_saved_and_keeps_the_mode(folder):
    """Saving again replaces the file, in place and with its permissions."""
    library = FileSystemPromptLibrary(folder)
    path = library.save("system", "a", {"template": "one"})
    path.chmod(0o640)
    assert library.save("system", "a", {"template": "two"}) == path
    assert path.stat().st_mode & 0o777 == 0o640
    assert library.get_system_prompt("a") == {"template": "two"}


def test_save_of_the_same_text_does_not_touch_the_file(folder):
    """Running a cell again without an edit leaves the file alone."""
    library = FileSystemPromptLibrary(folder)
    path = library.save("user", "a", {"template": "one"})
    os.utime(path, (1, 1))
    library.save("user", "a", {"template": "one"})
    assert path.stat().st_mtime == 1


def test_save_keeps_to_the_file_that_is_there(folder):
    """A prompt in a .yml, .md or .json file stays there, in its format; a pointer to a schema is kept."""
    write(folder / "user" / "a.yml", "template: one")
    write(folder / "user" / "b.md", "text")
    library = FileSystemPromptLibrary(folder)
    assert library.save("user", "a", {"template": "two"}).name == "a.yml"
    assert library.save("user", "b", {"template": "two", "defaults": {"x": 1}}).name == "b.md"
    assert (folder / "user" / "b.md").read_text() == "---\ndefaults:\n  x: 1\n---\ntwo"
    write(folder / "user" / "c.json", '{"$schema": "s.json", "template": "one"}')
    assert library.save("user", "c", {"template": "two"}).name == "c.json"
    assert json.loads((folder / "user" / "c.json").read_text()) == {"$schema": "s.json", "template": "two"}
    with pytest.raises(PromptError, match="Markdown does not hold"):
        library.save("user", "b", {"template": " "})
    assert library.get_user_prompt("b") == {"template": "two", "defaults": {"x": 1}}


def test_save_does_not_replace_an_edit_unseen(folder):
    """A file that someone else changed is refused once, and replaced when asked again."""
    library = FileSystemPromptLibrary(folder)
    path = library.save("user", "a", {"template": "one"})
    write(path, "template: theirs")
    with pytest.raises(PromptFileError, match="changed on disk since it was read here"):
        library.save("user", "a", {"template": "two"})
    assert path.read_text() == "template: theirs"
    library.save("user", "a", {"template": "two"})
    assert library.get_user_prompt("a") == {"template": "two"}


def test_save_does_not_drop_variants(folder):
    """One prompt does not replace a file of several."""
    path = write(folder / "user" / "a.yaml", "- template: one\n- template: two\n")
    with pytest.raises(PromptFileError, match="holds 2 variants"):
        FileSystemPromptLibrary(folder).save("user", "a", {"template": "x"})
    assert path.read_text() == "- template: one\n- template: two\n"


def test_a_failing_write_leaves_the_old_file(folder, monkeypatch):
    """On a full disk the old text stays, and nothing else is left behind."""
    library = FileSystemPromptLibrary(folder)
    path = library.save("user", "a", {"template": "one"})

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PromptFileError, match=r"a\.yaml cannot be written: No space left on device"):
        library.save("user", "a", {"template": "two"})
    assert [(p.name, p.read_text()) for p in path.parent.iterdir()] == [
        ("a.yaml", "# yaml-language-server: $schema=../.schemas/prompt-file.schema.json\ntemplate: one\n")
    ]


def test_save_below_a_file_is_an_error(folder):
    """A folder that cannot be made is an error of ours."""
    write(folder / "user" / "a", "a file without suffix")
    with pytest.raises(PromptFileError, match="cannot be written"):
        FileSystemPromptLibrary(folder).save("user", "a/b", {"template": "x"})


def test_only_prompts_are_saved(folder):
    """There is no other kind to save, and no kind leads out of the folder."""
    with pytest.raises(PromptError, match=r"'system' or 'user', not as '\.\./user'"):
        FileSystemPromptLibrary(folder).save("../user", "a", {"template": "x"})


def test_a_markdown_file_without_settings_has_no_front_matter(folder):
    """Neither when it had some, with the line for editors; where there are settings, the line stays."""
    line = "# yaml-language-server: $schema=../.schemas/prompt-file.schema.json\n"
    path = write(folder / "user" / "a.md", f"---\n{line}defaults: {{x: 1}}\n---\n{{{{x}}}}\n")
    library = FileSystemPromptLibrary(folder)
    library.save("user", "a", {"template": "{{x}}!\n", "defaults": {"x": 2}})
    assert path.read_text() == f"---\n{line}defaults:\n  x: 2\n---\n{{{{x}}}}!\n"
    library.save("user", "a", {"template": "plain\n"})
    assert path.read_text() == "plain\n"


@pytest.mark.parametrize("name", ["README", "mail/readme"])
def test_a_readme_is_no_prompt(folder, name):
    """It explains the folder: neither listed nor found, told as a problem or saved over."""
    path = write(folder / "user" / f"{name}.md", "# What lies here: {{ this is no template\n")
    write(folder / "rag" / "README.yaml", "no: entry\n")
    library = FileSystemPromptLibrary(folder)
    assert (library.list_user_prompts(), library.list_rag_configs(), library.validate()) == ([], [], [])
    assert library.get_user_prompt(name) is None
    with pytest.raises(PromptError, match="cannot be saved"):
        library.save("user", name, {"template": "x"})
    assert link_schemas(folder) == []
    assert path.read_text().startswith("# What")
