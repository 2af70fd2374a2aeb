"""Folders of prompts: names lead to files in them, and a bad file is never simply absent."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from prompts_help import write

from dknb.errors import PromptError, PromptFileError, PromptNotFound
from dknb.prompts import FileSystemPromptLibrary

# Reading


def test_a_folder_gives_all_four_kinds(folder):
    """Each folder is a kind, each format is read, sub-folders are part of the name."""
    write(folder / "system" / "helpful.yml", "template: Be kind.\n")
    write(folder / "user" / "ask.yaml", "- template: a\n- template: b\n")
    write(folder / "user" / "mail" / "reply.md", "---\ndefaults: {tone: warm}\n---\n{{tone}} reply to {{mail}}\n")
    write(folder / "user" / "data.json", '{"template": "j"}')
    write(folder / "messages" / "shots.yaml", "messages: [{role: user, content: hi}]\n")
    write(folder / "rag" / "docs.yaml", 'adapter_name: docs\nquery: "{{topic}}"\n')
    library = FileSystemPromptLibrary(folder)
    assert library.list_system_prompts() == ["helpful"]
    assert library.list_user_prompts() == ["ask", "data", "mail/reply"]
    assert library.list_message_indexes() == ["shots"]
    assert library.list_rag_configs() == ["docs"]
    assert library.get_system_prompt("helpful") == {"template": "Be kind."}
    assert library.get_user_prompts("ask") == [{"template": "a"}, {"template": "b"}]
    assert library.get_user_prompt("ask", 1) == {"template": "b"}
    assert library.get_user_prompt("mail/reply") == {
        "template": "{{tone}} reply to {{mail}}\n",
        "defaults": {"tone": "warm"},
    }
    assert library.get_message_index("shots") == {"messages": [{"role": "user", "content": "hi"}]}
    assert library.get_rag_config("docs") == {"adapter_name": "docs", "query": "{{topic}}"}
    assert library.validate() == []


def test_a_folder_that_does_not_exist_is_empty(tmp_path):
    """A library on a missing folder has nothing, and fills when the folder does."""
    library = FileSystemPromptLibrary(str(tmp_path / "later"))
    assert library.list_user_prompts() == []
    assert library.validate() == []
    write(tmp_path / "later" / "user" / "a.yaml", "template: x")
    assert library.list_user_prompts() == ["a"]


def test_a_path_that_is_a_file_is_an_error(tmp_path):
    """A file is no folder of prompts."""
    path = write(tmp_path / "p.yaml", "template: x")
    with pytest.raises(PromptFileError, match="is a file, not a folder of prompts"):
        FileSystemPromptLibrary(path)


def test_an_edit_is_seen_at_the_next_call(folder):
    """The file as it is now is what is served, even when its size and (coarse) time stay the same."""
    path = write(folder / "user" / "a.yaml", "template: one")
    library = FileSystemPromptLibrary(folder)
    assert library.get_user_prompt("a") == {"template": "one"}
    status = path.stat()
    write(path, "template: two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert library.get_user_prompt("a") == {"template": "two"}


def test_an_unchanged_file_is_parsed_once(folder):
    """The same object is served until the file changes or the library is reloaded."""
    path = write(folder / "user" / "a.yaml", "template: one")
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))
    library = FileSystemPromptLibrary(folder)
    first = library.entry("user", "a")
    assert library.entry("user", "a") is first
    library.reload()
    assert library.entry("user", "a") is not first
    assert library.entry("user", "a") == first


def test_paths_are_of_the_folder_at_construction(folder, monkeypatch, tmp_path):
    """Changing the working directory does not change the library."""
    write(folder / "user" / "a.yaml", "template: x")
    monkeypatch.chdir(tmp_path)
    library = FileSystemPromptLibrary("prompts")
    monkeypatch.chdir("/")
    assert library.get_user_prompt("a") == {"template": "x"}
    assert library.find_file("user", "a") == folder / "user" / "a.yaml"
    assert library.find_file("user", "b") is None


# Names and links


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "..",
        ".",
        "",
        "/etc/passwd",
        "a/../../secret",
        "a//b",
        "a\\b",
        "..\\secret",
        "a\0b",
        ".hidden",
        "mail/.hidden",
        "C:secret",
        "x" * 5000,
        "\udc80",
        "a/",
        "/a",
        "a\nb",
    ],
)
def test_names_stay_in_the_folder(folder, name):
    """A name that leads elsewhere, or nowhere, is no name: nothing is read, nothing is written."""
    write(folder.parent / "secret.yaml", "template: secret")
    write(folder / "secret.yaml", "template: secret")
    write(folder / "user" / ".hidden.yaml", "template: secret")
    library = FileSystemPromptLibrary(folder)
    assert library.get_user_prompt(name) is None
    with pytest.raises(PromptNotFound):
        library.require_prompt(name)
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(PromptError):
        library.save("user", name, {"template": "x"})
    assert sorted(folder.parent.rglob("*")) == before


@pytest.mark.parametrize("link", ["user/out.yaml", "user/sub"])
def test_links_that_lead_out_are_refused(folder, link):
    """A file or folder that is a link out of the library is an error, to read and to write."""
    outside = write(folder.parent / "elsewhere" / "out.yaml", "template: secret")
    (folder / link).symlink_to(outside if link.endswith("yaml") else outside.parent)
    name = "out" if link.endswith("yaml") else "sub/out"
    library = FileSystemPromptLibrary(folder)
    with pytest.raises(PromptFileError, match="leads out of the library's folder"):
        library.get_user_prompt(name)
    with pytest.raises(PromptFileError, match="leads out of the library's folder"):
        library.save("user", name, {"template": "mine"})
    assert outside.read_text() == "template: secret"
    assert len(library.validate()) == 1


def test_a_link_within_the_folder_is_followed_and_kept(folder):
    """A link to a file of the library is a second name of it, also when it is saved."""
    write(folder / "user" / "a.yaml", "template: one")
    (folder / "user" / "b.yaml").symlink_to("a.yaml")
    library = FileSystemPromptLibrary(folder)
    assert library.get_user_prompt("b") == {"template": "one"}
    library.save("user", "b", {"template": "two"})
    assert (folder / "user" / "b.yaml").is_symlink()
    assert library.get_user_prompt("a") == {"template": "two"}


# Bad files


def test_a_bad_file_is_listed_reported_and_an_error(folder):
    """A broken file is never silently absent."""
    write(folder / "user" / "bad.yaml", "template: x\ndefalts: {}\n")
    (folder / "user" / "latin.md").write_bytes(b"line\ncaf\xe9")
    library = FileSystemPromptLibrary(folder)
    assert library.list_user_prompts() == ["bad", "latin"]
    for ask in (library.get_user_prompt, library.get_user_prompts, library.require_prompt):
        with pytest.raises(PromptFileError, match=r"user/bad.yaml, line 2, column 1: .* Did you mean 'defaults'\?"):
            ask("bad")
    with pytest.raises(PromptFileError, match=r"user/latin.md, line 2, column 4: The file is not UTF-8"):
        library.get_user_prompt("latin")
    problems = library.validate()
    assert len(problems) == 2
    assert "user/bad.yaml, line 2, column 1: A prompt has no key 'defalts'." in problems[0]
    assert "not UTF-8 (byte 0xe9)" in problems[1]


def test_a_bad_file_that_is_repaired_is_served(folder):
    """An error is not remembered longer than the file is broken."""
    path = write(folder / "user" / "a.yaml", "template: [")
    library = FileSystemPromptLibrary(folder)
    with pytest.raises(PromptFileError):
        library.get_user_prompt("a")
    write(path, "template: good")
    assert library.get_user_prompt("a") == {"template": "good"}


def test_two_files_of_one_name_are_an_error(folder):
    """Neither of two files wins unseen."""
    write(folder / "user" / "a.yaml", "template: x")
    write(folder / "user" / "a.md", "y")
    library = FileSystemPromptLibrary(folder)
    assert library.list_user_prompts() == ["a"]
    with pytest.raises(PromptFileError, match="Two files have the name 'a'"):
        library.get_user_prompt("a")
    assert len(library.validate()) == 1


def test_an_unreadable_file_is_an_error(folder, monkeypatch):
    """A file that the user may not read is an error that says so."""
    write(folder / "user" / "a.yaml", "template: x")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PromptFileError, match=r"a\.yaml cannot be read: Permission denied"):
        FileSystemPromptLibrary(folder).get_user_prompt("a")


def test_a_misnamed_folder_is_reported(folder):
    """Prompts in a folder that is nearly a kind are not simply gone; other folders are nobody's business."""
    write(folder / "usr" / "a.yaml", "template: x")
    write(folder / "flows" / "a.yaml", "x: y")
    write(folder / "README.md", "# Prompts")
    [problem] = FileSystemPromptLibrary(folder).validate()
    assert problem.endswith("usr: Prompts in this folder are not found. Did you mean 'user'?")


