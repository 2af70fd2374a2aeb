"""Databases whose one connection others use at the same time, and what of an address may be shown."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest
from adapters_help import both, contents

from dknb.errors import ConfigError, MissingExtra, RAGError
from dknb.prompts import AsyncSQLAdapter, SQLAdapter

pytest.importorskip("sqlalchemy")
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import SingletonThreadPool, StaticPool

FIND = "select body as content from docs where body like '%' || :query || '%' limit :k"


@pytest.fixture(**both(SQLAdapter, AsyncSQLAdapter))
def make(request):
    return request.param


@pytest.fixture
def engine():
    """A database in memory that all threads share."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as connection:
        connection.execute(text("create table docs (body text, lang text)"))
        connection.execute(text("insert into docs values ('bees fly', 'en'), ('Bienen fliegen', 'de')"))
    yield engine
    engine.dispose()


def test_a_search_ends_nobody_elses_transaction(make, engine):
    """Neither does it keep anybody from writing: what was written before and after it is kept."""
    adapter = make(engine, FIND)
    with engine.begin() as connection:
        connection.execute(text("insert into docs values ('bees hum', 'en')"))
        assert contents(adapter.search("bees")) == ["bees fly", "bees hum"]
        connection.execute(text("insert into docs values ('bees dance', 'en')"))
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from docs")).scalar() == 4


def test_writers_beside_searchers(engine):
    """Each insert is there in the end, and no search fails."""
    adapter, problems = SQLAdapter(engine, FIND), []

    def search():
        try:
            for _ in range(100):
                assert "bees fly" in contents(adapter.search("bees"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to show it
            problems.append(error)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        with engine.begin() as connection:
            connection.execute(text("insert into docs values ('ants', 'en')"))
    for thread in threads:
        thread.join()
    assert problems == []
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from docs")).scalar() == 102


@pytest.mark.parametrize("statement", ["delete from docs", "insert into docs values ('x', 'y')"])
def test_a_statement_that_writes_is_refused_before_it_runs(make, engine, statement):
    """The database itself says that it would."""
    adapter = make(engine, f"with q as (select :query) {statement} returning body as content")
    with pytest.raises(RAGError, match="the statement writes"):
        adapter.search("q")
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from docs")).scalar() == 2


def test_parameters_lists_and_values_on_a_shared_connection(make, engine):
    """They are bound as on any other; an error of the database is ours."""
    listed = make(
        engine, "select body as content from docs where lang in :lang order by 1", value_statement="select :key"
    )
    assert contents(listed.search("q", filters={"lang": ["de", "x'; --"]})) == ["Bienen fliegen"]
    assert contents(listed.search("q", filters={"lang": "en"})) == ["bees fly"]
    assert listed.search("q", filters={"lang": []}) == []
    assert listed.get_value("'") == "'"
    with pytest.raises(RAGError, match="no such table"):
        make(engine, "select * from nope").search("q")


def test_a_database_in_memory_for_each_thread(engine):
    """The thread that made it searches, also within a transaction of its own."""
    own = create_engine("sqlite://", poolclass=SingletonThreadPool)
    adapter = SQLAdapter(own, "select body as content from docs")
    with own.begin() as connection:
        connection.execute(text("create table docs (body text)"))
        connection.execute(text("insert into docs values ('a')"))
        assert contents(adapter.search("q")) == ["a"]
        connection.execute(text("insert into docs values ('b')"))
    assert contents(adapter.search("q")) == ["a", "b"]
    own.dispose()


async def test_an_async_database_in_memory():
    """Its one connection is read in the same way, whoever used it first."""
    pytest.importorskip("aiosqlite")
    engine = create_async_engine("sqlite+aiosqlite://")
    assert isinstance(engine.pool, StaticPool)
    adapter = AsyncSQLAdapter(engine, "select body as content from docs where body in :query")
    with pytest.raises(RAGError, match="no such table"):
        await adapter.search("bees")
    async with engine.begin() as connection:
        await connection.execute(text("create table docs (body text)"))
        await connection.execute(text("insert into docs values ('bees')"))
        assert contents(await adapter.search("bees")) == ["bees"]
        await connection.execute(text("insert into docs values ('ants')"))
    assert contents(await adapter.search("ants")) == ["ants"]
    await engine.dispose()


@pytest.mark.parametrize("statement", ["select x'00ff' as content", "select x'6162' as content"])
def test_bytes_are_no_text(make, statement):
    """They are not written down as Python writes them."""
    with pytest.raises(RAGError, match=r"column 'content' holds .* \(bytes\), which is no text") as raised:
        make("sqlite://", statement).search("q")
    assert raised.value.hint == "Select cast(... as text)"


def test_a_score_is_a_number(make):
    """The error names the column and what is in it."""
    with pytest.raises(RAGError, match=r"column 'score' holds 'x' \(str\), which is no number"):
        make("sqlite://", "select 'a' as content, 'x' as score").search("q")
    assert make("sqlite://", "select 'a' as content, null as score").search("q")[0]["score"] == 0.0


SECRETS = ["pw-one", "pw/two", "pw three"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://ada:pw-one@127.0.0.1:1/docs?connect_timeout=2&sslpassword=pw%2Ftwo",
        "postgresql+psycopg:///docs?host=127.0.0.1&port=1&user=ada&connect_timeout=2&password=pw+three",
        "postgresql+psycopg://127.0.0.1:1/docs?connect_timeout=2&no_such_option=pw-one",
    ],
)
def test_no_part_of_an_address_that_may_be_secret_is_shown(make, url):
    """Kind, host and database say which one it is."""
    pytest.importorskip("psycopg")
    with pytest.raises(RAGError) as raised:
        make(url, "select 1 as content").search("q")
    shown = f"{raised.value} {raised.value.hint}"
    assert shown.startswith("sql (postgresql+psycopg://")
    assert not any(secret in shown for secret in [*SECRETS, "pw%2Ftwo", "pw+three"])


def test_a_missing_drivers_package_is_named():
    """Which may have another name than the module."""
    try:
        import MySQLdb  # noqa: F401 - it is looked for
    except ImportError:
        with pytest.raises(MissingExtra) as raised:
            SQLAdapter("mysql://ada:pw-one@127.0.0.1:1/docs", "select 1 as content")
        assert raised.value.hint == "Install it with:  pip install mysqlclient"
    else:
        pytest.skip("MySQLdb is installed")


def test_a_database_is_not_pickled_or_copied(engine):
    """What cannot work in another process says so here."""
    for made in (SQLAdapter(engine, FIND), AsyncSQLAdapter("sqlite://", FIND)):
        for attempt in (pickle.dumps, copy.deepcopy):
            with pytest.raises(ConfigError, match="cannot be pickled or copied"):
                attempt(made)
