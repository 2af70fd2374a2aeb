"""The PostgreSQL store when something is wrong: what is said, that nothing is lost or repeated, and no password shown."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conversations_help import ScriptedModel, loaded, stored, texts, user
from postgres_help import Server
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from dknb.conversations import (
    Amendment,
    CallRecord,
    Change,
    ConversationManager,
    ConversationNode,
    Query,
    SQLConversationStorage,
    Step,
)
from dknb.conversations.node import OPEN
from dknb.conversations.portable import export_store, import_store
from dknb.conversations.project import find_project
from dknb.errors import ConfigError, StorageError, StoreUnreachable
from dknb.llm.messages import LLMMessage
from dknb.notebook.session import Session


@pytest.fixture
async def storage(postgres: Server):
    async with SQLConversationStorage(postgres.url()) as store:
        yield store


async def test_a_connection_that_broke_is_made_again(storage: SQLConversationStorage, postgres: Server) -> None:
    """The next write, read, change and amendment after it do what they should, once."""
    state = await stored(storage)
    postgres.end_connections()
    [tree] = await storage.append(
        state, Step(state.current, [ConversationNode(LLMMessage("user", "q"), state=OPEN)], "main")
    )
    postgres.end_connections()
    await storage.amend(state, Amendment(tree, user("whole")))
    postgres.end_connections()
    await storage.update(state, Change(label=[(tree, "x")]))
    postgres.end_connections()
    twin = await loaded(storage)
    assert texts(twin.message_tree) == {"user: m0": {"assistant: m1": {"user: whole": {}}}}
    assert twin.current.data.labels == {"x"}


async def test_a_server_that_is_away_in_mid_turn(
    postgres: Server, storage: SQLConversationStorage, model: ScriptedModel
) -> None:
    """The error is clear, the answer that was paid for is in the tree, and is stored when the server is back, once."""
    manager = await ConversationManager.create(model, None, storage, conversation_id="c")
    await manager.add_message(content="q")
    with postgres.away():
        with pytest.raises(StoreUnreachable) as caught:
            await manager.complete()
        assert manager.state.current.data.message.content == "re: q"
        assert len(manager.state.owed) == 1
        with pytest.raises(StoreUnreachable):
            await manager.flush()
    assert caught.value.hint
    await manager.flush()
    await manager.flush()
    assert manager.state.owed == []
    assert texts((await loaded(storage)).message_tree) == {"user: q": {"assistant: re: q": {}}}
    assert [call.node_seq for call in await storage.list_calls("c")] == [2]


@pytest.mark.parametrize("kept", [True, False])
async def test_a_connection_that_breaks_at_the_commit(
    storage: SQLConversationStorage, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    """Whether the server kept what was written nobody knows then; it is there once either way."""
    state = await stored(storage)
    other = await loaded(storage)
    await storage.append(other, Step(other.current, [user("of another")], "main"))
    with breaking_commit(monkeypatch, kept):
        call = CallRecord("c", model="m")
        [tree] = await storage.append(state, Step(state.current, [user("q", state=OPEN)], "main", None, call))
    with breaking_commit(monkeypatch, kept):
        await storage.amend(state, Amendment(tree, user("whole"), CallRecord("c", model="n")))
    expected = {"user: m0": {"assistant: m1": {"user: of another": {}, "user: whole": {}}}}
    assert texts(state.message_tree) == texts((await loaded(storage)).message_tree) == expected
    assert state.current is tree is state.branches["main"].head
    assert [call.model for call in await storage.list_calls("c")] == ["m", "n"]


@contextmanager
def breaking_commit(patch: pytest.MonkeyPatch, kept: bool) -> Iterator[None]:
    """The connection breaks once, just before or just after the server keeps what was written."""
    commit = Connection.commit
    left = [True]

    def broken(connection: Connection) -> None:
        if not left:
            commit(connection)
            return
        left.clear()
        if kept:
            commit(connection)
        connection.invalidate()
        raise OperationalError("COMMIT", {}, Exception("server closed the connection"), connection_invalidated=True)

    with patch.context() as inner:
        inner.setattr(Connection, "commit", broken)
        yield
    assert not left


async def test_no_server_at_all() -> None:
    """It is said that it cannot be reached, where, and what to look at."""
    async with SQLConversationStorage("postgresql://me:s3cret@127.0.0.1:1/db") as storage:
        with pytest.raises(StoreUnreachable, match="cannot be reached") as caught:
            await storage.list_conversations()
    assert "postgresql://127.0.0.1:1/db" in str(caught.value)
    assert "host and port" in caught.value.hint


async def test_a_password_is_shown_nowhere(postgres: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Not in repr, errors, their causes or logs, whether it is right or wrong."""
    shown = []
    for url in (postgres.url(password="wr0ngpass"), postgres.url("nowhere"), f"{postgres.url()}?sslmode=what"):
        storage = SQLConversationStorage(url)
        shown.append(repr(storage) + repr(storage._database))
        with pytest.raises(StorageError) as caught:
            await storage.list_conversations()
        shown.append("".join(traceback.format_exception(caught.value)) + str(caught.value.hint))
        await storage.close()
    with pytest.raises(ConfigError) as refused_address:
        SQLConversationStorage(f"postgresql://me:{postgres.password}@host:port/db")
    shown += ["".join(traceback.format_exception(refused_address.value)), caplog.text]
    for text in shown:
        assert "wr0ngpass" not in text
        assert postgres.password not in text
    assert "user and password" in shown[1]


