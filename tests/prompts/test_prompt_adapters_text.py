"""Dicts and given results as data sources, and what all searches by words have in common."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from adapters_help import both, contents
from hypothesis import given
from hypothesis import strategies as st

from dknb.errors import ConfigError, RAGError
from dknb.prompts import (
    AsyncDataknobsBackendAdapter,
    AsyncDictResourceAdapter,
    AsyncResourceAdapter,
    DataknobsBackendAdapter,
    DictResourceAdapter,
    InMemoryAdapter,
    InMemoryAsyncAdapter,
    ResourceAdapter,
)
from dknb.prompts.adapters.lexical import text_scores

DATA = {
    "user": {"name": "Ada", "langs": ["en", "fr"], "note": None},
    "a.b": "literal",
    "faq": {"reset": "How to reset a password", "red": "A red apple"},
}


@pytest.fixture(**both(DictResourceAdapter, AsyncDictResourceAdapter))
def make_dict(request):
    return request.param


@pytest.fixture(**both(InMemoryAdapter, InMemoryAsyncAdapter))
def make_memory(request):
    return request.param


# Dicts


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("user.name", "Ada"),
        ("user", DATA["user"]),
        ("user.langs.1", "fr"),
        ("user.langs.2", "default"),
        ("user.langs.-1", "default"),
        ("user.note", None),
        ("user.age", "default"),
        ("user.name.first", "default"),
        ("a.b", "literal"),
        ("", "default"),
    ],
)
def test_a_dotted_key_leads_into_dicts_and_lists(make_dict, key, value):
    """A key with dots is followed step by step; what is not there is the default, and None is there."""
    assert make_dict(DATA).get_value(key, "default") == value


def test_several_values_come_in_one_call(make_dict):
    """`batch_get_values` has each key, with the default for those that are not there."""
    assert make_dict(DATA).batch_get_values(["user.name", "x"], 0) == {"user.name": "Ada", "x": 0}


def test_a_search_ranks_the_same_over_parts_over_words(make_dict):
    """The query itself has 1.0, a text that contains it at least 0.8, one that shares words less."""
    adapter = make_dict({"one": "red apple", "two": "a red apple pie", "three": "green apple", "four": "pear"})
    results = adapter.search("Red Apple")
    assert contents(results) == ["red apple", "a red apple pie", "green apple"]
    assert results[0] == {"content": "red apple", "score": 1.0, "metadata": {"key": "one"}}
    assert 0.8 < results[1]["score"] < 1
    assert 0 < results[2]["score"] < 0.8


def test_a_search_also_looks_at_keys(make_dict):
    """A key's words count a little less than those of the value."""
    assert make_dict(DATA).search("reset")[0]["metadata"] == {"key": "faq.reset"}
    assert make_dict({"reset": "x", "y": "reset"}).search("reset") == [
        {"content": "reset", "score": 1.0, "metadata": {"key": "y"}},
        {"content": "x", "score": 0.9, "metadata": {"key": "reset"}},
    ]


def test_a_blank_query_lists_in_order(make_dict):
    """It is contained in every text and says nothing about any."""
    assert contents(make_dict(DATA).search(" ", 3)) == ["Ada", "en", "fr"]
    assert make_dict(DATA).search("", 1)[0]["score"] == 0.0


def test_upper_and_lower_case_can_matter(make_dict):
    """`case_sensitive=True` compares letters as they are."""
    assert make_dict(DATA, case_sensitive=True).search("ada") == []
    assert contents(make_dict(DATA, case_sensitive=True).search("Ada")) == ["Ada"]


def test_a_dict_is_read_as_it_is_now(make_dict):
    """What is put in after the adapter was made is found."""
    data = {}
    adapter = make_dict(data)
    data["new"] = "fresh"
    assert contents(adapter.search("fresh")) == ["fresh"]
    assert adapter.get_value("new") == "fresh"


