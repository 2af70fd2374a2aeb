"""A database as a data source."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import PurePosixPath

import pytest
from adapters_help import both, contents
from sqlalchemy import create_engine, text

from dknb.errors import ConfigError, MissingExtra, RAGError
from dknb.prompts import AsyncSQLAdapter, SQLAdapter

FIND = """
    select body as content, 1.0 / (1 + length(body)) as score, lang, id from docs
    where instr(body, :query) and (:lang is null or lang = :lang) order by id limit :k
"""
ANY = "select body as content, lang from docs where lang in :langs order by id"
NASTY = [
    "'; drop table docs; --",
    "' or '1'='1",
    ":lang",
    "%s",
    "{0}",
    "\\",
    '"',
    "x' union select 'y' --",
    "\x00",
    "é東🐝",
]


@pytest.fixture(**both(SQLAdapter, AsyncSQLAdapter))
def make(request):
    return request.param


@pytest.fixture
def url(tmp_path):
    """A database with some documents."""
    address = f"sqlite:///{tmp_path}/docs.db"
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("create table docs (id integer, body text, lang text)"))
        rows = [
            ("bees fly", "en"),
            ("Bienen fly", "de"),
            ("ants dig", "en"),
            (None, "en"),
            *((body, "x") for body in NASTY),
        ]
        for number, (body, lang) in enumerate(rows):
            connection.execute(
                text("insert into docs values (:id, :body, :lang)"), {"id": number, "body": body, "lang": lang}
            )
    engine.dispose()
    return address


def test_rows_are_results(make, url):
    """`content` and `score` are what they are called, other columns are metadata, and the order is the statement's."""
    adapter = make(url, FIND, parameters={"lang": None})
    assert adapter.search("fly", 1) == [{"content": "bees fly", "score": 1 / 9, "metadata": {"lang": "en", "id": 0}}]
    assert contents(adapter.search("fly")) == ["bees fly", "Bienen fly"]
    assert contents(adapter.search("fly", filters={"lang": "de"})) == ["Bienen fly"]
    assert contents(adapter.search("fly", min_score=0.1)) == ["bees fly"]


def test_a_list_is_for_in(make, url):
    """Of any length, none included; and there are no more rows than were asked for, NULL left out."""
    adapter = make(url, ANY)
    assert contents(adapter.search("q", 9, {"langs": ["de", "en"]})) == ["bees fly", "Bienen fly", "ants dig"]
    assert contents(adapter.search("q", 2, {"langs": ("en",)})) == ["bees fly", "ants dig"]
    assert adapter.search("q", 9, {"langs": []}) == []


def test_columns_can_have_other_names(make, url):
    """Without a score each row has 1.0."""
    adapter = make(url, "select id as s, body from docs where instr(body, :query)", content="body", score="s")
    assert adapter.search("dig") == [{"content": "ants dig", "score": 2.0, "metadata": {}}]
    adapter = make(url, "select body from docs where instr(body, :query)")
    with pytest.raises(RAGError, match="no column 'content', only body"):
        adapter.search("dig")


@pytest.mark.parametrize("nasty", NASTY)
def test_what_is_searched_for_is_data(make, url, nasty):
    """Quotes, semicolons, placeholders and everything else are compared, and nothing of it is executed."""
    adapter = make(url, FIND, parameters={"lang": None})
    assert nasty in contents(adapter.search(nasty, 20))
    assert adapter.search("fly", filters={"lang": nasty}) == []
    assert contents(adapter.search("ants")) == ["ants dig"]
    adapter = make(url, ANY, value_statement="select id from docs where body = :key")
    assert adapter.search("q", filters={"langs": [nasty]}) == []
    assert adapter.get_value(nasty) == 4 + NASTY.index(nasty)


def test_a_filter_without_a_parameter_is_refused(make, url):
    """And a parameter without a value, and a comparison that SQL does not get."""
    adapter = make(url, FIND)
    for filters, message in (
        ({"lng": "en"}, "'lng': the statement has no parameter :lng. Did you mean 'lang'"),
        ({"lang": "en", "k": 3}, "'k': the statement has no parameter :k"),
        ({"query": "x"}, "'query': the statement has no parameter :query"),
        (None, "has the parameter 'lang', which has no value"),
        ({"lang": {"ne": "en"}}, "'lang' is .*: SQL filters are values or lists"),
    ):
        with pytest.raises(ConfigError, match=message):
            adapter.search("fly", filters=filters)
    with pytest.raises(ConfigError, match=r"Parameter 'lng': the statement has no parameter :lng. Did you mean 'lang'"):
        make(url, FIND, parameters={"lng": 1})


