"""Files that have not changed for a while: found at once, and still never out of date."""

from __future__ import annotations

import os

import pytest
from prompts_help import write

from dknb.errors import PromptFileError
from dknb.prompts import FileSystemPromptLibrary

OLD = 1_000_000_000


def settle(*paths):
    for path in paths:
        os.utime(path, (OLD, OLD))


@pytest.fixture
def library(folder):
    """A library whose file and folder changed long ago, and which was asked for it."""
    settle(write(folder / "user" / "mail" / "reply.yaml", "template: one"), folder / "user" / "mail")
    library = FileSystemPromptLibrary(folder)
    assert template(library) == "one"
    return library


def template(library):
    prompt = library.find_prompt("mail/reply")
    return prompt["template"] if prompt is not None else None


def test_an_unchanged_file_is_not_looked_for_again(library, monkeypatch):
    """A look at the file tells that nothing changed, and now and then one at its folder."""
    looks = []
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda path, *args, **kwargs: looks.append(path) or stat(path, *args, **kwargs))
    assert template(library) == "one"
    assert template(library) == "one"
    assert len(looks) == 3


def test_a_changed_file_is_read(library, folder):
    """Other content, of the same length and age or not, in the same file or in one put in its place."""
    path = folder / "user" / "mail" / "reply.yaml"
    path.write_text("template: two")
    assert template(library) == "two"
    settle(write(folder / "new", "template: six"))
    (folder / "new").replace(path)
    settle(path.parent)
    assert template(library) == "six"


def test_a_second_file_of_the_name_is_seen(library, folder):
    """A file that joins it in its folder makes the name ambiguous, though the first is as it was."""
    write(folder / "user" / "mail" / "reply.md", "three")
    with pytest.raises(PromptFileError, match="Two files have the name 'mail/reply'"):
        template(library)


def test_a_removed_file_or_folder_is_gone(library, folder):
    """What is not there any more is not found, and is found when it is back."""
    path = folder / "user" / "mail" / "reply.yaml"
    path.rename(folder / "kept")
    assert template(library) is None
    (folder / "kept").rename(path)
    settle(path.parent)
    assert template(library) == "one"
    path.parent.rename(folder / "user" / "moved")
    assert template(library) is None


def test_another_folder_in_its_place_is_seen(library, folder):
    """A folder of the same name and age, with another file, is another folder."""
    other = folder / "other"
    settle(write(other / "reply.yml", "template: two"), other)
    (folder / "user" / "mail").rename(folder / "away")
    other.rename(folder / "user" / "mail")
    settle(folder / "user" / "mail")
    assert template(library) == "two"


def test_a_file_that_changed_just_now_is_read_each_time(folder):
    """Where the time of a file is too coarse to tell two writes apart, its content tells them."""
    path = write(folder / "user" / "a.yaml", "template: one")
    library = FileSystemPromptLibrary(folder)
    now = path.stat().st_mtime_ns
    for word in ("two", "six"):
        assert library.find_prompt("a") is not None
        path.write_text(f"template: {word}")
        os.utime(path, ns=(now, now))
        assert library.find_prompt("a")["template"] == word
