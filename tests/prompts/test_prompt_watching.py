"""A library in a folder tells which files somebody else changed."""

from __future__ import annotations

import os

from prompts_help import write

from dknb.prompts import CompositePromptLibrary, ConfigPromptLibrary, FileSystemPromptLibrary


def test_changes_are_told_once(folder):
    """Added, edited and removed files are told by name, and only once."""
    write(folder / "user" / "a.yaml", "template: one")
    write(folder / "user" / "gone.yaml", "template: x")
    library = FileSystemPromptLibrary(folder)
    assert library.get_user_prompt("a") == {"template": "one"}
    assert library.changes() == []
    write(folder / "user" / "a.yaml", "template: two!")
    write(folder / "system" / "mail" / "new.md", "x")
    (folder / "user" / "gone.yaml").unlink()
    assert library.changes() == ["a", "gone", "mail/new"]
    assert library.changes() == []
    assert library.get_user_prompt("a") == {"template": "two!"}


def test_an_edit_before_the_first_question_is_told(folder):
    """What was read since the start is compared with what is there now."""
    path = write(folder / "user" / "a.yaml", "template: one")
    library = FileSystemPromptLibrary(folder)
    library.get_user_prompt("a")
    write(path, "template: two!")
    assert library.changes() == ["a"]


def test_an_edit_of_the_same_length_and_second_is_told(folder):
    """The time in nanoseconds and the file's number tell what the length does not."""
    path = write(folder / "user" / "a.yaml", "template: one")
    library = FileSystemPromptLibrary(folder)
    library.get_user_prompt("a")
    status = path.stat()
    replaced = write(folder / "new", "template: two")
    os.utime(replaced, ns=(status.st_atime_ns, status.st_mtime_ns))
    replaced.rename(path)
    assert library.changes() == ["a"]


def test_own_saves_are_not_told(folder):
    """What a cell saved is known to who runs it."""
    library = FileSystemPromptLibrary(folder)
    library.save("user", "a", {"template": "one"})
    library.save("user", "a", {"template": "two"})
    assert library.changes() == []


def test_a_composite_tells_of_all(folder):
    """Each library in it is asked; those that do not watch say nothing."""
    library = CompositePromptLibrary([ConfigPromptLibrary({"user": {"c": "x"}}), FileSystemPromptLibrary(folder)])
    assert library.changes() == []
    write(folder / "user" / "a.yaml", "template: one")
    library.reload()
    assert library.changes() == ["a"]
