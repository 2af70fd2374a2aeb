"""Retrieval: what is searched for, what the prompt becomes, and what is said about it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from datetime import datetime, timedelta

import pytest
from rag_help import AsyncSource, Meeting, Source, found

from dknb.errors import MissingParameters, RAGError, TemplateError
from dknb.prompts import (
    AsyncPromptBuilder,
    CompositePromptLibrary,
    ConfigPromptLibrary,
    VersionedPromptLibrary,
    VersionManager,
)

DOCS = {
    "adapter_name": "docs",
    "query": "about {{topic}}(( in {{language}}))",
    "k": 2,
    "filters": {"kind": "page"},
    "placeholder": "DOCS",
    "header": "# Docs on {{topic}}\n",
    "item_template": "{{index}}. {{content}} ({{metadata.source}}, {{page}}, {{score}})\n",
}
LIBRARY = {"user": {"ask": {"template": "Use:\n{{DOCS}}Question on {{topic}}?", "rag_configs": [DOCS]}}}
HITS = [found("Cats purr.", 0.9, source="a.md", page=1), found("Cats {{topic}}.", 0.5, source="b.md", page=2)]


def one(**config):
    """A library with one prompt that retrieves."""
    config = {"adapter_name": "docs", "query": "q", **config}
    return {"user": {"p": {"template": "[{{RAG_CONTENT}}]", "rag_configs": [config]}}}


@pytest.mark.parametrize("kind", [Source, AsyncSource])
def test_a_prompt_has_what_was_found(make, kind):
    """The query is rendered and searched for; header and items become the placeholder; values in them are data."""
    source = kind(*HITS)
    result = make(LIBRARY, adapters={"docs": source}).render_user_prompt("ask", params={"topic": "cats"})
    assert result.content == (
        "Use:\n# Docs on cats\n1. Cats purr. (a.md, 1, 0.9)\n2. Cats {{topic}}. (b.md, 2, 0.5)\nQuestion on cats?"
    )
    assert source.asked == [("about cats", 2, {"kind": "page"})]
    assert (result.params_used, result.params_missing, result.validation_warnings) == ({"topic": "cats"}, [], [])
    assert (result.rag_metadata, result.metadata["used_cached_rag"]) == (None, False)


def test_the_record_of_a_retrieval(make):
    """On demand the result says what was asked, found and made of it; it is plain JSON data."""
    builder = make(LIBRARY, adapters={"docs": Source(*HITS)})
    result = builder.render_user_prompt("ask", params={"topic": "cats"}, return_rag_metadata=True)
    record = json.loads(json.dumps(result.rag_metadata))["DOCS"]
    assert datetime.fromisoformat(record.pop("timestamp")).utcoffset() == timedelta(0)
    assert record == {
        "adapter_name": "docs",
        "query": "about cats",
        "query_hash": hashlib.sha256(b"docs:about cats").hexdigest(),
        "k": 2,
        "filters": {"kind": "page"},
        "results": HITS,
        "formatted_content": "# Docs on cats\n1. Cats purr. (a.md, 1, 0.9)\n2. Cats {{topic}}. (b.md, 2, 0.5)\n",
        "item_template": DOCS["item_template"],
        "header": "# Docs on cats\n",
        "reused": None,
        "spans": [
            {"result": 0, "start": 20, "end": 48, "score": 0.9, "source": "a.md"},
            {"result": 1, "start": 49, "end": 82, "score": 0.5, "source": "b.md"},
        ],
        "dropped": [],
    }
    assert result.content[20:48] == "1. Cats purr. (a.md, 1, 0.9)"


def test_the_usual_values_of_a_configuration(make):
    """Five results, into RAG_CONTENT, each as it is and on lines of its own; a filter that is not there is None."""
    source = Source(found("a"), found("b"))
    result = make(one(), adapters={"docs": source}).render_user_prompt("p", return_rag_metadata=True)
    assert result.content == "[a\nb]"
    assert source.asked == [("q", 5, None)]
    assert result.rag_metadata["RAG_CONTENT"]["item_template"] == "{{content}}"


def test_nothing_found_is_nothing_said(make):
    """Without results there is no header either, and no warning."""
    result = make(one(header="# Docs"), adapters={"docs": Source()}).render_user_prompt("p")
    assert (result.content, result.validation_warnings) == ("[]", [])


def test_an_items_own_facts_are_stronger_than_its_metadata(make):
    """Metadata give variables, below content, score, index and metadata; the prompt's parameters are none of them."""
    template = "{{content}}|{{score}}|{{index}}|{{title}}|{{topic}}"
    source = Source(
        {"content": "text", "score": 2, "metadata": {"content": "no", "score": "no", "index": "no", "title": "T"}}
    )
    result = make(one(item_template=template), adapters={"docs": source}).render_user_prompt("p", params={"topic": "x"})
    assert result.content == "[text|2|1|T|{{topic}}]"


