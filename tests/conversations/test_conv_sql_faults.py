"""The SQLite store when something is wrong: what is said, and that nothing is lost."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from conversations_help import stored, texts, user

from dknb.conversations import (
    SQLConversationStorage,
    Step,
)
from dknb.conversations.sql import database as sql_module
from dknb.conversations.sql.line import StoreLine
from dknb.errors import ConversationNotFound, SchemaVersionError, StorageError


async def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    """The error names the store and says what is needed."""
    (tmp_path / ".dknb").write_text("I am a file")
    async with SQLConversationStorage(tmp_path / ".dknb" / "store.db") as storage:
        with pytest.raises(StorageError, match="cannot be opened") as caught:
            await stored(storage)
    assert "store.db" in str(caught.value)
    assert "folder" in caught.value.hint
    assert (tmp_path / ".dknb").read_text() == "I am a file"


async def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    """Reading and writing both say so."""
    async with SQLConversationStorage(tmp_path) as storage:
        with pytest.raises(StorageError, match="cannot be opened"):
            await storage.load_conversation("c")
        with pytest.raises(StorageError, match="cannot be opened"):
            await stored(storage)


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """It is reported, and left as it is."""
    path = tmp_path / "store.db"
    path.write_bytes(b"this is not a database, but somebody's notes " * 100)
    before = path.read_bytes()
    async with SQLConversationStorage(path) as storage:
        for action in (storage.list_conversations, storage.list_calls):
            with pytest.raises(StorageError, match="damaged, or is no SQLite database"):
                await action()
        with pytest.raises(StorageError, match="damaged"):
            await stored(storage)
    assert path.read_bytes() == before


async def test_a_damaged_file(tmp_path: Path) -> None:
    """Damage in the middle of a store is an error with what to do, not a shorter conversation."""
    path = tmp_path / "store.db"
    async with SQLConversationStorage(path) as storage:
        await stored(storage, length=3000)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 4)
        file.write(os.urandom(size // 2))
    async with SQLConversationStorage(path) as storage:
        with pytest.raises(StorageError, match="damaged") as caught:
            await storage.load_conversation("c")
    assert "recover" in caught.value.hint


async def test_the_database_of_another_program(tmp_path: Path) -> None:
    """It is refused, and nothing in it is changed."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE cookies (name TEXT)")
    before = path.read_bytes()
    async with SQLConversationStorage(path) as storage:
        with pytest.raises(StorageError, match="not a store of dknb: it has the tables cookies"):
            await stored(storage)
    assert path.read_bytes() == before


async def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """A higher major version is not read; a higher minor one is."""
    path = tmp_path / "store.db"
    async with SQLConversationStorage(path) as storage:
        await stored(storage)
    for version, error in (("1.9.0", None), ("2.0.0", SchemaVersionError), ("what?", StorageError)):
        with closing(sqlite3.connect(path)) as raw, raw:
            raw.execute("UPDATE meta SET value = ?", (version,))
        async with SQLConversationStorage(path) as storage:
            if error is None:
                assert await storage.load_conversation("c") is not None
                continue
            with pytest.raises(error) as caught:
                await storage.load_conversation("c")
            assert caught.value.hint


async def test_a_full_disk_leaves_nothing_half_written(
    sqlite: SQLConversationStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says so; state and store are as before, and the next write works once there is room."""
    state = await stored(sqlite)
    limit_pages(monkeypatch, sqlite, 1)
    with pytest.raises(StorageError, match="the disk is full") as caught:
        await sqlite.append(state, Step(state.current, [user("x" * 500_000), user("y")], "main"))
    assert "Make room" in caught.value.hint
    assert (len(state.stored), state.current_node_id, state.current.children) == (3, "0.0", [])
    limit_pages(monkeypatch, sqlite, 1_000_000)
    await sqlite.append(state, Step(state.current, [user("z")], "main"))
    twin = await sqlite.load_conversation("c")
    assert twin is not None
    assert texts(twin.message_tree) == texts(state.message_tree) == {"user: m0": {"assistant: m1": {"user: z": {}}}}


def limit_pages(patch: pytest.MonkeyPatch, storage: SQLConversationStorage, most: int) -> None:
    """Let the store's file grow to so many pages, or stay as it is: what a full disk is to SQLite."""

    def limited(*, make: bool):
        engine = StoreLine.open(storage._turns, make=make)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")
        return engine

    patch.setattr(storage._turns, "open", limited)


async def test_a_store_that_another_process_holds(
    sqlite: SQLConversationStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting ends with an error that says so; nothing is written, and reading goes on all the while."""
    monkeypatch.setattr(sql_module, "BUSY_MS", 100)
    state = await stored(sqlite)
    with closing(sqlite3.connect(sqlite.path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        async with SQLConversationStorage(sqlite.path) as other:
            assert await other.load_conversation("c") is not None
            with pytest.raises(StorageError, match="locked by another process"):
                await other.append(state, Step(state.current, [user("q")], "main"))
        holder.execute("ROLLBACK")
    assert state.current.children == []
    await sqlite.append(state, Step(state.current, [user("q")], "main"))


async def test_a_lock_does_not_block_the_loop(sqlite: SQLConversationStorage) -> None:
    """While a write waits for another process, the event loop runs on, and the write is done in the end."""
    state = await stored(sqlite)
    with closing(sqlite3.connect(sqlite.path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        write = asyncio.create_task(sqlite.append(state, Step(state.current, [user("q")], "main")))
        beats = 0
        while beats < 20:
            await asyncio.sleep(0.005)
            beats += 1
        assert not write.done()
        holder.execute("COMMIT")
    [hung] = await write
    assert hung.data.seq == 3


async def test_a_file_that_is_taken_away_is_noticed(sqlite: SQLConversationStorage) -> None:
    """Nothing is written into a file that nobody can find any more."""
    state = await stored(sqlite)
    assert sqlite.path is not None
    for each in sqlite.path.parent.glob("store.db*"):
        each.unlink()
    with pytest.raises(ConversationNotFound, match="'c'"):
        await sqlite.append(state, Step(state.current, [user("q")], "main"))
    await sqlite.save_conversation(state)
    twin = await sqlite.load_conversation("c")
    assert twin is not None
    assert texts(twin.message_tree) == texts(state.message_tree)


async def test_a_writing_transaction_holds_the_store_from_its_first_read(sqlite: SQLConversationStorage) -> None:
    """Read, then write: nobody may write between the two (with SQLite's default one of two such writers fails)."""
    await stored(sqlite)

    def write_between() -> None:
        with sqlite._transaction(write=True) as rows, closing(sqlite3.connect(sqlite.path, timeout=0)) as other:
            assert rows.head("c") is not None
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")

    await sqlite._run(write_between)