def test_values_have_a_statement_of_their_own(make, url):
    """With the key and what else is known; one column is the value, several are a dict."""
    find = "select body as content from docs where :query is not null"
    one = make(url, find, value_statement="select body from docs where lang = :key order by id")
    assert one.get_value("de") == "Bienen fly"
    assert one.get_value("fr", "default") == "default"
    both_columns = make(url, find, value_statement="select id, body from docs where id = :id and :key = 'doc'")
    assert both_columns.get_value("doc", context={"id": 2, "more": 3}) == {"id": 2, "body": "ants dig"}
    assert both_columns.get_value("doc", "default") == "default"
    assert make(url, find).get_value("de", "default") == "default"


@pytest.mark.parametrize(
    "statement",
    [
        "delete from docs",
        "select 1; delete from docs",
        "  /* select */ drop table docs",
        "-- select\nupdate docs set body = :query",
        "pragma writable_schema = on",
        "attach 'x' as y",
        "",
        "selects",
        "'select'",
    ],
)
def test_only_one_statement_that_reads_is_taken(make, url, statement):
    """Anything else is refused when the adapter is made."""
    with pytest.raises(ConfigError, match=r"does not read|several statements"):
        make(url, statement)
    with pytest.raises(ConfigError, match=r"does not read|several statements"):
        make(url, ANY, value_statement=statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'a;b' AS content;",
        "-- all\n(select 'a;b' as content)",
        "with x as (select 'a;b' as content) select * from x",
    ],
)
def test_statements_that_read_are_taken(make, url, statement):
    """Semicolons in quotes, comments and parentheses are no matter."""
    if not statement.startswith("-- all"):  # SQLite has no parentheses around a statement
        assert contents(make(url, statement).search("q")) == ["a;b"]
    else:
        make(url, statement)


def test_a_statement_that_writes_after_all_cannot(make, url):
    """The connection is read-only while it runs, and can be written to afterwards."""
    engine = create_engine(url)
    adapter = make(engine, "with x as (select 1) delete from docs where :query is not null")
    with pytest.raises(RAGError, match="readonly"):
        adapter.search("q")
    with engine.begin() as connection:
        assert connection.execute(text("delete from docs where id = 0")).rowcount == 1
    engine.dispose()


def test_a_failing_database_is_an_error_without_the_password(make):
    """It names the adapter and the address; the password is in neither message nor traceback."""
    url = "postgresql+psycopg://ada:se%2Fcret@127.0.0.1:1/docs?connect_timeout=2"
    adapter = make(url, "select :query as content", name="docs")
    with pytest.raises(RAGError) as raised:
        adapter.search("q")
    assert str(raised.value).startswith("docs (postgresql+psycopg://127.0.0.1:1/docs): ")
    assert raised.value.__cause__ is None
    for shown in (str(raised.value), repr(adapter)):
        assert "se/cret" not in shown
        assert "se%2Fcret" not in shown


@pytest.mark.parametrize(
    "url", ["ada:secret@host", "postgresql://ada:secret@host:port/x", 3, "nosuch://ada:secret@host/x"]
)
def test_an_address_that_does_not_parse_is_refused_without_showing_it(make, url):
    """It may hold a password anywhere."""
    with pytest.raises(ConfigError) as raised:
        make(url, "select 1 as content")
    assert "secret" not in f"{raised.value} {raised.value.hint}"


def test_a_missing_driver_says_what_to_install(make):
    """By the name of the package."""
    with pytest.raises(MissingExtra, match="driver 'oracledb' is not installed"):
        make("oracle+oracledb://ada:secret@host/x", "select 1 as content")


def test_a_wrong_statement_is_the_databases_error(make, url):
    """Shown without what was searched for."""
    with pytest.raises(RAGError, match="no such table: nowhere") as raised:
        make(url, "select * from nowhere where x = :query").search("private")
    assert "private" not in str(raised.value)


@pytest.mark.parametrize("value", ["half \ud800", 10**30])
def test_a_value_that_the_database_cannot_take_is_an_error_of_ours(make, url, value):
    """Half a character, or a number that is too large."""
    with pytest.raises(RAGError):
        make(url, "select 1 as content where 1 in :x").search("q", filters={"x": [value]})


