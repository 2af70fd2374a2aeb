"""Retrieved text in the prompt: which characters it became, what a budget drops, what is used again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag_help import Source, found

from dknb.prompts import ConfigPromptLibrary, PromptBuilder
from dknb.prompts.rag.cache import ExpiringCache


def library(template="{{RAG_CONTENT}}", **config):
    config = {"adapter_name": "docs", "query": "{{q}}", "item_template": "{{content}}\n", **config}
    return {"user": {"p": {"template": template, "defaults": {"q": "q"}, "rag_configs": [config]}}}


def spans(result):
    """The text at each place that is recorded, with the index of its result."""
    places = result.rag_metadata["RAG_CONTENT"]["spans"]
    return [(result.content[place["start"] : place["end"]], place["result"]) for place in places]


def render(make, template, *results, **config):
    builder = make(library(template, **config), adapters={"docs": Source(*results)})
    return builder.render_user_prompt("p", return_rag_metadata=True)


# Where it is


TEMPLATES = {
    "as it is": ("Q: {{q}}\n{{RAG_CONTENT}}.", ["one", "two"]),
    "twice": ("{{RAG_CONTENT}}--{{RAG_CONTENT}}", ["one", "two", "one", "two"]),
    "in a section": ("((Use: {{RAG_CONTENT}}))!", ["one", "two"]),
    "trimmed": ("<{{ RAG_CONTENT|trim }}>", ["one", "two"]),
    "changed": ("{{ RAG_CONTENT|upper }}", ["ONE", "TWO"]),
    "in a condition": ("{% if RAG_CONTENT %}{{ RAG_CONTENT }}{% endif %}", ["one", "two"]),
    "line by line": ("{% for line in RAG_CONTENT.splitlines() %}> {{ line }}\n{% endfor %}", ["one", "two"]),
    "by its length": ("{{ RAG_CONTENT|length }}: {{ RAG_CONTENT }}", ["one", "two"]),
    "not at all": ("{{q}}", []),
    "cut": ("{{ RAG_CONTENT[:3] }}", ["one"]),
}


@pytest.mark.parametrize(("template", "texts"), TEMPLATES.values(), ids=list(TEMPLATES))
def test_where_results_are_in_the_prompt(make, template, texts):
    """The spans hold exactly the characters that each result became, whatever the template does with it."""
    result = render(make, template, found("one", source="a"), found("two", source="b"))
    assert [text for text, _ in spans(result)] == texts
    assert all("\ufdd0" not in piece for piece in [result.content, str(result.rag_metadata)])


def test_spans_say_where_they_come_from(make):
    """Score and source go with each span; the source is what the metadata offer first."""
    results = [found("one", 0.5, url="u", title="t"), found("two", 0.25, title="t"), found("three", None)]
    places = render(make, "{{RAG_CONTENT}}", *results).rag_metadata["RAG_CONTENT"]["spans"]
    assert [(place["score"], place["source"]) for place in places] == [(0.5, "u"), (0.25, "t"), (None, None)]


@settings(deadline=None)
@given(st.lists(st.text(min_size=1), max_size=4), st.text())
def test_spans_hold_for_any_text(contents, around):
    """Whatever the texts are, a span holds its result without the white space around it, in order."""
    builder = PromptBuilder(ConfigPromptLibrary(library("{{a}}{{RAG_CONTENT}}{{a}}")), {"docs": Source(*contents)})
    result = builder.render_user_prompt("p", params={"a": around}, return_rag_metadata=True)
    assert result.content == around + "".join(f"{content}\n" for content in contents) + around
    wanted = [(content.strip(), index) for index, content in enumerate(contents) if content.strip()]
    assert spans(result) == wanted


def test_a_text_that_looks_like_marks_is_only_text(make):
    """Characters that mark results, in the text itself, confuse nothing."""
    result = render(make, "{{RAG_CONTENT}}", "a\ufdd0\ufdd3\ufdd1b\ufdd2c", "d")
    assert spans(result) == [("a\ufdd0\ufdd3\ufdd1b\ufdd2c", 0), ("d", 1)]


# What it may take


def test_a_budget_drops_the_lowest_scores_first(make):
    """What is over the budget goes by score, the rest keeps its order and is numbered anew, and it is said."""
    results = [
        found("low " * 10, 0.1, source="l"),
        found("high " * 8, 0.9),
        found("mid " * 10, 0.5),
        found("none " * 8, None),
    ]
    result = render(make, "{{RAG_CONTENT}}", *results, max_tokens=22, item_template="{{index}}{{content}}")
    assert result.content == "1" + "high " * 8 + "2" + "mid " * 10
    record = result.rag_metadata["RAG_CONTENT"]
    assert record["dropped"] == [
        {"result": 3, "score": None, "source": None},
        {"result": 0, "score": 0.1, "source": "l"},
    ]
    assert len(record["results"]) == 4
    assert [place["result"] for place in record["spans"]] == [1, 2]
    assert result.validation_warnings == [
        "Retrieval for 'RAG_CONTENT': 2 of 4 results dropped, lowest scores first, to stay within 22 tokens."
    ]


@pytest.mark.parametrize(("most", "kept"), [(1, ""), (2, "ab"), (4, "ab\ncd"), (9, "ab\ncd\nef")])
def test_a_budget_counts_with_the_given_counter(make, most, kept):
    """The counter that the builder was given decides; of equal scores the last go first; a header alone is nothing."""
    builder = make(
        library(max_tokens=most, header=""),
        adapters={"docs": Source("ab", "cd", "ef")},
        count_tokens=lambda text: len(text.replace("\n", "")),
    )
    assert builder.render_user_prompt("p").content.strip() == kept


# What is used again


def test_an_earlier_answer_is_used_again(make):
    """With the record of an earlier render nothing is searched for, and the text is the same."""
    source = Source(found("one", source="a"))
    builder = make(library("{{q}}: {{RAG_CONTENT}}"), adapters={"docs": source})
    first = builder.render_user_prompt("p", return_rag_metadata=True)
    again = builder.render_user_prompt("p", cached_rag=first.rag_metadata, return_rag_metadata=True)
    assert again.content == first.content
    assert len(source.asked) == 1
    assert again.metadata["used_cached_rag"] is True
    record = again.rag_metadata["RAG_CONTENT"]
    assert record == {**first.rag_metadata["RAG_CONTENT"], "reused": "cached_rag"}


@pytest.mark.parametrize("change", [{"query_hash": "other"}, {"k": 9}, {"filters": {"a": 1}}, {"error": "it failed"}])
def test_an_answer_to_another_question_is_not_used(make, change):
    """Where hash, k or filters differ, or there was no answer, it is searched for anew."""
    source = Source("new")
    builder = make(library(), adapters={"docs": source})
    entry = builder.render_user_prompt("p", return_rag_metadata=True).rag_metadata["RAG_CONTENT"]
    cached = {"RAG_CONTENT": {**entry, "formatted_content": "old", **change}}
    result = builder.render_user_prompt("p", cached_rag=cached)
    assert (result.content, result.metadata["used_cached_rag"], len(source.asked)) == ("new\n", False, 2)


def test_a_record_with_the_text_alone_will_do(make):
    """A record that has only hash and text, as other programs keep it, is used."""
    source = Source("new")
    builder = make(library(), adapters={"docs": source})
    query_hash = builder.render_user_prompt("p", return_rag_metadata=True).rag_metadata["RAG_CONTENT"]["query_hash"]
    cached = {"RAG_CONTENT": {"query_hash": query_hash, "formatted_content": "old"}, "OTHER": None}
    assert builder.render_user_prompt("p", cached_rag=cached).content == "old"


@pytest.mark.parametrize("cached", [{"RAG_CONTENT": 7}, {"RAG_CONTENT": {}}, {"X": {}}, "broken results"])
def test_a_record_that_says_nothing_is_not_used(make, cached):
    """What is no record, or holds neither results nor text, is passed over."""
    source = Source("new")
    builder = make(library(), adapters={"docs": source})
    if isinstance(cached, str):
        entry = builder.render_user_prompt("p", return_rag_metadata=True).rag_metadata["RAG_CONTENT"]
        cached = {"RAG_CONTENT": {**entry, "results": [cached, 7], "formatted_content": None}}
    assert builder.render_user_prompt("p", cached_rag=cached).content == "new\n"


def test_a_changed_item_template_forms_the_text_anew(make):
    """Results are used again, and read through the template as it is now."""
    builder = make(library(), adapters={"docs": Source("x")})
    cached = builder.render_user_prompt("p", return_rag_metadata=True).rag_metadata
    changed = make(library(item_template="- {{content}}"), adapters={})
    assert changed.render_user_prompt("p", cached_rag=cached).content == "- x"


def test_the_builder_keeps_answers_for_a_while(make):
    """Within the time the same question is asked once, by any prompt; another question is another search."""
    source = Source("x")
    builder = make(library(), adapters={"docs": source}, rag_cache_seconds=60)
    first = builder.render_user_prompt("p", return_rag_metadata=True)
    first.rag_metadata["RAG_CONTENT"]["results"][0]["content"] = "changed by the caller"
    second = builder.render_user_prompt("p", return_rag_metadata=True)
    assert (second.content, second.metadata["used_cached_rag"]) == ("x\n", True)
    assert second.rag_metadata["RAG_CONTENT"]["reused"] == "rag_cache"
    builder.render_user_prompt("p", params={"q": "other"})
    assert [query for query, _, _ in source.asked] == ["q", "other"]


def test_failures_are_not_kept(make):
    """After a failure it is searched for again."""
    source = Source(error=OSError("down"))
    builder = make(library(), adapters={"docs": source}, rag_cache_seconds=60)
    builder.render_user_prompt("p")
    source.error, source.results = None, ["x"]
    assert builder.render_user_prompt("p").content == "x\n"


def test_kept_values_expire():
    """A value is kept for its time, the oldest goes when there are too many, and 0 seconds keep nothing."""
    now = [0.0]
    cache = ExpiringCache(10, most=2, clock=lambda: now[0])
    cache.put("a", 1)
    now[0] = 9.9
    assert cache.get("a") == 1
    now[0] = 10.0
    assert cache.get("a") is None
    for key in "abc":
        cache.put(key, key)
    assert [cache.get(key) for key in "abc"] == [None, "b", "c"]
    none = ExpiringCache(0)
    none.put("a", 1)
    assert none.get("a") is None