def test_bare_results_will_do(make):
    """A result may be a text, or lack score and metadata; more than k are too many."""
    source = Source("a", {"content": "b"}, {"content": "c"})
    result = make(one(item_template="{{content}}{{score}} ", k=2), adapters={"docs": source}).render_user_prompt("p")
    assert result.content == "[a b ]"


def test_searches_run_side_by_side(make):
    """Three searches that wait for each other all come back, a referred prompt's among them."""
    config = {
        "user": {
            "p": {
                "template": "{{A}}{{B}}{{ prompt_ref('other') }}",
                "rag_configs": [
                    {"adapter_name": "m", "query": "1", "placeholder": "A"},
                    {"adapter_name": "m", "query": "2", "placeholder": "B"},
                ],
            },
            "other": {"template": "{{A}}", "rag_configs": [{"adapter_name": "m", "query": "3", "placeholder": "A"}]},
        }
    }
    result = make(config, adapters={"m": Meeting(3)}).render_user_prompt("p", return_rag_metadata=True)
    assert result.content == "123"
    assert {key: entry["query"] for key, entry in result.rag_metadata.items()} == {"A": "1", "B": "2", "A#2": "3"}


def test_a_referred_prompts_query_has_what_is_passed_on(make):
    """Each reference searches for its own, once; what the reference gives counts in the query."""
    config = {
        "user": {
            "p": "{{ prompt_ref('fact', topic='cats') }} {{ prompt_ref('fact', topic='dogs') }} {{ prompt_ref('fact', topic='cats') }}",
            "fact": {
                "template": "({{RAG_CONTENT}})",
                "rag_configs": [
                    {"adapter_name": "docs", "query": "{{topic}}", "item_template": "{{content}}{{index}}"}
                ],
            },
        }
    }
    source = Source(found("x"))
    result = make(config, adapters={"docs": source}).render_user_prompt("p", return_rag_metadata=True)
    assert result.content == "(x1) (x1) (x1)"
    assert sorted(source.asked) == [("cats", 5, None), ("dogs", 5, None)]
    places = [(span["start"], span["end"]) for span in result.rag_metadata["RAG_CONTENT"]["spans"]]
    assert places == [(1, 3), (11, 13)]


def test_two_retrievals_into_one_placeholder_are_joined(make):
    """Nothing is lost where two configurations fill the same placeholder, and each has its record."""
    configs = [{"adapter_name": "docs", "query": query} for query in ("a", "b")]
    builder = make(
        {"user": {"p": {"template": "{{RAG_CONTENT}}", "rag_configs": configs}}}, adapters={"docs": Source("x")}
    )
    result = builder.render_user_prompt("p", return_rag_metadata=True)
    assert result.content == "x\nx"
    assert {key: entry["query"] for key, entry in result.rag_metadata.items()} == {
        "RAG_CONTENT": "a",
        "RAG_CONTENT#2": "b",
    }