def test_a_database_in_memory_is_the_callers_threads():
    """It is searched where it was made; from elsewhere the error says how to share it."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("create table docs (body text)"))
        connection.execute(text("insert into docs values ('here')"))
    adapter = SQLAdapter(engine, "select body as content from docs where :query = 'q'")
    assert contents(adapter.search("q")) == ["here"]
    raised = []

    def elsewhere():
        try:
            adapter.search("q")
        except RAGError as error:
            raised.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "StaticPool" in raised[0].hint
    engine.dispose()


async def test_a_search_that_is_cancelled_stops_in_the_database(url):
    """A statement without an end does not go on behind everybody's back."""
    endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) as content from n"
    adapter = AsyncSQLAdapter(url, endless)
    before = {thread.ident for thread in threading.enumerate()}
    search = asyncio.create_task(adapter.search("q"))
    await asyncio.sleep(0.2)
    busy = [thread for thread in threading.enumerate() if thread.ident not in before and thread.name == "dknb-work"]
    assert len(busy) == 1
    search.cancel()
    await asyncio.wait([search])
    await asyncio.to_thread(busy[0].join, 20)
    assert search.cancelled()
    assert not busy[0].is_alive()


async def test_many_searches_at_a_time(url):
    """Each gets its own answer."""
    adapter = AsyncSQLAdapter(url, "select :query as content")
    found = await asyncio.gather(*(adapter.search(str(n)) for n in range(30)))
    assert [contents(each) for each in found] == [[str(n)] for n in range(30)]


@pytest.fixture
def async_url(url):
    pytest.importorskip("aiosqlite", reason="the driver aiosqlite is not installed")
    return url.replace("sqlite://", "sqlite+aiosqlite://")


def test_an_async_driver_does_the_same(make, async_url):
    """Searches, values and errors."""
    adapter = make(
        async_url, FIND, parameters={"lang": None}, value_statement="select body from docs where lang = :key"
    )
    assert contents(adapter.search("fly", filters={"lang": "de"})) == ["Bienen fly"]
    assert adapter.get_value("de") == "Bienen fly"
    with pytest.raises(RAGError, match="no such table"):
        make(async_url, "select * from nowhere").search("q")
    with pytest.raises(RAGError, match="readonly"):
        make(async_url, "with x as (select 1) delete from docs").search("q")


# What is no address


@pytest.mark.parametrize(
    ("source", "problem", "hint"),
    [
        ("notes/x.db", "'notes/x.db' is a path", '"sqlite:///notes/x.db"'),
        (PurePosixPath("/a/x.sqlite3"), "is a path", '"sqlite:////a/x.sqlite3"'),
        (3, "by its URL or an engine of SQLAlchemy, not by a builtins.int", "sqlite:///notes.db"),
        ("host=x password=hunter2", "URL does not parse", "sqlite:///notes.db"),
    ],
)
def test_what_is_no_address_is_told_apart(make, source, problem, hint):
    """A path gets its URL; what may hold a password is not shown."""
    with pytest.raises(ConfigError, match=problem) as caught:
        make(source, "select 1 as content")
    assert hint in caught.value.hint
    assert "hunter2" not in str(caught.value) + caught.value.hint


def test_a_connection_is_no_url(make):
    """The message says so, and how a database in memory is given."""
    with closing(sqlite3.connect(":memory:")) as connection:
        with pytest.raises(ConfigError, match=r"A connection \(sqlite3.Connection\) is no URL") as caught:
            make(connection, "select 1 as content")
        assert "StaticPool" in caught.value.hint


def test_a_sync_driver_needs_nothing_of_the_async_ones():
    """Where greenlet is missing, an ordinary database is searched, and an async one says what to install."""
    code = (
        "import sys; sys.modules['greenlet'] = None\n"
        "from dknb.errors import MissingExtra\n"
        "from dknb.prompts import SQLAdapter\n"
        "print(SQLAdapter('sqlite://', 'select :query as content').search('bees')[0]['content'])\n"
        "try: SQLAdapter('sqlite+aiosqlite://', 'select :query as content').search('bees')\n"
        "except MissingExtra as error: print(error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ('bees\nInstall it with:  pip install "sqlalchemy[asyncio]"\n', "")
