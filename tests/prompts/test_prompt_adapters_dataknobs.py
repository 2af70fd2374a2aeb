"""Databases of dataknobs-data as data sources: its real memory and SQLite databases, where the package is installed."""

from __future__ import annotations

import asyncio

import pytest
from adapters_help import AwaitedAdapter, contents

from dknb.errors import ConfigError, RAGError
from dknb.prompts import (
    AsyncDataknobsBackendAdapter,
    AsyncPromptBuilder,
    ConfigPromptLibrary,
    DataknobsBackendAdapter,
    PromptBuilder,
)

data = pytest.importorskip("dataknobs_data", reason='dataknobs-data is not installed (pip install "dknb[dataknobs]")')

RECORDS = {
    "bees": {"content": "Bees fly (and dance).\nThey hum.", "lang": "en", "year": 2020, "info": {"page": 7}},
    "ants": {"content": "Ants dig 100% of the day.", "lang": "en", "year": 2022},
    "v1.2": {"content": "Bienen fliegen.", "lang": "de", "year": 2024, "note": None},
    "none": {"content": None, "lang": "en", "year": 2026},
}


def _filled(database):
    for name, values in RECORDS.items():
        database.upsert(name, data.Record(dict(values), metadata={"source": f"{name}.txt"}))
    return database


async def _filled_later(database):
    await database.connect()
    for name, values in RECORDS.items():
        await database.upsert(name, data.Record(dict(values), metadata={"source": f"{name}.txt"}))
    return database


@pytest.fixture(params=["memory", "sqlite"])
def database(request, tmp_path):
    """A sync database with records."""
    from dataknobs_data.backends.memory import SyncMemoryDatabase
    from dataknobs_data.backends.sqlite import SyncSQLiteDatabase

    made = SyncMemoryDatabase() if request.param == "memory" else SyncSQLiteDatabase({"path": f"{tmp_path}/docs.db"})
    made.connect()
    yield _filled(made)
    made.close()


@pytest.fixture(params=[DataknobsBackendAdapter, AsyncDataknobsBackendAdapter], ids=["sync", "async"])
def make(request):
    def made(*args, **kwargs):
        adapter = request.param(*args, **kwargs)
        return AwaitedAdapter(adapter) if adapter.is_async() else adapter

    return made


def test_records_are_searched_by_words(make, database):
    """The other fields, the record's own metadata and its id come along."""
    results = make(database).search("dance hum")
    assert results == [
        {
            "content": "Bees fly (and dance).\nThey hum.",
            "score": results[0]["score"],
            "metadata": {
                "lang": "en",
                "year": 2020,
                "info": {"page": 7},
                "source": "bees.txt",
                "record_id": "bees",
            },
        }
    ]
    assert 0 < results[0]["score"] < 1


@pytest.mark.parametrize("query", ["fly (and dance).\nThey", "100% of", "Bienen fliegen."])
def test_a_query_is_no_pattern(make, database, query):
    """Parentheses, percent signs and line ends are looked for as they are."""
    assert query in contents(make(database).search(query, 1))[0]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"lang": "de"}, ["v1.2"]),
        ({"year": {"lt": 2024}}, ["bees", "ants"]),
        ({"info.page": 7}, ["bees"]),
        ({"source": ["ants.txt", "v1.2.txt"]}, ["ants", "v1.2"]),
        ({"record_id": "ants"}, ["ants"]),
    ],
)
def test_filters_are_about_fields_and_metadata(make, database, filters, ids):
    """All of a record can be filtered by."""
    found = make(database).search("", 9, filters)
    assert sorted(each["metadata"]["record_id"] for each in found) == sorted(ids)


def test_a_filter_that_cannot_be_honoured_is_refused(make, database):
    """With the nearest name."""
    with pytest.raises(ConfigError, match=r"'langs': there is no such field. Did you mean 'lang'"):
        make(database).search("", 9, {"langs": "de"})
    with pytest.raises(ConfigError, match="k is 0"):
        make(database).search("", 0)


def test_values_are_records_and_their_fields(make, database):
    """An id gives the record as a dict, `id.field` one of its values; ids may contain dots."""
    adapter = make(database)
    assert adapter.get_value("ants")["year"] == 2022
    assert adapter.get_value("ants.year") == 2022
    assert adapter.get_value("bees.info.page") == 7
    assert adapter.get_value("v1.2")["lang"] == "de"
    assert [adapter.get_value(key, "default") for key in ("wasps", "ants.wings", "wasps.year")] == ["default"] * 3


def test_another_field_can_be_the_text(make, database):
    """And the mapping in one can be spread into the metadata."""
    adapter = make(database, text_field="lang", metadata_field="info")
    assert adapter.search("en", 1, {"page": 7})[0]["metadata"]["page"] == 7
    assert contents(adapter.search("de")) == ["de"]


def test_a_database_that_fails_is_no_empty_list(make, database):
    """Neither in a search nor for a value; the cause is in the message."""
    database.read = database.search = lambda _: 1 / 0
    adapter = make(database, name="notes")
    for work in (lambda: adapter.search("x"), lambda: adapter.get_value("x")):
        with pytest.raises(RAGError, match="notes: ZeroDivisionError") as raised:
            work()
        assert raised.value.adapter_name == "notes"


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_an_async_database_is_awaited(kind, tmp_path):
    """On the loop that the adapter is awaited on."""
    pytest.importorskip("aiosqlite", reason="the driver aiosqlite is not installed")
    from dataknobs_data.backends.memory import AsyncMemoryDatabase
    from dataknobs_data.backends.sqlite_async import AsyncSQLiteDatabase

    made = AsyncMemoryDatabase() if kind == "memory" else AsyncSQLiteDatabase({"path": f"{tmp_path}/docs.db"})
    database = await _filled_later(made)
    adapter = AsyncDataknobsBackendAdapter(database)
    assert contents(await adapter.search("dig", filters={"lang": "en"})) == ["Ants dig 100% of the day."]
    assert await adapter.batch_get_values(["ants.year", "x"]) == {"ants.year": 2022, "x": None}
    plain = await asyncio.to_thread(DataknobsBackendAdapter(database).search, "dig")
    assert contents(plain) == ["Ants dig 100% of the day."]
    await database.close()


PROMPT = {
    "template": "{{RAG_CONTENT}} {{ants}}",
    "rag_configs": [{"adapter_name": "docs", "query": "{{what}}", "k": 1, "filters": {"lang": "en"}}],
}


@pytest.mark.parametrize("builder", [PromptBuilder, AsyncPromptBuilder])
def test_builders_draw_on_a_database(builder, database):
    """Retrieved text and values, from both kinds of builders."""
    adapter = DataknobsBackendAdapter(database) if builder is PromptBuilder else AsyncDataknobsBackendAdapter(database)
    library = ConfigPromptLibrary({"user": {"p": PROMPT}})
    result = builder(library, adapters={"docs": adapter}).render_user_prompt("p", params={"what": "dig"})
    content = (asyncio.run(result) if asyncio.iscoroutine(result) else result).content
    assert content.startswith("Ants dig 100% of the day. {")