def test_configurations_come_from_the_prompts_own_library():
    """In a composite, what a prompt refers to is what its own library has of that name."""
    rag = {name: {"r": {"adapter_name": name, "query": "q"}} for name in ("one", "two")}
    prompt = {"template": "{{RAG_CONTENT}}", "rag_config_refs": ["r"]}
    library = CompositePromptLibrary(
        [ConfigPromptLibrary({"rag": rag["one"]}), ConfigPromptLibrary({"user": {"p": prompt}, "rag": rag["two"]})]
    )
    builder = AsyncPromptBuilder(library, {"one": Source("1"), "two": AsyncSource("2")})

    async def rendered():
        return (await builder.render_user_prompt("p")).content

    assert asyncio.run(rendered()) == "2"


def test_a_version_retrieves_from_its_prompts_own_library(make):
    """What a version refers to is looked up in the library that has the prompt of its name."""
    prompt = {"template": "{{RAG_CONTENT}}", "rag_config_refs": ["r"]}
    rag = {name: {"rag": {"r": {"adapter_name": name, "query": "q"}}} for name in ("one", "two")}
    below = CompositePromptLibrary(
        [ConfigPromptLibrary(rag["one"]), ConfigPromptLibrary({"user": {"p": "old"}, **rag["two"]})]
    )
    versions = VersionManager()
    asyncio.run(versions.create_version("p", "user", prompt, version="1.0.0"))
    builder = make(VersionedPromptLibrary(below, versions), adapters={"one": Source("1"), "two": Source("2")})
    assert builder.render_user_prompt("p@1.0.0").content == "2"


def test_a_changed_configuration_is_used(make):
    """A plan that is kept does not outlive the RAG configuration that it was made of."""
    library = ConfigPromptLibrary({"user": {"p": {"template": "{{RAG_CONTENT}}", "rag_config_refs": ["r"]}}})
    library.add_rag_config("r", {"adapter_name": "docs", "query": "old"})
    source = Source("x")
    builder = make(library, adapters={"docs": source})
    builder.render_user_prompt("p")
    library.add_rag_config("r", {"adapter_name": "docs", "query": "new"})
    builder.render_user_prompt("p")
    assert [query for query, _, _ in source.asked] == ["old", "new"]


# What goes wrong


FAILURES = {
    "it raises": (one(), {"docs": Source(error=OSError("disk on fire"))}, "OSError: disk on fire"),
    "no adapter": (
        one(adapter_name="dcos"),
        {"docs": Source()},
        "the builder has no adapter 'dcos'. Did you mean 'docs'?",
    ),
    "cannot search": (one(), {"docs": object()}, "the adapter 'docs' cannot be searched"),
    "no list": (one(), {"docs": type("Odd", (), {"search": lambda *_, **__: "text"})()}, "must give a list of results"),
    "no results": (one(), {"docs": Source(7)}, "a result must be a mapping with content, score and metadata, not 7"),
    "no query": (one(query="on {{topic}}"), {"docs": Source("x")}, "its query needs 'topic', which has no value"),
}


@pytest.mark.parametrize(("config", "adapters", "cause"), FAILURES.values(), ids=list(FAILURES))
def test_a_failing_search_is_a_warning_with_its_cause(make, config, adapters, cause):
    """The prompt is rendered without the text, and says so; a strict builder raises."""
    result = make(config, adapters=adapters).render_user_prompt("p", return_rag_metadata=True)
    assert result.content == "[]"
    assert cause in result.rag_metadata["RAG_CONTENT"]["error"]
    assert result.validation_warnings[0].startswith("Retrieval for 'RAG_CONTENT' from ")
    assert cause in result.validation_warnings[0]
    with pytest.raises(RAGError) as caught:
        make(config, adapters=adapters, raise_on_rag_error=True).render_user_prompt("p")
    assert cause in str(caught.value)
    assert caught.value.placeholder == "RAG_CONTENT"


