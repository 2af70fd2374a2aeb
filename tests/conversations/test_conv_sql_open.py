"""Addresses, media that may not be written, and what goes on beside a turn."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from conversations_help import loaded, stored, texts, user

from dknb.conversations import Query, SQLConversationStorage, Step
from dknb.conversations.sql.sqlite import SqliteDatabase
from dknb.errors import ConfigError, StorageError

STORES = Path(__file__).parents[1] / "fixtures" / "stores"


@pytest.mark.parametrize(
    "address",
    [
        "sqlite://u:SECRET@h/db",
        "postgresql://u:SECRET@SECRET@127.0.0.1/db",
        "postgresql://u:SECRET/SECRET@127.0.0.1/db",
        "postgresql://u:SECRET?SECRET@127.0.0.1/db",
        "postgresql://u:SECRET:SECRET@127.0.0.1:x/db",
        "mysql://u:SECRET@h/db",
        "SECRET@x://h",
    ],
)
def test_a_password_is_never_shown(address: str) -> None:
    """Neither by a store nor by what refuses the address for having it unescaped."""
    try:
        shown = repr(SQLConversationStorage(address))
    except ConfigError as error:
        shown = f"{error} {error.hint}"
    assert shown
    assert "SECRET" not in shown


async def test_a_store_is_pickled_by_its_address(tmp_path: Path) -> None:
    """And its password is not in what it says of itself."""
    storage = SQLConversationStorage(tmp_path / "store.db")
    await stored(storage)
    twin = pickle.loads(pickle.dumps(storage))
    assert texts((await loaded(twin)).message_tree) == {"user: m0": {"assistant: m1": {}}}
    assert twin.session != storage.session
    for each in (storage, twin):
        await each.close()
    far = pickle.loads(pickle.dumps(SQLConversationStorage("postgresql://u:SECRET@h/db", answer_s=5)))
    assert repr(far) == "SQLConversationStorage('postgresql://h/db')"


@pytest.fixture
def medium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that may not be written (for root, too, as far as SQLite is asked)."""
    folder = tmp_path / "medium"
    folder.mkdir()

    def access(path: str | Path, mode: int) -> bool:
        return not (mode == os.W_OK and Path(path).is_relative_to(folder))

    monkeypatch.setattr("dknb.conversations.sql.sqlite.os.access", access)
    return folder


async def test_a_store_that_may_not_be_written_is_read(tmp_path: Path, medium: Path) -> None:
    """List, load, search and check; a write is refused and leaves nothing beside it."""
    async with SQLConversationStorage(tmp_path / "store.db") as storage:
        await stored(storage)
    shutil.copy(tmp_path / "store.db", medium / "store.db")
    async with SQLConversationStorage(medium / "store.db") as storage:
        state = await loaded(storage)
        assert [hit.seq for hit in await storage.search(Query("m1"))] == [2]
        assert await storage.check() == []
        with pytest.raises(StorageError, match="may not be written"):
            await storage.append(state, Step(state.current, [user("x")], "main"))
    assert beside(medium) == ["store.db"]


def beside(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_an_old_store_that_may_not_be_written_says_what_to_do(medium: Path) -> None:
    """It would have to be brought up to date."""
    with closing(sqlite3.connect(medium / "store.db")) as raw:
        raw.executescript((STORES / "v1.0.0.sql").read_text(encoding="utf-8"))
    async with SQLConversationStorage(medium / "store.db") as storage:
        with pytest.raises(StorageError, match=r"older dknb \(version 1\.0\.0\)") as caught:
            await storage.list_conversations()
    assert "Copy it" in str(caught.value.hint)


def test_the_medium_is_asked_each_time(tmp_path: Path) -> None:
    """A file that is not there yet may be made."""
    database = SqliteDatabase(tmp_path / "store.db")
    assert not database.read_only


async def test_a_turn_does_not_wait_for_a_long_look(sqlite: SQLConversationStorage) -> None:
    """What may take long has a connection of its own: here it takes for ever until the turn is over."""
    state = await stored(sqlite)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look() -> int:
        with sqlite.rows(write=False) as rows:
            assert rows is not None
            before = len(list(rows.nodes("c", 0, None)))
            asyncio.run_coroutine_threadsafe(over.wait(), loop).result(30)
            return before

    looking = asyncio.create_task(sqlite.work(look))
    await asyncio.sleep(0.05)
    await sqlite.append(state, Step(state.current, [user("x")], "main"))
    over.set()
    assert await looking == 3


async def test_a_check_keeps_nobody_from_writing(
    sqlite: SQLConversationStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process writes while it looks, without waiting for it."""
    state = await stored(sqlite)
    assert sqlite.path is not None
    path, done = sqlite.path, []

    def write(*_: object) -> list[str]:
        with closing(sqlite3.connect(path, timeout=0.1)) as raw:
            raw.execute("UPDATE conversations SET updated_at = updated_at")
            raw.commit()
        done.append(time.time())
        return []

    monkeypatch.setattr("dknb.conversations.sql.upkeep._lost_heads", write)
    assert await sqlite.check() == []
    assert len(done) == 1
    await sqlite.append(state, Step(state.current, [user("x")], "main"))


async def test_an_error_of_the_caller_is_not_the_stores(sqlite: SQLConversationStorage) -> None:
    """A full disk under the file that is exported to says nothing about the store."""
    await stored(sqlite)

    def fail() -> None:
        with sqlite.rows(write=False):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await sqlite.work(fail)