def test_a_dict_within_itself_and_a_deep_one_are_searched(make_dict):
    """Neither a cycle nor ten thousand levels end the search."""
    data = {"text": "here"}
    data["self"] = data
    deep = data["deep"] = {}
    for _ in range(3_000):
        deep["d"] = deep = {}
    deep["bottom"] = "found"
    assert contents(make_dict(data).search("found")) == ["found"]
    assert contents(make_dict(data).search("here")) == ["here"]


def test_filters_of_a_dict_name_its_keys(make_dict):
    """``key`` can be filtered by; any other field is refused."""
    adapter = make_dict(DATA)
    assert contents(adapter.search("", filters={"key": ["user.name", "faq.red"]})) == ["Ada", "A red apple"]
    with pytest.raises(ConfigError, match=r"'keys': there is no such field. Did you mean 'key'"):
        adapter.search("", filters={"keys": "user.name"})


def test_only_a_mapping_is_a_dict_adapter(make_dict):
    """Anything else is refused at once."""
    with pytest.raises(ConfigError, match="takes a mapping, not 'list'"):
        make_dict([1])


# Given results


def test_given_results_come_in_their_order(make_memory):
    """Texts and dicts are results; keys of a dict that are no part of one become metadata."""
    adapter = make_memory(["one", {"content": "two", "score": 0.5, "metadata": {"a": 1}, "b": 2}, {"content": 3}])
    assert adapter.search("whatever") == [
        {"content": "one", "score": 1.0, "metadata": {}},
        {"content": "two", "score": 0.5, "metadata": {"a": 1, "b": 2}},
        {"content": "3", "score": 1.0, "metadata": {}},
    ]
    assert contents(adapter.search("whatever", k=2)) == ["one", "two"]
    assert contents(adapter.search("whatever", min_score=0.6)) == ["one", "3"]


def test_searches_are_counted(make_memory):
    """`search_count` says how often, until `reset`."""
    adapter = make_memory(["one"])
    adapter.search("a")
    adapter.search("b")
    assert adapter.search_count == 2
    adapter.reset()
    assert adapter.search_count == 0


async def later(query):
    return [f"later {query}"]


@pytest.mark.parametrize(("function", "text"), [(lambda query: [f"now {query}"], "now q"), (later, "later q")])
def test_a_function_gives_results(make_memory, function, text):
    """A function of the query, plain or async, is called for each search."""
    assert contents(make_memory(function).search("q")) == [text]


def test_a_plain_function_is_called_in_another_thread():
    """It may wait without holding up the loop."""
    threads = []
    InMemoryAdapter(lambda _: threads.append(threading.current_thread().name) or []).search("q")
    assert threads != ["dknb-loop"]


@pytest.mark.parametrize("function", [lambda query: 1 / 0, lambda query: "text", lambda query: None])
def test_a_function_that_fails_is_no_empty_list(make_memory, function):
    """What it raises, or gives in place of a list, is a `RAGError` with the adapter's name."""
    with pytest.raises(RAGError, match="docs: ") as raised:
        make_memory(function, name="docs").search("q")
    assert raised.value.adapter_name == "docs"


def test_values_can_be_given_too(make_memory):
    """`data` is read by dotted keys."""
    assert make_memory(data={"a": {"b": 1}}).get_value("a.b") == 1
    assert make_memory().get_value("a", "default") == "default"


@pytest.mark.parametrize("result", [{"body": "no content"}, {"content": None}, 3])
def test_what_is_no_result_is_refused(make_memory, result):
    """Each result needs a content."""
    with pytest.raises(ConfigError, match="A search result is"):
        make_memory([result]).search("q")


# All


@pytest.mark.parametrize("k", [0, -1, True, 1.5, "3", None])
def test_the_number_of_results_is_checked(make_memory, make_dict, k):
    """``k`` is a whole number from 1."""
    for adapter in (make_memory(["x"]), make_dict({"x": "x"})):
        with pytest.raises(ConfigError, match="k is"):
            adapter.search("x", k=k)


