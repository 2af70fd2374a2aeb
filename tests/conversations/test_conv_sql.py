"""The SQLite store: its file, its rows, its processes, and what it does not do before it must."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from conversations_help import ScriptedModel, loaded, stored, user
from sqlalchemy import Engine, event

from dknb.conversations import (
    ConversationManager,
    ConversationState,
    SQLConversationStorage,
    Step,
    get_node_by_id,
)
from dknb.errors import ConfigError


async def test_reading_makes_no_file(tmp_path: Path) -> None:
    """Folder and file are made at the first write and not before."""
    path = tmp_path / "project" / ".dknb" / "store.db"
    async with SQLConversationStorage(path) as storage:
        assert await storage.load_conversation("c") is None
        assert await storage.list_conversations() == []
        assert await storage.list_calls() == []
        assert await storage.delete_conversation("c") is False
        assert not (tmp_path / "project").exists()
        await stored(storage)
    assert path.is_file()


async def test_the_store_is_not_committed_by_accident(tmp_path: Path) -> None:
    """A folder ``.dknb`` gets a ``.gitignore`` for all in it; a folder of the user's is left alone."""
    for folder in (".dknb", "data"):
        async with SQLConversationStorage(tmp_path / folder / "store.db") as storage:
            await stored(storage)
    assert (tmp_path / ".dknb" / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / "data" / ".gitignore").exists()


async def test_an_ignore_file_of_the_user_stays(tmp_path: Path) -> None:
    """It is written only where there is none."""
    (tmp_path / ".dknb").mkdir()
    (tmp_path / ".dknb" / ".gitignore").write_text("*.db\n")
    async with SQLConversationStorage(tmp_path / ".dknb" / "store.db") as storage:
        await stored(storage)
    assert (tmp_path / ".dknb" / ".gitignore").read_text() == "*.db\n"


@pytest.mark.parametrize("write", [str, lambda path: f"sqlite:///{path}", lambda path: path])
async def test_a_store_is_named_by_path_or_url(tmp_path: Path, write) -> None:
    """All name the same file."""
    path = tmp_path / "a b%20ü?.db"
    async with SQLConversationStorage(write(path)) as storage:
        await stored(storage)
    assert path.is_file()


async def test_a_store_in_memory() -> None:
    """It lasts as long as it is open."""
    async with SQLConversationStorage("sqlite://") as storage:
        await stored(storage)
        assert await storage.load_conversation("c") is not None


def test_other_databases_are_refused() -> None:
    """A URL of what is not supported says what is; a password in it is not repeated."""
    with pytest.raises(ConfigError, match="only in SQLite and PostgreSQL") as caught:
        SQLConversationStorage("mysql://me:secret@host/db")
    assert "secret" not in str(caught.value)


async def test_a_turn_is_a_row_and_so_is_a_call(sqlite: SQLConversationStorage, model: ScriptedModel) -> None:
    """The tables are what DESIGN says; no row holds a path, and the ledger no content."""
    manager = await ConversationManager.create(model, None, sqlite, conversation_id="c", system_prompt="Be kind.")
    await manager.add_message(content="why?", cell="cell-1")
    await manager.complete(cell="cell-1")
    await sqlite.close()
    with closing(sqlite3.connect(sqlite.path)) as raw:
        raw.row_factory = sqlite3.Row
        nodes = [dict(row) for row in raw.execute("SELECT * FROM nodes ORDER BY seq")]
        [call] = [dict(row) for row in raw.execute("SELECT * FROM calls")]
        [head] = [dict(row) for row in raw.execute("SELECT * FROM branches")]
        journal = raw.execute("PRAGMA journal_mode").fetchone()[0]
    assert [(row["seq"], row["parent_seq"], row["ordinal"], row["role"], row["content"]) for row in nodes] == [
        (0, None, 0, "system", "Be kind."),
        (1, 0, 0, "user", "why?"),
        (2, 1, 0, "assistant", "re: why?"),
    ]
    assert [row["cell"] for row in nodes] == [None, "cell-1", "cell-1"]
    assert {row["session"] for row in nodes} == {sqlite.session}
    assert (head["name"], head["head_seq"]) == ("main", 2)
    assert (call["node_seq"], call["cell"], call["cost_usd"], call["outcome"]) == (2, "cell-1", 0.25, "complete")
    assert "why?" not in str(call)
    assert journal == "wal"


async def test_a_turn_runs_the_same_statements_at_any_depth(sqlite: SQLConversationStorage) -> None:
    """What is stored is added to, not written anew."""
    state = await stored(sqlite, length=1)
    turns = []
    for _ in range(2):
        with statements_of(sqlite) as said:
            await sqlite.append(state, Step(state.current, [user("q")], "main"))
        turns.append(said)
        nodes = [user(f"n{number}") for number in range(300)]
        await sqlite.append(state, Step(state.current, nodes, "main"))
    assert turns[0] == turns[1]
    assert [statement.split()[0] for statement in turns[0]] == ["BEGIN", "UPDATE", "INSERT", "UPDATE"]