def test_a_late_search_is_a_failing_one(make):
    """A search that hangs is given up after its time, whether it can be cancelled or not, and nobody waits for it."""
    hanging, released = threading.Event(), threading.Event()

    class Hanging:
        def search(self, query, k=5, filters=None):
            hanging.set()
            released.wait(60)
            return []

    result = make(one(timeout=0.05), adapters={"docs": Hanging()}).render_user_prompt("p")
    assert hanging.is_set()
    assert not released.is_set()
    assert result.validation_warnings == [
        "Retrieval for 'RAG_CONTENT' from 'docs' failed: no answer within 0.05 seconds"
    ]
    released.set()


def test_a_searchs_own_timeout_is_told_as_such(make):
    """A TimeoutError that the data source raised is its cause."""
    builder = make(one(), adapters={"docs": Source(error=TimeoutError("pool is empty"))})
    assert "TimeoutError: pool is empty" in builder.render_user_prompt("p").validation_warnings[0]


def test_one_failing_search_takes_no_other_along(make):
    """What was found is used, beside what was not."""
    configs = [{"adapter_name": name, "query": "q", "placeholder": name} for name in ("good", "bad")]
    adapters = {"good": Source("x"), "bad": Source(error=ValueError("no"))}
    builder = make({"user": {"p": {"template": "{{good}}{{bad}}", "rag_configs": configs}}}, adapters=adapters)
    result = builder.render_user_prompt("p")
    assert (result.content, len(result.validation_warnings)) == ("x", 1)


def test_required_parameters_come_before_any_search(make):
    """A missing parameter at level ERROR is told before anything is searched for, of a referred prompt too."""
    strict = {"template": "x", "validation": {"level": "error", "required_params": ["a"]}}
    config = one()
    config["user"]["p"]["template"] = "{{RAG_CONTENT}}{{ prompt_ref('strict') }}"
    config["user"]["strict"] = strict
    source = Source("x")
    with pytest.raises(MissingParameters):
        make(config, adapters={"docs": source}).render_user_prompt("p")
    assert source.asked == []


def test_a_template_that_needs_the_text_gets_it(make):
    """A template that fails on an empty placeholder is rendered when the text is there."""
    config = one()
    config["user"]["p"]["template"] = "{{ 10 // (RAG_CONTENT|length) }}"
    builder = make(config, adapters={"docs": Source("ab")})
    assert builder.render_user_prompt("p").content == "5"
    with pytest.raises(TemplateError, match="ZeroDivisionError"):
        make(config, adapters={"docs": Source()}).render_user_prompt("p")


def test_a_query_that_never_stays_the_same_ends(make):
    """A query with the time to the microsecond is refused in the end."""
    builder = make(one(query="{{current_datetime}}"), adapters={"docs": Source("x")})
    with pytest.raises(RAGError, match="its queries are still new"):
        builder.render_user_prompt("p")


@pytest.mark.parametrize("part", ["query", "header", "item_template"])
def test_a_broken_template_of_a_configuration_says_whose_it_is(make, part):
    """A configuration's template that does not parse names prompt, part and placeholder."""
    with pytest.raises(TemplateError, match=rf"Prompt 'p \({part} of RAG_CONTENT\)', line 1"):
        make(one(**{part: "{{ a b }}"}), adapters={"docs": Source("x")}).render_user_prompt("p")


def test_what_the_caller_gives_is_not_searched_for(make):
    """A value for the placeholder is taken as it is."""
    source = Source("x")
    result = make(one(), adapters={"docs": source}).render_user_prompt("p", params={"RAG_CONTENT": "mine"})
    assert (result.content, source.asked) == ("[mine]", [])


def test_without_retrieval_nothing_is_searched(make):
    """With include_rag=False no adapter is asked."""
    source = Source("x")
    result = make(one(header="# H"), adapters={"docs": source}).render_user_prompt("p", include_rag=False)
    assert (result.content, source.asked) == ("[]", [])
