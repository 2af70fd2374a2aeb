"""PostgreSQL as a data source, where there are binaries of a server."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path

import pytest
from adapters_help import both, contents

from dknb.errors import RAGError
from dknb.prompts import AsyncSQLAdapter, SQLAdapter

pytest.importorskip("psycopg", reason="the driver psycopg is not installed")

FIND = """
    select body as content, ts_rank(to_tsvector(body), plainto_tsquery(:query)) as score, lang from docs
    where to_tsvector(body) @@ plainto_tsquery(:query) and lang in :lang order by score desc limit :k
"""


@pytest.fixture(scope="module")
def server():
    """A server with some documents."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "conversations"))
        found = importlib.import_module("postgres_help")
    try:
        with found.running_server() as running:
            with running.connection() as connection:
                connection.execute("create table docs (body text, lang text)")
                connection.execute("insert into docs values ('bees fly', 'en'), ('flies fly', 'de'), ('ants', 'en')")
            yield running
    except found.NoServer as error:
        pytest.skip(str(error))


@pytest.fixture
def url(server):
    return server.url().replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(**both(SQLAdapter, AsyncSQLAdapter))
def make(request):
    return request.param


def test_full_text_search_is_a_statement(make, url):
    """Ranked by the database, with a list as a filter."""
    results = make(url, FIND).search("fly", 5, {"lang": ["en"]})
    assert contents(results) == ["bees fly"]
    assert results[0]["metadata"] == {"lang": "en"}
    assert 0 < results[0]["score"] < 1
    assert make(url, FIND).search("'); drop table docs; --", 5, {"lang": ["en", "de"]}) == []


@pytest.mark.parametrize(
    "statement",
    [
        "with x as (delete from docs returning body) select body as content from x",
        "with x as (select 1) delete from docs",
    ],
)
def test_a_statement_that_writes_after_all_cannot(make, url, server, statement):
    """The transaction is read-only."""
    with pytest.raises(RAGError, match="in a read-only transaction"):
        make(url, statement).search("q")
    with server.connection() as connection:
        assert connection.execute("select count(*) from docs").fetchone() == (3,)


def test_a_refused_login_shows_no_password(make, server):
    """Neither the right one nor the wrong one."""
    url = server.url(password="wrong-secret").replace("postgresql://", "postgresql+psycopg://")
    with pytest.raises(RAGError, match="authentication failed") as raised:
        make(url, FIND).search("fly", filters={"lang": ["en"]})
    assert "wrong-secret" not in str(raised.value)
    assert raised.value.__cause__ is None


RUNNING = """
    select count(*) from pg_stat_activity
    where state = 'active' and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()
"""


async def _running(connection, wanted):
    """How many of the long searches run, once it is so many, or after ten seconds."""
    for _ in range(500):
        (count,) = connection.execute(RUNNING).fetchone()
        if count == wanted:
            break
        await asyncio.sleep(0.02)
    return count


async def test_a_search_that_is_cancelled_stops_in_the_database(url, server):
    """The server does not go on with it."""
    search = asyncio.create_task(AsyncSQLAdapter(url, "select 'x' as content, pg_sleep(60)").search("q"))
    with server.connection() as connection:
        assert await _running(connection, 1) == 1
        search.cancel()
        await asyncio.wait([search])
        assert await _running(connection, 0) == 0
    assert search.cancelled()


async def test_psycopg_is_awaited_too(url):
    """The same driver, in an engine that is awaited."""
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url)
    found = await AsyncSQLAdapter(engine, FIND).search("fly", filters={"lang": ["de"]})
    await engine.dispose()
    assert contents(found) == ["flies fly"]