def test_a_file_in_place_of_a_folder_is_reported(folder):
    """A kind whose folder is a file is an error to list, and one problem."""
    (folder / "user").rmdir()
    write(folder / "user", "not a folder")
    library = FileSystemPromptLibrary(folder)
    with pytest.raises(PromptFileError, match="user cannot be read: Not a directory"):
        library.list_user_prompts()
    assert library.get_user_prompt("a") is None
    [problem] = library.validate()
    assert problem.endswith("user cannot be read: Not a directory.")


@pytest.mark.parametrize("name", ["a:b", "a\nb", "caf\udce9"])
def test_a_file_whose_name_no_prompt_can_have_is_reported(folder, name):
    """A file that could never be asked for is not in the list, and is a problem that can be printed."""
    write(folder / "user" / f"{name}.yaml", "template: x")
    library = FileSystemPromptLibrary(folder)
    assert library.list_user_prompts() == []
    [problem] = library.validate()
    assert f"A prompt cannot be called {name!r}. Rename the file." in problem
    assert problem.encode()


def test_a_link_to_nothing_is_reported(folder):
    """A name in the folder without a file behind it is a problem."""
    (folder / "user" / "gone.yaml").symlink_to("nowhere.yaml")
    [problem] = FileSystemPromptLibrary(folder).validate()
    assert problem.endswith("user/gone.yaml: It is a link that leads nowhere.")


def test_hidden_files_are_not_prompts(folder):
    """What editors and notebooks leave behind is no prompt."""
    write(folder / "user" / ".ipynb_checkpoints" / "a-checkpoint.yaml", "template: old")
    write(folder / "user" / ".a.yaml.swp", "x")
    write(folder / "user" / ".a.yaml", "template: [")
    library = FileSystemPromptLibrary(folder)
    assert library.list_user_prompts() == []
    assert library.validate() == []
