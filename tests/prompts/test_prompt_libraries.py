"""Prompt libraries of any kind: names, what stands behind them, and what is wrong with them."""

from __future__ import annotations

import os

import pytest
from prompts_help import write

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


def test_unknown_names_are_none(folder):
    """get_* answers None or an empty list for what is not there."""
    for library in (FileSystemPromptLibrary(folder), ConfigPromptLibrary(), CompositePromptLibrary()):
        assert library.get_system_prompt("x") is None
        assert library.get_user_prompt("x") is None
        assert library.get_user_prompts("x") == []
        assert library.get_message_index("x") is None
        assert library.get_rag_config("x") is None
        assert library.get_prompt_rag_configs("x", "user") == []


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


def test_reprs_say_what_a_library_is(folder, monkeypatch):
    """A library shows where it reads from, never what stands above the working directory."""
    monkeypatch.chdir(folder.parent)
    library = CompositePromptLibrary([FileSystemPromptLibrary("prompts"), ConfigPromptLibrary({"user": {"a": "x"}})])
    assert repr(library) == "CompositePromptLibrary([FileSystemPromptLibrary('prompts'), ConfigPromptLibrary(1 user)])"
    assert repr(ConfigPromptLibrary()) == "ConfigPromptLibrary(empty)"


# In memory


def test_config_takes_texts_dicts_and_lists():
    """A prompt is a text or a dict; a user prompt may be a list of them."""
    library = ConfigPromptLibrary(
        {
            "system": {
                "s": "text",
                "t": {"template": "t {{x}}", "validation": {"level": "error", "required_params": ["x"]}},
            },
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


# Several as one


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


# What is wrong, or not there


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


# Somebody else's


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
    library = ThreeMethods(
        {"a": {"template": "{{y}}", "validation": {"required_params": ["y"]}}, "bad": {"tmplate": 1}}
    )
    assert library.get_user_prompt("a") == library.prompts["a"]
    assert library.require_prompt("a")["validation"] == ValidationConfig(required_params={"y"})
    assert library.get_rag_config("a") is None
    assert library.get_prompt_rag_configs("a") == []
    assert library.list_system_prompts() == []
    library.reload()
    assert library.validate() == ["user/bad: A prompt has no key 'tmplate'. Did you mean 'template'?"]
