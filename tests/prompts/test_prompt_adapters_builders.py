"""Adapters at work in builders: retrieved text and values, from both faces in both kinds of builders."""

from __future__ import annotations

import asyncio

import pandas as pd
import pytest

from dknb.errors import RAGError
from dknb.prompts import (
    AsyncDataFrameAdapter,
    AsyncDictResourceAdapter,
    AsyncSQLAdapter,
    AsyncVectorAdapter,
    DataFrameAdapter,
    DictResourceAdapter,
    InMemoryAdapter,
    InMemoryAsyncAdapter,
    SQLAdapter,
    VectorAdapter,
)

FRAME = pd.DataFrame({"text": ["a bee", "an ant"], "lang": ["en", "en"]}, index=["one", "two"])
SQL = "select 'an ant' as content where :query = 'an ant' and :lang = 'en' limit :k"


def letters(texts):
    return [[float(text.count(letter)) for letter in "abnt"] for text in texts]


def filled(adapter):
    documents = [
        {"content": "a bee", "lang": "en"},
        {"content": "an ant", "lang": "en"},
        {"content": "nt", "lang": "x"},
    ]
    given = adapter.upsert(documents)
    if asyncio.iscoroutine(given):
        asyncio.run(given)
    return adapter


ADAPTERS = [
    lambda: InMemoryAdapter([{"content": "an ant", "lang": "en"}, {"content": "nothing", "lang": "x"}]),
    lambda: InMemoryAsyncAdapter([{"content": "nothing", "lang": "x"}, {"content": "an ant", "lang": "en"}]),
    lambda: DataFrameAdapter(FRAME, "text"),
    lambda: AsyncDataFrameAdapter(FRAME, "text"),
    lambda: SQLAdapter("sqlite://", SQL),
    lambda: AsyncSQLAdapter("sqlite://", SQL),
    lambda: filled(VectorAdapter(letters)),
    lambda: filled(AsyncVectorAdapter(letters)),
]


def prompt(**rag):
    config = {"adapter_name": "docs", "query": "{{what}}", "k": 1, "filters": {"lang": "en"}, **rag}
    return {"user": {"p": {"template": "<{{RAG_CONTENT}}>", "rag_configs": [config]}}}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_retrieved_text_comes_from_any_adapter(make, adapter):
    """Sync and async ones, in sync and async builders, filters included."""
    result = make(prompt(), adapters={"docs": adapter()}).render_user_prompt(
        "p", params={"what": "an ant"}, return_rag_metadata=True
    )
    assert result.content == "<an ant>"
    assert result.rag_metadata["RAG_CONTENT"]["results"][0]["content"] == "an ant"


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_refused_filter_is_a_warning_or_an_error_and_never_ignored(make, adapter):
    """The cause is told, and nothing is retrieved."""
    config = prompt(filters={"lang": "en", "langs": "en"})
    result = make(config, adapters={"docs": adapter()}).render_user_prompt("p", params={"what": "an ant"})
    assert "'langs'" in " ".join(result.validation_warnings)
    with pytest.raises(RAGError, match="'langs'"):
        make(config, adapters={"docs": adapter()}, raise_on_rag_error=True).render_user_prompt(
            "p", params={"what": "an ant"}
        )


@pytest.mark.parametrize("kind", [DictResourceAdapter, AsyncDictResourceAdapter])
def test_values_come_from_a_dict(make, kind):
    """A name that the caller did not give is looked up; what is retrieved is searched in the same dict."""
    data = {"name": "Ada", "faq": {"reset": "Press the button."}}
    config = {
        "user": {
            "p": {
                "template": "{{name}}: {{RAG_CONTENT}}",
                "rag_configs": [{"adapter_name": "docs", "query": "reset", "k": 1, "filters": {"key": "faq.reset"}}],
            }
        }
    }
    assert make(config, adapters={"docs": kind(data)}).render_user_prompt("p").content == "Ada: Press the button."


def test_many_names_and_a_waiting_adapter_do_not_wait_for_each_other(make, tmp_path):
    """More lookups at a time than there are threads for them, each of which needs another thread, come to an end."""
    adapter = VectorAdapter(letters, tmp_path / "docs.vectors")
    names = [f"n{number}" for number in range(100)]
    adapter.upsert([{"id": name, "content": f"a{name}"} for name in names])
    template = " ".join(f"{{{{{name}}}}}" for name in names)
    builder = make({"user": {"p": template}}, adapters={"docs": adapter})
    assert builder.render_user_prompt("p").content == " ".join(f"a{name}" for name in names)


def test_retrieved_text_is_data(make):
    """Template marks in it are text."""
    adapter = InMemoryAdapter(["{{what}} ((x)) {% raw %}"])
    result = make(prompt(filters={}), adapters={"docs": adapter}).render_user_prompt("p", params={"what": "secret"})
    assert result.content == "<{{what}} ((x)) {% raw %}>"