async def test_other_tables_in_the_database_are_left_alone(postgres: Server) -> None:
    """The store has a schema of its own: a table of the same name may lie beside it."""
    with postgres.connection() as connection:
        connection.execute("DROP TABLE IF EXISTS public.nodes")
        connection.execute("CREATE TABLE public.nodes (theirs INTEGER)")
    try:
        async with SQLConversationStorage(postgres.url()) as storage:
            assert await storage.list_conversations() == []
            await stored(storage)
            assert len((await loaded(storage)).stored) == 3
        with postgres.connection() as connection:
            assert connection.execute("SELECT count(*) FROM public.nodes").fetchone() == (0,)
    finally:
        with postgres.connection() as connection:
            connection.execute("DROP TABLE public.nodes")


async def test_reading_makes_nothing(postgres: Server) -> None:
    """Schema and tables are made at the first write."""
    async with SQLConversationStorage(postgres.url()) as storage:
        assert await storage.list_conversations() == await storage.list_calls() == []
        assert await storage.load_conversation("c") is None
    with postgres.connection() as connection:
        assert connection.execute("SELECT to_regnamespace('dknb')").fetchone() == (None,)


async def test_a_server_that_waits_does_not_block_the_loop(storage: SQLConversationStorage, postgres: Server) -> None:
    """While a write waits for another's lock the event loop runs on."""
    state = await stored(storage)
    with postgres.connection() as holder, holder.transaction():
        holder.execute("SELECT * FROM dknb.conversations FOR UPDATE")
        write = asyncio.create_task(storage.append(state, Step(state.current, [user("q")], "main")))
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert not write.done()
    [tree] = await write
    assert tree.data.seq == 3


async def test_a_project_may_keep_its_store_on_a_server(postgres: Server, tmp_path: Path, model: ScriptedModel) -> None:
    """``[tool.dknb] store`` takes the address, and what is shown of it has no password."""
    (tmp_path / "pyproject.toml").write_text(f'[tool.dknb]\nstore = "{postgres.url()}"\n')
    session = Session({}, find_project(tmp_path))
    assert isinstance(session.storage, SQLConversationStorage)
    async with session.storage as storage:
        manager = await ConversationManager.create(model, None, storage, conversation_id="c")
        await manager.add_message(content="q")
        await manager.complete()
        assert texts((await loaded(storage)).message_tree) == {"user: q": {"assistant: re: q": {}}}
    assert postgres.password not in repr(session.storage)


async def test_a_server_is_looked_after_as_a_file_is(
    storage: SQLConversationStorage, postgres: Server, tmp_path: Path
) -> None:
    """Checked, compacted, and carried over into a file's store, from where it comes back."""
    state = await stored(storage, length=20)
    await storage.update(state, Change(label=[(state.current, "x")]))
    assert await storage.check() == []
    with postgres.connection() as connection:
        connection.execute("DELETE FROM dknb.node_words")
        connection.execute("UPDATE dknb.nodes SET parent_seq = 77 WHERE seq = 3")
    flaws = await storage.check()
    assert len(flaws) >= 2
    assert any("has no parent" in flaw for flaw in flaws)
    assert any("index of words" in flaw for flaw in flaws)
    with postgres.connection() as connection:
        connection.execute("UPDATE dknb.nodes SET parent_seq = 2 WHERE seq = 3")
    await storage.vacuum()
    assert await storage.check() == []
    assert [hit.seq for hit in await storage.search(Query("m7"))] == [8]
    with (tmp_path / "out").open("w") as file:
        assert await export_store(storage, file) == (1, 21)
    async with SQLConversationStorage(tmp_path / "store.db") as other:
        assert (await import_store(other, tmp_path / "out")).added == ["c"]
        assert texts((await loaded(other)).message_tree) == texts(state.message_tree)
    assert (await import_store(storage, tmp_path / "out")).present == ["c"]
    assert (await import_store(storage, tmp_path / "out")).added == []
