"""A prompt without each of its retrieved texts, one after the other."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from rag_help import AsyncSource, Source, found

from dknb.errors import PromptError, RAGError
from dknb.prompts import AsyncPromptBuilder, ConfigPromptLibrary, LeftOut, PromptBuilder, left_out

RAG = {"adapter_name": "docs", "query": "{{q}}", "item_template": "{{index}}. {{content}}\n"}
LIBRARY = {
    "user": {"p": {"template": "Use:\n{{RAG_CONTENT}}{{q}}?", "rag_configs": [RAG]}},
    "system": {"s": {"template": "{{RAG_CONTENT}}", "rag_configs": [RAG]}},
}


def rows(builder, *args, **options):
    return asyncio.run(left_out(builder, *args, **options))


@pytest.fixture(params=["sync", "async"])
def source(request):
    hits = [found("cats", 0.9, source="a.md"), found("dogs", 0.5)]
    return Source(*hits) if request.param == "sync" else AsyncSource(*hits)


@pytest.fixture(params=[PromptBuilder, AsyncPromptBuilder])
def builder(request, source):
    return request.param(ConfigPromptLibrary(LIBRARY), {"docs": source})


def test_each_text_is_left_out_once(builder, source):
    """A row for each result says what goes, what comes, and what it saves; it is searched for once."""
    assert rows(builder, "p", {"q": "why"}, count_tokens=len) == [
        LeftOut("RAG_CONTENT", 1, "a.md", 0.9, 8, "-1. cats\n-2. dogs\n+1. dogs", "Use:\n1. dogs\nwhy?"),
        LeftOut("RAG_CONTENT", 2, None, 0.5, 8, "-2. dogs", "Use:\n1. cats\nwhy?"),
    ]
    assert len(source.asked) == 1


@pytest.mark.parametrize("kind", ["text", "response", "awaited"])
def test_answers_stand_side_by_side(builder, kind):
    """A model is asked once for the whole prompt and once without each text; likeness is told."""
    asked = []

    def said(text):
        asked.append(text)
        return "yes" if "cats" in text else "no"

    async def awaited(text):
        return said(text)

    ask = {"text": said, "response": lambda text: SimpleNamespace(content=said(text)), "awaited": awaited}[kind]
    answered = rows(builder, "p", {"q": "why"}, ask=ask)
    assert [(row.answer, row.answer_without, row.similarity) for row in answered] == [
        ("yes", "no", 0.0),
        ("yes", "yes", 1.0),
    ]
    assert len(asked) == 3


def test_system_prompts_and_dicts(builder):
    """A system prompt and a prompt that is not in the library are taken apart in the same way."""
    wanted = ["1. dogs\n", "1. cats\n"]
    assert [row.prompt for row in rows(builder, "s", {"q": ""}, prompt_type="system")] == wanted
    assert [row.prompt for row in rows(builder, LIBRARY["system"]["s"], {"q": ""})] == wanted


def test_what_is_not_in_the_prompt_cannot_be_left_out():
    """Results that the budget dropped have no row; of a prompt that retrieves nothing, that is said."""
    prompt = {"template": "{{RAG_CONTENT}}", "rag_configs": [{**RAG, "max_tokens": 8}]}
    library = ConfigPromptLibrary({"user": {"p": prompt, "plain": "x"}})
    builder = PromptBuilder(library, {"docs": Source(found("cats", 0.1), found("dogs", 0.2))}, count_tokens=len)
    only = rows(builder, "p", {"q": "x"})
    assert [(row.chunk, row.prompt) for row in only] == [(2, "1. cats\n")]
    with pytest.raises(PromptError, match="'plain' retrieves nothing, so there is nothing to leave out"):
        rows(builder, "plain")
    with pytest.raises(PromptError, match="A prompt is a name or a dict, not 'int'"):
        rows(builder, 3)


def test_a_search_that_failed_is_no_empty_result():
    """Nothing was found because nothing could be searched: the error has the cause."""
    builder = PromptBuilder(ConfigPromptLibrary(LIBRARY), {"docs": Source(error=OSError("no disk"))})
    with pytest.raises(RAGError, match="Retrieval for 'RAG_CONTENT' from 'docs' failed: OSError: no disk") as raised:
        rows(builder, "s", {"q": "x"}, prompt_type="system")
    assert (raised.value.adapter_name, raised.value.query) == ("docs", "x")


@pytest.mark.parametrize(("prompt", "name", "shown"), [("p", None, "'p'"), (LIBRARY["user"]["p"], "mine", "'mine'")])
def test_a_search_that_finds_nothing_is_told(prompt, name, shown):
    """There is no row, and a warning says what was searched for, and where."""
    builder = PromptBuilder(ConfigPromptLibrary(LIBRARY), {"docs": Source()})
    with pytest.warns(UserWarning, match=rf"^{shown}: nothing was found for it.*searched 'docs' for 'why'"):
        assert rows(builder, prompt, {"q": "why"}, name=name) == []


@pytest.mark.parametrize(("name", "shown"), [("mine", "'mine' retrieves"), (None, "The prompt retrieves")])
def test_a_prompt_that_retrieves_nothing_is_named(name, shown):
    """By its name, where it has one."""
    with pytest.raises(PromptError, match=f"^{shown}"):
        rows(PromptBuilder(ConfigPromptLibrary(LIBRARY)), {"template": "x"}, name=name)
