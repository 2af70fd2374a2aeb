"""Filters: each is honoured or refused, never ignored."""

from __future__ import annotations

import pytest

from dknb.errors import ConfigError
from dknb.prompts import InMemoryAdapter
from dknb.prompts.adapters.filters import Filters

DOCUMENTS = [
    {"content": "a", "lang": "en", "year": 2020, "tags": ["x", "y"], "author": {"name": "Ada"}},
    {"content": "b", "lang": "de", "year": 2022, "tags": ["y"], "author": {"name": "Bob"}},
    {"content": "c", "lang": None, "year": 2024},
]


def found(filters):
    results = InMemoryAdapter(DOCUMENTS).search("q", 10, filters)
    return "".join(result["content"] for result in results)


@pytest.mark.parametrize(
    ("filters", "contents"),
    [
        (None, "abc"),
        ({}, "abc"),
        ({"lang": "en"}, "a"),
        ({"lang": None}, "c"),
        ({"lang": ["en", "de"]}, "ab"),
        ({"lang": []}, ""),
        ({"lang": {"ne": "en"}}, "bc"),
        ({"lang": {"not_in": ["en"]}}, "bc"),
        ({"lang": {"in": ("en", None)}}, "ac"),
        ({"year": {"eq": 2022}}, "b"),
        ({"year": {"gte": 2022}}, "bc"),
        ({"year": {"gt": 2020, "lt": 2024}}, "b"),
        ({"year": {"lte": 2020}}, "a"),
        ({"tags": {"contains": "x"}}, "a"),
        ({"author.name": "Bob"}, "b"),
        ({"lang": "en", "year": 2022}, ""),
        ({"tags": [["y"]]}, "b"),
    ],
)
def test_a_filter_is_honoured(filters, contents):
    """Values, lists and comparisons, on fields that a document may lack; all have to hold."""
    assert found(filters) == contents


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"langage": "en"}, "'langage': there is no such field. Did you mean 'lang'"),
        ({"langage": {"ne": "en"}}, "'langage': there is no such field"),
        ({"lang": "en", "author.age": 3}, "'author.age': there is no such field"),
        ({"year": {"$gte": 3}}, "'year': there is no operator '\\$gte'. Did you mean 'gte'"),
        ({"year": {}}, "'year' has no condition"),
        ({"year": {"gte": "2020"}}, "'year': 2020 and '2020' cannot be compared by 'gte'"),
        ({"year": {"in": 2020}}, "'year': 'in' takes a list"),
        ({"lang": {"in": "en"}}, "'lang': 'in' takes a list"),
        ({"year": {"contains": 2}}, "'year': 2020 and 2 cannot be compared by 'contains'"),
        ({1: "x"}, "Filter 1: its name is no text"),
        (["lang"], "no mapping"),
        ("lang", "no mapping"),
    ],
)
def test_a_filter_that_cannot_be_honoured_is_refused_by_name(filters, message):
    """The error names the field and what is wrong with it."""
    with pytest.raises(ConfigError, match=message):
        found(filters)


def test_what_is_in_no_document_cannot_be_refused_where_there_are_none():
    """Without documents every filter leaves what there is: nothing."""
    assert InMemoryAdapter([]).search("q", filters={"x": 1}) == []


def test_filters_are_data():
    """An operator's name is looked up in a table, never evaluated; a value is only compared."""
    with pytest.raises(ConfigError, match="there is no operator '__class__'"):
        Filters({"a": {"__class__": 1}})
    assert Filters({"a": "__import__('os')"}).match({"a": "__import__('os')"})
