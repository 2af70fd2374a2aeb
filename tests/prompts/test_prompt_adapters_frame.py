"""A DataFrame as a data source."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest
from adapters_help import both, contents

from dknb.errors import ConfigError
from dknb.prompts import AsyncDataFrameAdapter, DataFrameAdapter


@pytest.fixture(**both(DataFrameAdapter, AsyncDataFrameAdapter))
def make(request):
    return request.param


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "title": ["Bees", "Ants", "Wasps", None],
            "text": ["They fly and dance.", "They dig.", "They fly too.", None],
            "year": [2020, 2022, 2024, 2026],
            "rating": [4.5, None, 3.0, 1.0],
            "when": pd.to_datetime(["2020-01-01", "2022-01-01", None, "2026-01-01"]),
        },
        index=["r0", "r1", "r2", "r3"],
    )


def test_a_search_ranks_rows_by_words(make, frame):
    """The content is the column's text; the other columns and the row's label are metadata, as plain Python values."""
    results = make(frame, "text").search("dig")
    assert results == [
        {
            "content": "They dig.",
            "score": results[0]["score"],
            "metadata": {
                "title": "Ants",
                "year": 2022,
                "rating": None,
                "when": pd.Timestamp("2022-01-01"),
                "row": "r1",
            },
        }
    ]
    assert type(results[0]["metadata"]["year"]) is int
    assert contents(make(frame, "text").search("fly")) == ["They fly too.", "They fly and dance."]


def test_every_column_of_text_is_searched_if_none_is_named(make, frame):
    """Each is a line of the content, missing values left out."""
    adapter = make(frame)
    assert contents(adapter.search("wasps")) == ["title: Wasps\ntext: They fly too."]
    assert contents(adapter.search("dig")) == ["title: Ants\ntext: They dig."]
    assert set(adapter.search("dig")[0]["metadata"]) == {"year", "rating", "when", "row"}


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({"year": {"gte": 2021}}, "r1 r2"),
        ({"year": 2020}, "r0"),
        ({"title": ["Bees", "Wasps"]}, "r0 r2"),
        ({"rating": None}, "r1"),
        ({"rating": {"gt": 3}}, "r0"),
        ({"when": {"lt": pd.Timestamp("2021-01-01")}}, "r0"),
        ({"year": {"gt": 2020}, "title": "Wasps"}, "r2"),
    ],
)
def test_filters_are_about_columns(make, frame, filters, rows):
    """Equality, lists and ranges, missing values as None."""
    found = make(frame, "text").search("they", 9, filters)
    assert sorted(result["metadata"]["row"] for result in found) == rows.split()


def test_a_column_that_is_not_there_is_refused(make, frame):
    """In filters and when the adapter is made, with the nearest name."""
    with pytest.raises(ConfigError, match=r"'yaer': there is no such field. Did you mean 'year'"):
        make(frame, "text").search("they", filters={"yaer": 2020})
    for column in ("txt", ["title", "txt"]):
        with pytest.raises(ConfigError, match=r"no column 'txt'. Did you mean 'text'"):
            make(frame, column)
    with pytest.raises(ConfigError, match="no column 'name'"):
        make(frame, "text", key="name")
    with pytest.raises(ConfigError, match="cannot be compared"):
        make(frame, "text").search("they", filters={"when": {"lt": "2021"}})


@pytest.mark.parametrize(
    ("key", "value"),
    [("r0.year", 2020), ("r1.rating", None), ("r9", "default"), ("r0.nothing", "default"), ("year", "default")],
)
def test_values_are_looked_up_by_row_and_column(make, frame, key, value):
    """`label.column` is a cell."""
    assert make(frame, "text").get_value(key, "default") == value


def test_rows_are_looked_up_by_a_column_too(make, frame):
    """`key=` names the column; the row is a dict, and a key may contain dots itself."""
    frame.loc["r2", "title"] = "v1.2"
    adapter = make(frame, "text", key="title")
    assert adapter.get_value("Ants") == {
        "title": "Ants",
        "text": "They dig.",
        "year": 2022,
        "rating": None,
        "when": pd.Timestamp("2022-01-01"),
    }
    assert adapter.get_value("v1.2.year") == 2024
    assert adapter.get_value("None", "default") == "default"


def test_a_frame_is_read_as_it_is_now(make, frame):
    """A row that is added later is found."""
    adapter = make(frame, "text")
    frame.loc["r4"] = ["Moths", "They glow.", 2026, None, None]
    assert contents(adapter.search("glow")) == ["They glow."]


def test_a_blank_query_lists_rows_that_match(make, frame):
    """With a filter alone one gets rows in their order, without those that have no text."""
    assert contents(make(frame, "text").search("", 9, {"year": {"gte": 2022}})) == ["They dig.", "They fly too."]


def test_other_frames(make):
    """An empty one finds nothing; numbers as column names work; one without text, or with a name twice, is refused."""
    assert make(pd.DataFrame({"a": pd.Series([], dtype=str)}), "a").search("x") == []
    assert make(pd.DataFrame([["one", 1], ["two", 2]])).search("two", filters={"1": 2})[0]["metadata"] == {
        "1": 2,
        "row": 1,
    }
    with pytest.raises(ConfigError, match="no column of text"):
        make(pd.DataFrame({"a": [1]}))
    with pytest.raises(ConfigError, match="share a name"):
        make(pd.DataFrame([["a", "b"]], columns=["x", "x"]))
    with pytest.raises(ConfigError, match="takes a DataFrame, not 'dict'"):
        make({"a": ["b"]})


def test_pandas_is_not_loaded():
    """The adapters are there without pandas, numpy and SQLAlchemy until they are used."""
    program = (
        "import sys, dknb.prompts as p; [getattr(p, name) for name in p.__all__];"
        "print([name for name in ('pandas', 'numpy', 'sqlalchemy', 'dataknobs_data') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
