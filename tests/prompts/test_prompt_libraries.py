"""Prompt libraries: names, what stands behind them, and what is wrong with them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dknb.errors import PromptError, PromptFileError, PromptNotFound
from dknb.prompts import (
    AbstractPromptLibrary,
    CompositePromptLibrary,
    ConfigPromptLibrary,
    FileSystemPromptLibrary,
    TemplateMode,
    ValidationConfig,
    ValidationLevel,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "prompts"
    for kind in ("system", "user", "messages", "rag"):
        (root / kind).mkdir(parents=True)
    return root


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_gives_all_four_kinds(folder):
    """Each folder is a kind, each format is read, sub-folders are part of the name."""
    write(folder / "system" / "helpful.yml", "template: Be kind.\n")
    write(folder / "user" / "ask.yaml", "- template: a\n- template: b\n")
    write(folder / "user" / "mail" / "reply.md", "---\ndefaults: {tone: warm}\n---\nReply to {{mail}}\n")
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
    assert library.get_user_prompt("mail/reply") == {"template": "Reply to {{mail}}\n", "defaults": {"tone": "warm"}}
    assert library.get_message_index("shots") == {"messages": [{"role": "user", "content": "hi"}]}
    assert library.get_rag_config("docs") == {"adapter_name": "docs", "query": "{{topic}}"}
    assert library.validate() == []


def test_unknown_names_are_none(folder):
    """get_* answers None or an empty list for what is not there."""
    for library in (FileSystemPromptLibrary(folder), ConfigPromptLibrary(), CompositePromptLibrary()):
        assert library.get_system_prompt("x") is None
        assert library.get_user_prompt("x") is None
        assert library.get_user_prompts("x") == []
        assert library.get_message_index("x") is None
        assert library.get_rag_config("x") is None
        assert library.get_prompt_rag_configs("x", "user") == []


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


@pytest.mark.parametrize(
    "make",
    [
        FileSystemPromptLibrary,
        lambda _: ConfigPromptLibrary(
            {"user": {"a": {"template": "t", "defaults": {"x": [1]}, "validation": {"required_params": ["x"]}}}}
        ),
    ],
)
def test_what_is_handed_out_may_be_changed(folder, make):
    """Changing a prompt that a library gave does not change the library."""
    write(folder / "user" / "a.yaml", "template: t\ndefaults: {x: [1]}\nvalidation: {required_params: [x]}\n")
    library = make(folder)
    prompt = library.get_user_prompt("a")
    prompt["template"] = "other"
    prompt["defaults"]["x"].append(2)
    prompt["validation"].required_params.add("y")
    assert library.get_user_prompt("a") == {
        "template": "t",
        "defaults": {"x": [1]},
        "validation": ValidationConfig(required_params={"x"}),
    }


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
    assert FileSystemPromptLibrary(folder).validate() == ["user/gone: Its file is a link that leads nowhere."]


def test_hidden_files_are_not_prompts(folder):
    """What editors and notebooks leave behind is no prompt."""
    write(folder / "user" / ".ipynb_checkpoints" / "a-checkpoint.yaml", "template: old")
    write(folder / "user" / ".a.yaml.swp", "x")
    write(folder / "user" / ".a.yaml", "template: [")
    library = FileSystemPromptLibrary(folder)
    assert library.list_user_prompts() == []
    assert library.validate() == []


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
    """A prompt in a .yml file stays there; one in another format is not doubled."""
    write(folder / "user" / "a.yml", "template: one")
    write(folder / "user" / "b.md", "text")
    library = FileSystemPromptLibrary(folder)
    assert library.save("user", "a", {"template": "two"}).name == "a.yml"
    with pytest.raises(PromptFileError, match=r"b\.md has that name already"):
        library.save("user", "b", {"template": "two"})
    assert library.get_user_prompt("b") == {"template": "text"}


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
    assert [(p.name, p.read_text()) for p in path.parent.iterdir()] == [("a.yaml", "template: one\n")]


def test_save_below_a_file_is_an_error(folder):
    """A folder that cannot be made is an error of ours."""
    write(folder / "user" / "a", "a file without suffix")
    with pytest.raises(PromptFileError, match="cannot be written"):
        FileSystemPromptLibrary(folder).save("user", "a/b", {"template": "x"})


def test_only_prompts_are_saved(folder):
    """There is no other kind to save, and no kind leads out of the folder."""
    with pytest.raises(PromptError, match=r"'system' or 'user', not as '\.\./user'"):
        FileSystemPromptLibrary(folder).save("../user", "a", {"template": "x"})


def test_paths_are_of_the_folder_at_construction(folder, monkeypatch, tmp_path):
    """Changing the working directory does not change the library."""
    write(folder / "user" / "a.yaml", "template: x")
    monkeypatch.chdir(tmp_path)
    library = FileSystemPromptLibrary("prompts")
    monkeypatch.chdir("/")
    assert library.get_user_prompt("a") == {"template": "x"}
    assert library.find_file("user", "a") == folder / "user" / "a.yaml"
    assert library.find_file("user", "b") is None


def test_config_takes_texts_dicts_and_lists():
    """A prompt is a text or a dict; a user prompt may be a list of them."""
    library = ConfigPromptLibrary(
        {
            "system": {"s": "text", "t": {"template": "t", "validation": {"level": "error", "required_params": ["x"]}}},
            "user": {"u": ["a", {"template": "b"}]},
            "messages": {"m": {"messages": [{"role": "user", "content": "hi"}]}},
            "rag": {"r": {"adapter_name": "docs", "query": "q"}},
        }
    )
    assert library.get_system_prompt("s") == {"template": "text"}
    assert library.get_system_prompt("t")["validation"] == ValidationConfig(ValidationLevel.ERROR, {"x"})
    assert library.get_user_prompts("u") == [{"template": "a"}, {"template": "b"}]
    assert library.get_message_index("m")["messages"] == [{"role": "user", "content": "hi"}]
    assert library.get_rag_config("r") == {"adapter_name": "docs", "query": "q"}
    assert library.validate() == []


def test_config_adds_and_replaces():
    """add_* is seen at once; a malformed addition leaves what was there."""
    library = ConfigPromptLibrary({"user": {"a": "one"}})
    library.add_user_prompt("a", {"template": "two"})
    library.add_system_prompt("s", "sys")
    library.add_message_index("m", {"messages": []})
    library.add_rag_config("r", {"adapter_name": "x", "query": "q"})
    with pytest.raises(PromptError, match=r"user/a: A prompt has no key 'templat'. Did you mean 'template'\?"):
        library.add_user_prompt("a", {"templat": "three"})
    assert library.get_user_prompt("a") == {"template": "two"}
    assert [*library.list_system_prompts(), *library.list_message_indexes(), *library.list_rag_configs()] == [
        "s",
        "m",
        "r",
    ]


def test_config_reports_what_is_malformed():
    """A malformed entry is an error for whoever asks and a line of validate(), and the others work."""
    library = ConfigPromptLibrary({"user": {"bad": 42, "good": "x"}})
    assert library.list_user_prompts() == ["bad", "good"]
    with pytest.raises(PromptError, match="user/bad: it must be a mapping"):
        library.get_user_prompt("bad")
    assert library.validate() == ["user/bad: it must be a mapping of names to values, not int 42."]


def test_config_takes_our_own_objects():
    """A dict written in Python may hold ValidationConfig, enum members and sets."""
    validation = ValidationConfig(ValidationLevel.WARN, {"a"})
    library = ConfigPromptLibrary(
        {
            "user": {
                "a": {"template": "x", "validation": validation, "template_mode": TemplateMode.JINJA2},
                "b": {"template": "x", "validation": {"level": ValidationLevel.IGNORE, "required_params": {"y", "x"}}},
            }
        }
    )
    assert library.get_user_prompt("a") == {"template": "x", "validation": validation, "template_mode": "jinja2"}
    assert library.get_user_prompt("b")["validation"] == ValidationConfig(ValidationLevel.IGNORE, {"x", "y"})


def test_config_refuses_unknown_parts():
    """A part that no library has is refused with the nearest name."""
    with pytest.raises(PromptError, match=r"no part 'users'. Did you mean 'user'\?"):
        ConfigPromptLibrary({"users": {}})
    with pytest.raises(PromptError, match="must map names to prompts"):
        ConfigPromptLibrary({"user": ["a"]})


def test_config_is_not_changed_from_outside():
    """The dict that a library was made of may change afterwards."""
    prompt = {"template": "one", "defaults": {"x": [1]}}
    library = ConfigPromptLibrary({"user": {"a": prompt}})
    prompt["template"] = "two"
    prompt["defaults"]["x"].append(2)
    assert library.get_user_prompt("a") == {"template": "one", "defaults": {"x": [1]}}


def test_composite_serves_the_first_whole():
    """The first library that has a name gives all of it; its variants and RAG configurations are not mixed."""
    first = ConfigPromptLibrary(
        {
            "user": {"a": {"template": "mine", "rag_config_refs": ["r"]}},
            "rag": {"r": {"adapter_name": "mine", "query": "q"}},
        }
    )
    second = ConfigPromptLibrary(
        {
            "user": {"a": ["theirs", "theirs too"], "b": {"template": "x", "rag_config_refs": ["r"]}},
            "rag": {"r": {"adapter_name": "theirs", "query": "q"}},
        }
    )
    library = CompositePromptLibrary([first, second])
    assert library.get_user_prompts("a") == [{"template": "mine", "rag_config_refs": ["r"]}]
    assert library.get_user_prompt("a", 1) is None
    assert library.list_user_prompts() == ["a", "b"]
    assert library.get_rag_config("r")["adapter_name"] == "mine"
    assert library.get_prompt_rag_configs("a")[0]["adapter_name"] == "mine"
    assert library.get_prompt_rag_configs("b")[0]["adapter_name"] == "theirs"


def test_composite_lists_and_reloads_all(folder):
    """Names of all kinds are those of all libraries; reload reaches each of them."""
    path = write(folder / "messages" / "m.yaml", "messages: []")
    write(folder / "rag" / "r.yaml", "{adapter_name: a, query: q}")
    files = FileSystemPromptLibrary(folder)
    memory = ConfigPromptLibrary({"system": {"s": "x"}, "messages": {"n": {"messages": []}}})
    library = CompositePromptLibrary([memory, files])
    assert library.list_system_prompts() == ["s"]
    assert library.list_message_indexes() == ["m", "n"]
    assert library.list_rag_configs() == ["r"]
    os.utime(path, (1, 1))
    entry = files.entry("messages", "m")
    library.reload()
    assert library.get_message_index("m") == entry
    assert files.entry("messages", "m") is not entry


def test_composite_does_not_hide_a_broken_entry(folder):
    """A broken file is an error even when a library below has the name."""
    write(folder / "user" / "a.yaml", "template: [")
    library = CompositePromptLibrary([FileSystemPromptLibrary(folder), ConfigPromptLibrary({"user": {"a": "x"}})])
    with pytest.raises(PromptFileError):
        library.get_user_prompt("a")


def test_composite_finds_bases_in_all_its_libraries():
    """A base in another library is no problem of the composite, though it is one of the library alone."""
    child = ConfigPromptLibrary({"user": {"a": {"extends": "base"}}})
    library = CompositePromptLibrary([child, ConfigPromptLibrary({"system": {"base": "x"}})])
    assert library.validate() == []
    assert child.validate() == ["user/a: Prompt 'a' extends 'base', which does not exist (a -> base)."]


def test_a_reference_to_no_rag_configuration_is_an_error():
    """RAG references are looked up when they are asked for and when the library is validated."""
    library = ConfigPromptLibrary(
        {
            "user": {"a": {"template": "x", "rag_config_refs": ["dosc"]}},
            "rag": {"docs": {"adapter_name": "d", "query": "q"}},
        }
    )
    with pytest.raises(PromptNotFound, match=r"'dosc', not there. Did you mean 'docs'\?"):
        library.get_prompt_rag_configs("a")
    assert len(library.validate()) == 1


def test_validate_reports_templates_bases_and_sections():
    """Every problem of a library is one line that begins with the prompt."""
    library = ConfigPromptLibrary(
        {
            "system": {"loop": {"extends": "pool"}, "pool": {"extends": "loop"}},
            "user": {
                "syntax": "fine\n{{ broken",
                "sections": {"template": "{{A}}", "sections": {"A": "{{B}}", "B": "{{A}}"}},
                "nothing": {"metadata": {"version": "1"}},
                "fine": "Hello {{name}}((, {{greeting}}))",
            },
            "messages": {"m": {"messages": [{"role": "user", "content": "{% if %}"}]}},
            "rag": {"r": {"adapter_name": "d", "query": "{{topic}}"}},
        }
    )
    problems = library.validate()
    assert [problem.split(":")[0] for problem in problems] == [
        "system/loop",
        "system/pool",
        "user/sections",
        "user/syntax",
        "messages/m",
    ]
    assert "loop -> pool -> loop" in problems[0]
    assert "Section 'A' contains itself: A -> B -> A" in problems[2]
    assert "Prompt 'syntax', line 2" in problems[3]


def test_require_prompt_says_what_there_is():
    """A name that is not there is answered with the nearest, the other type, or the number of variants."""
    library = ConfigPromptLibrary({"user": {"critique": ["a", "b"]}, "system": {"helpful": "x"}})
    with pytest.raises(PromptNotFound, match=r"There is no user prompt 'critic'. Did you mean 'critique'\?") as caught:
        library.require_prompt("critic")
    assert caught.value.hint == "The user prompts: critique"
    with pytest.raises(PromptNotFound, match="has no variant 2; it has 2, counted from 0"):
        library.require_prompt("critique", index=2)
    with pytest.raises(PromptNotFound) as caught:
        library.require_prompt("helpful")
    assert caught.value.hint == "There is a system prompt of that name."
    with pytest.raises(PromptNotFound) as caught:
        ConfigPromptLibrary().require_prompt("x", "system")
    assert caught.value.hint == "The library has no system prompts."
    with pytest.raises(PromptError, match=r"no prompts of type 'usr'. Did you mean 'user'\?"):
        library.require_prompt("critique", "usr")


class ThreeMethods(AbstractPromptLibrary):
    """A library of somebody else, with the seed's three methods and nothing more."""

    def __init__(self, prompts):
        self.prompts = prompts

    def get_system_prompt(self, name):
        return None

    def get_user_prompts(self, name):
        return [self.prompts[name]] if name in self.prompts else []

    def get_message_index(self, name):
        return None

    def list_user_prompts(self):
        return list(self.prompts)


def test_a_library_needs_three_methods():
    """Everything else has an answer that follows from them."""
    library = ThreeMethods({"a": {"template": "x", "validation": {"required_params": ["y"]}}, "bad": {"tmplate": 1}})
    assert library.get_user_prompt("a") == library.prompts["a"]
    assert library.require_prompt("a")["validation"] == ValidationConfig(required_params={"y"})
    assert library.get_rag_config("a") is None
    assert library.get_prompt_rag_configs("a") == []
    assert library.list_system_prompts() == []
    library.reload()
    assert library.validate() == ["user/bad: A prompt has no key 'tmplate'. Did you mean 'template'?"]


def test_reprs_say_what_a_library_is(folder, monkeypatch):
    """A library shows where it reads from, never what stands above the working directory."""
    monkeypatch.chdir(folder.parent)
    library = CompositePromptLibrary([FileSystemPromptLibrary("prompts"), ConfigPromptLibrary({"user": {"a": "x"}})])
    assert repr(library) == "CompositePromptLibrary([FileSystemPromptLibrary('prompts'), ConfigPromptLibrary(1 user)])"
    assert repr(ConfigPromptLibrary()) == "ConfigPromptLibrary(empty)"
