"""What a prompt inherits of its base, and what it says itself: searches, and what lists tell of it."""

from __future__ import annotations

import pytest
from rag_help import Source, found

from dknb.prompts import ConfigPromptLibrary
from dknb.prompts.compose import inherit, metadata_of


def config(query, placeholder="P", **more):
    return {"adapter_name": "docs", "query": query, "placeholder": placeholder, **more}


def asked(make, user, rag, name="child"):
    """What is searched for, and the keys of the record."""
    source = Source(found("x"))
    builder = make({"user": user, "rag": rag}, adapters={"docs": source})
    result = builder.render_user_prompt(name, return_rag_metadata=True)
    return [query for query, _, _ in source.asked], list(result.rag_metadata), result.content


BASE = {"template": "{{P}}|{{Q}}", "rag_config_refs": ["p"], "rag_configs": [config("base q", "Q")]}


@pytest.mark.parametrize(
    ("child", "queries", "keys"),
    [
        ({}, ["base q", "base p"], ["Q", "P"]),
        ({"rag_configs": [config("own p")]}, ["base q", "own p"], ["Q", "P"]),
        ({"rag_configs": [config("own q", "Q")]}, ["base p", "own q"], ["P", "Q"]),
        ({"rag_config_refs": ["other_q"]}, ["base p", "other q"], ["P", "Q"]),
        ({"rag_config_refs": ["p"]}, ["base q", "base p"], ["Q", "P"]),
        ({"rag_config_refs": ["other_p"]}, ["base q", "base p", "other p"], ["Q", "P", "P#2"]),
    ],
)
def test_a_search_replaces_the_inherited_one_of_its_placeholder(make, child, queries, keys):
    """Nothing is in the prompt twice; only references of both are joined, as their lists are."""
    rag = {"p": config("base p"), "other_p": config("other p"), "other_q": config("other q", "Q")}
    got = asked(make, {"base": BASE, "child": {"extends": "base", **child}}, rag)
    assert (got[0], got[1]) == (queries, keys)


def test_the_search_of_a_grandchild_replaces_those_of_all_its_bases(make):
    """Whatever the two above it search for."""
    user = {
        "base": {"template": "{{P}}", "rag_config_refs": ["p"]},
        "middle": {"extends": "base", "rag_configs": [config("middle")]},
        "child": {"extends": "middle", "rag_configs": [config("child")]},
    }
    assert asked(make, user, {"p": config("base")}) == (["child"], ["P"], "x")
    assert asked(make, user, {"p": config("base")}, "middle")[0] == ["middle"]


def test_two_searches_of_one_prompt_for_one_place_are_told():
    """They are joined, which few mean; those of a child that replace its base's are no such pair."""
    library = ConfigPromptLibrary(
        {
            "user": {
                "base": {"template": "{{P}}", "rag_configs": [config("a"), config("b")], "rag_config_refs": ["p"]},
                "child": {"extends": "base", "rag_configs": [config("c")]},
            },
            "rag": {"p": config("d")},
        }
    )
    problems = library.validate()
    assert [(each.name, each.severity) for each in problems] == [("base", "warning"), ("base", "warning")]
    assert all("fills {{P}} already" in each for each in problems)


def test_what_a_base_is_says_nothing_about_its_child():
    """Lists tell no version, description or use that is the base's; what else it says holds for both."""
    told = {"version": "1.2.0", "description": "deep", "when_to_use": "ever", "title": "T", "author": "ada", "n": 1}
    library = ConfigPromptLibrary({"user": {"base": {"template": "x", "metadata": told}}})
    for own in ({}, {"version": "2"}, {"description": "mine", "n": 2}):
        prompt = {"extends": "base", "metadata": own}
        whole = inherit(prompt, "child", library).prompt
        assert metadata_of(prompt, whole) == {"author": "ada", "n": 1, **own}
    assert whole["metadata"]["version"] == "1.2.0"


@pytest.mark.parametrize(("version", "kind"), [(1.1, "number"), (2, "number"), (None, "NoneType")])
def test_a_version_that_is_no_text_is_told(version, kind):
    """YAML reads 1.10 as 1.1; in quotes it is what was written."""
    metadata = {"metadata": {"version": version}}
    library = ConfigPromptLibrary(
        {
            "user": {"a": {"template": "x", **metadata}},
            "messages": {"m": {"messages": [{"role": "user", "content": "x"}], **metadata}},
        }
    )
    assert [each.severity for each in library.validate()] == ["warning", "warning"]
    assert all(f"metadata.version is {version!r}, a {kind}, not text" in each for each in library.validate())
    assert ConfigPromptLibrary({"user": {"a": {"template": "x", "metadata": {"version": "1.10"}}}}).validate() == []
