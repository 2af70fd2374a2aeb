"""Stores of older versions are brought up to date; of those that are newer, and of what fails, is told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conversations_help import loaded, stored, texts, user
from postgres_help import Server
from sqlalchemy import Connection, text

from dknb.conversations import Change, Query, SQLConversationStorage, Step
from dknb.conversations.sql import versions
from dknb.conversations.sql.versions import STORE_VERSION
from dknb.errors import SchemaVersionError, StorageError

STORES = Path(__file__).parents[1] / "fixtures" / "stores"
RELEASED = ["1.0.0", *(version for version, _ in versions.STEPS[:-1])]


def store_of(version: str, folder: Path) -> Path:
    """A store as dknb wrote it when it had that version."""
    path = folder / "store.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript((STORES / f"v{version}.sql").read_text(encoding="utf-8"))
        raw.execute("PRAGMA journal_mode=WAL")
    return path


def asked(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute(statement).fetchall()


def test_the_last_step_ends_at_this_version() -> None:
    """Whoever raises the version adds the step there."""
    assert versions.STEPS[-1][0] == STORE_VERSION


@pytest.mark.parametrize("version", RELEASED)
async def test_a_store_of_each_released_version_is_read_and_written(version: str, tmp_path: Path) -> None:
    """All that it held is there, and it can do what a new store can."""
    path = store_of(version, tmp_path)
    async with SQLConversationStorage(path) as storage:
        listed = await storage.list_conversations()
        assert [(each["conversation_id"], each["nodes"]) for each in listed] == [
            ("'; DROP TABLE nodes; --", 3),
            ("talk", 9),
        ]
        state = await loaded(storage, "talk")
        assert (
            texts(state.message_tree)
            == {
                "user: What is a café?": {
                    "assistant: Echo: What is a café?": {
                        "user: Zeichen: äöü, 漢字, NUL \0 und \ud800": {
                            "assistant: Echo: Zeichen: äöü, 漢字, NUL \0 und \ud800": {
                                "tool: 42": {"assistant: cut o": {}}
                            }
                        }
                    }
                }
            }
            or len(state.message_tree.children[0].children) == 2
        )
        assert state.metadata == {"topic": "fixtures", "nested": {"n": [1, 2]}}
        assert (list(state.branches), state.current_branch) == (["main", "side", "other"], "main")
        assert [node.data.hidden for node in state.stored] == [number in (3, 6) for number in range(9)]
        assert (state.current.data.state, state.current.data.metadata["cost_usd"]) == ("incomplete", 0.5)
        assert [call.node_seq for call in await storage.list_calls("talk")] == [2, 3, 5, 8]
        assert [hit.seq for hit in await storage.search(Query("CAFE", role="user"))] == [1]
        [tree] = await storage.append(state, Step(state.current, [user("on with café")], "main"))
        await storage.update(state, Change(label=[(tree, "new")]))
        assert [hit.seq for hit in await storage.search(Query("cafe", labels=["new"]))] == [9]
    assert asked(path, "SELECT value FROM meta") == [(STORE_VERSION,)]
    assert asked(path, "PRAGMA integrity_check") == [("ok",)]
    assert asked(path, "PRAGMA foreign_key_check") == []


async def test_a_migrated_store_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    """Names, columns, indexes and triggers are the same, whichever way they came."""
    old = store_of(RELEASED[0], tmp_path)
    async with SQLConversationStorage(old) as storage:
        await storage.list_conversations()
    async with SQLConversationStorage(tmp_path / "new.db") as storage:
        await stored(storage)
    query = "SELECT type, name, tbl_name, replace(sql, '\"nodes\"', 'nodes') FROM sqlite_master ORDER BY type, name"
    assert asked(old, query) == asked(tmp_path / "new.db", query)


async def test_many_that_migrate_at_once_do_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for the one that is at it, and then reads what the others read."""
    path = store_of("1.0.0", tmp_path)
    done = counted_steps(monkeypatch)
    stores = [SQLConversationStorage(path) for _ in range(6)]
    found = await asyncio.gather(*(store.load_conversation("talk") for store in stores))
    assert [len(state.stored) for state in found if state is not None] == [9] * 6
    assert done == ["1.1.0", "1.2.0"]
    for store in stores:
        await store.close()


async def test_a_migration_that_fails_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done of it is taken back, and the next try begins anew."""
    path = store_of("1.0.0", tmp_path)
    before = asked(path, "SELECT * FROM sqlite_master")

    def fail(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM nowhere"))

    with monkeypatch.context() as patch:
        patch.setattr(versions, "STEPS", [*versions.STEPS, ("1.3.0", fail)])
        patch.setattr(versions, "STORE_VERSION", "1.3.0")
        async with SQLConversationStorage(path) as storage:
            with pytest.raises(StorageError):
                await storage.load_conversation("talk")
    assert asked(path, "SELECT * FROM sqlite_master") == before
    assert asked(path, "SELECT value FROM meta") == [("1.0.0",)]
    async with SQLConversationStorage(path) as storage:
        assert await storage.load_conversation("talk") is not None


async def test_postgresql_migrates_once_and_refuses_what_is_newer(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same on a server: one step, run once by all that need it; a higher major version is not read."""
    async with SQLConversationStorage(postgres.url()) as storage:
        await stored(storage)

    def add(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE nodes ADD COLUMN mood TEXT"))

    with monkeypatch.context() as patch:
        patch.setattr(versions, "STEPS", [*versions.STEPS, ("1.3.0", add)])
        patch.setattr(versions, "STORE_VERSION", "1.3.0")
        done = counted_steps(patch)
        stores = [SQLConversationStorage(postgres.url()) for _ in range(4)]
        await asyncio.gather(*(store.load_conversation("c") for store in stores))
        assert done == ["1.3.0"]
        for store in stores:
            await store.close()
    async with SQLConversationStorage(postgres.url()) as storage:  # a higher minor version is read
        assert await storage.load_conversation("c") is not None
    with postgres.connection() as connection:
        connection.execute("UPDATE dknb.meta SET value = '2.0.0'")
    async with SQLConversationStorage(postgres.url()) as storage:
        with pytest.raises(SchemaVersionError, match=r"version 2\.0\.0"):
            await storage.load_conversation("c")


def counted_steps(patch: pytest.MonkeyPatch) -> list[str]:
    """The versions to which a store is brought from now on."""
    done: list[str] = []

    def counted(version: str, step: Callable[[Connection], None]) -> Callable[[Connection], None]:
        def run(connection: Connection) -> None:
            done.append(version)
            step(connection)

        return run

    patch.setattr(versions, "STEPS", [(version, counted(version, step)) for version, step in versions.STEPS])
    return done