def test_a_query_is_a_text(make_memory, make_dict):
    """Anything else is refused before it is compared with texts."""
    for adapter in (make_memory(["x"]), make_dict({"x": "x"})):
        with pytest.raises(ConfigError, match="no text"):
            adapter.search(None)


def test_an_adapter_says_what_it_is():
    """Name, kind and class, for messages and lists."""
    plain, awaited = DictResourceAdapter({}, name="d"), AsyncDictResourceAdapter({}, name="d")
    assert isinstance(plain, ResourceAdapter)
    assert isinstance(awaited, AsyncResourceAdapter)
    assert (plain.is_async(), awaited.is_async()) == (False, True)
    assert plain.get_metadata() == {"name": "d", "type": "sync", "class": "DictResourceAdapter"}
    assert repr(awaited) == "AsyncDictResourceAdapter(name='d')"


class Mine(ResourceAdapter):
    """An adapter of one's own, as the seed describes it."""

    def get_value(self, key, default=None, context=None):
        return {"a": 1}.get(key, default)

    def search(self, query, k=5, filters=None, **options):
        return []


def test_an_adapter_of_ones_own_needs_two_methods():
    """The rest comes with the base class, without a call of its constructor's arguments."""
    adapter = Mine()
    assert adapter.batch_get_values(["a", "b"], 0) == {"a": 1, "b": 0}
    assert (adapter.name, adapter.is_async()) == ("adapter", False)


def test_only_a_dataknobs_database_is_taken_for_one():
    """What cannot be read and searched is refused when the adapter is made."""
    for kind in (DataknobsBackendAdapter, AsyncDataknobsBackendAdapter):
        with pytest.raises(ConfigError, match="'dict' is no dataknobs-data database"):
            kind({})


# Words


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("straße", "STRASSE"),
        ("caf\u00e9", "the cafe\u0301"),
        ("東京都の天気", "明日の東京の気温"),
        ("παις", "\u03a0\u0391\u0399\u03a3"),
    ],
)
def test_words_are_found_in_any_script(query, text):
    """Case, composed letters and scripts without spaces do not hide a word."""
    assert text_scores(query, [text, "something else"]) == [pytest.approx(0.5, abs=0.5), None]
    assert text_scores(query, [text])[0] > 0


def test_a_word_is_not_found_inside_another():
    """Words are compared whole; only the whole query is also found inside of words."""
    assert text_scores("art fair", ["a party", "modern art"]) == [None, pytest.approx(0.3, abs=0.3)]


def test_a_rare_word_counts_more():
    """Words that few texts have say more than those that all have."""
    scores = text_scores("the zebra", ["the the the", "a zebra", "the dog", "the cat"])
    assert scores[1] == max(score for score in scores if score is not None)


def test_huge_texts_and_queries_are_searched_in_linear_time():
    """A megabyte of query against a megabyte of text ends, and finds itself."""
    huge = " ".join(f"word{number}" for number in range(120_000))
    assert text_scores(huge, [huge, "word7", "none"]) == [1.0, pytest.approx(0.5, abs=0.5), None]


@given(query=st.text(), texts=st.lists(st.text(), max_size=5))
def test_scores_are_between_0_and_1(query, texts):
    """Whatever the texts are, a score is None or lies between 0 and 1, and a text has 1.0 for itself."""
    scores = text_scores(query, texts)
    assert all(score is None or 0 <= score <= 1 for score in scores)
    assert [score for score, text in zip(scores, texts, strict=True) if text == query and query.strip()] == [
        1.0 for text in texts if text == query and query.strip()
    ]


def test_scores_are_the_same_in_every_process():
    """To the last digit: a notebook that runs again shows what it showed."""
    code = (
        "from dknb.prompts.adapters.lexical import text_scores\n"
        "words = ['mill', 'burn', 'autumn', 'brick', 'miller', 'away', 'cause', 'floors', 'river']\n"
        "print(text_scores(' '.join(words), [' '.join(words[n:]) + ' and more' for n in range(9)]))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3", "4")
    }
    assert len(told) == 1