async def test_listing_and_filtering_are_one_statement(sqlite: SQLConversationStorage) -> None:
    """However many conversations there are and whatever is asked for, their own rows are read, once, and no node."""
    for number in range(5):
        await stored(sqlite, f"c{number}", length=20)
    await sqlite.list_conversations()  # opens the connection for this
    with statements_of(sqlite) as said:
        found = await sqlite.list_conversations({"topic": "tests"})
    assert len(found) == 5
    assert len([statement for statement in said if statement != "BEGIN"]) == 1
    assert not any("nodes" in statement for statement in said)


@contextmanager
def statements_of(storage: SQLConversationStorage) -> Iterator[list[str]]:
    """The statements that an open store runs meanwhile."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield said
    event.remove(Engine, "before_cursor_execute", note)


async def test_messages_are_decoded_when_looked_at(sqlite: SQLConversationStorage) -> None:
    """Opening a conversation builds no message; what is shown of a tree without them needs none."""
    await stored(sqlite, length=100)
    state = await sqlite.load_conversation("c")
    assert state is not None
    assert [node.data.role for node in state.stored][:3] == ["system", "user", "assistant"]
    assert all(node.data._message is None for node in state.stored[1:])
    assert state.current.data.message.content == "m99"


async def test_a_closed_store_opens_again(sqlite: SQLConversationStorage) -> None:
    """Closing lets go of the file; the next use takes it up."""
    state = await stored(sqlite)
    await sqlite.close()
    await sqlite.close()
    await sqlite.append(state, Step(state.current, [user("q")], "main"))
    assert len(state.stored) == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_writes_with_a_connection_of_its_own(tmp_path: Path) -> None:
    """The child of a process with an open store can use it, and the parent's goes on."""
    program = (
        "import asyncio, os, sys\n"
        "from dknb.conversations import *\n"
        "from dknb.llm.messages import LLMMessage\n"
        "storage = SQLConversationStorage(sys.argv[1])\n"
        "def put(text): asyncio.run(add(text))\n"
        "async def add(text):\n"
        "    state = await storage.load_conversation('c')\n"
        "    await storage.append(state, Step(state.message_tree, [ConversationNode(LLMMessage('user', text))]))\n"
        "root = Tree(ConversationNode(LLMMessage('system', '')))\n"
        "asyncio.run(storage.create_conversation(ConversationState('c', root)))\n"
        "child = os.fork()\n"
        "put('child' if child == 0 else 'parent')\n"
        "if child == 0: os._exit(0)\n"
        "_, status = os.waitpid(child, 0)\n"
        "put('parent again')\n"
        "state = asyncio.run(storage.load_conversation('c'))\n"
        "print(status, sorted(node.data.message.content for node in state.message_tree.children))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "store.db")], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "0 ['child', 'parent', 'parent again']", done.stderr


def test_a_process_that_ends_has_written_all_that_it_submitted(tmp_path: Path) -> None:
    """Writes that nobody waits for any more are done before the interpreter ends."""
    program = (
        "import asyncio, sys\n"
        "from dknb.conversations import *\n"
        "from dknb.llm.messages import LLMMessage\n"
        "async def main():\n"
        "    storage = SQLConversationStorage(sys.argv[1])\n"
        "    state = ConversationState('c', Tree(ConversationNode(LLMMessage('system', ''))))\n"
        "    await storage.create_conversation(state)\n"
        "    for number in range(50):\n"
        "        step = Step(state.message_tree, [ConversationNode(LLMMessage('user', str(number)))])\n"
        "        asyncio.ensure_future(storage.append(state, step))\n"
        "    await asyncio.sleep(0)\n"
        "asyncio.run(main())\n"
    )
    path = tmp_path / "store.db"
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    state = asyncio.run(_load(path))
    assert [child.data.message.content for child in state.message_tree.children] == [str(n) for n in range(50)]


async def _load(path: Path) -> ConversationState:
    async with SQLConversationStorage(path) as storage:
        state = await storage.load_conversation("c")
    assert state is not None
    return state


def test_importing_conversations_imports_no_database() -> None:
    """SQLAlchemy, and even the storage modules, come at use."""
    program = (
        "import sys, dknb.conversations, dknb.conversations.manager, dknb.conversations.sql\n"
        "dknb.conversations.SQLConversationStorage('x.db')\n"
        "print([name for name in ('sqlalchemy', 'anytree', 'jinja2', 'IPython', 'pandas') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


async def test_a_deep_conversation_is_loaded_as_it_was(sqlite: SQLConversationStorage) -> None:
    """Depth limits neither writing nor reading."""
    state = await stored(sqlite, length=20_000)
    twin = await sqlite.load_conversation("c")
    assert twin is not None
    assert twin.current.depth == 20_000
    assert get_node_by_id(twin.message_tree, state.current_node_id) is twin.current


@pytest.mark.parametrize(("text", "column"), [("a\0b", "a\N{REPLACEMENT CHARACTER}b"), ("a\ud800b", "a?b")])
async def test_text_that_databases_refuse_is_replaced_in_its_column_alone(
    sqlite: SQLConversationStorage, text: str, column: str
) -> None:
    """The column can be searched and copied to any database; the message is what it was."""
    state = await stored(sqlite)
    await sqlite.append(state, Step(state.current, [user(text)], "main"))
    await sqlite.close()
    with closing(sqlite3.connect(sqlite.path)) as raw:
        assert raw.execute("SELECT content FROM nodes WHERE seq = 3").fetchall() == [(column,)]
    assert (await loaded(sqlite)).current.data.message.content == text
