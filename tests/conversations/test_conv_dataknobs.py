"""Conversations in real dataknobs-data databases: several writers, other programs, and the peer itself."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conversations_help import ScriptedModel, loaded, stored, texts, user
from exchange_help import conversation, document, said

from dknb.conversations import (
    ConversationManager,
    DataknobsConversationStorage,
    MemoryConversationStorage,
    Step,
    export_conversations,
    import_conversations,
)
from dknb.errors import ConfigError, ConversationNotFound, StorageError

NEEDS = "needs the extra dataknobs: pip install dataknobs-data aiosqlite"


def memory() -> Any:
    return pytest.importorskip("dataknobs_data.backends.memory", reason=NEEDS).AsyncMemoryDatabase()


async def sqlite(path: Path) -> Any:
    database = pytest.importorskip("dataknobs_data.backends.sqlite_async", reason=NEEDS).AsyncSQLiteDatabase(
        {"path": str(path), "timeout": 60.0}
    )
    await database.connect()
    return database


def record(data: dict[str, Any]) -> Any:
    from dataknobs_data import Record

    return Record(data=data, storage_id=data["conversation_id"])


def fields(given: Any) -> dict[str, Any]:
    return {name: field.value for name, field in given.fields.items()}


async def test_a_conversation_is_held_as_with_any_store() -> None:
    """Turns, branches and labels are there for who resumes it."""
    storage = DataknobsConversationStorage(memory())
    manager = await ConversationManager.create(ScriptedModel("one", "two"), None, storage, conversation_id="talk")
    await manager.add_message(content="q")
    await manager.complete()
    await manager.switch_to_node("0")
    await manager.complete(branch_name="other")
    again = await ConversationManager.resume("talk", ScriptedModel(), None, storage)
    assert texts(again.state.message_tree) == {"user: q": {"assistant: one": {}, "assistant: two": {}}}
    assert await again.get_branch_names() == ["main", "other"]
    assert again.current_branch == "other"
    assert [call.outcome for call in await storage.list_calls("talk")] == ["complete", "complete"]
    await storage.close()


async def test_documents_of_the_peer_are_conversations() -> None:
    """What another program put into the database is listed, loaded and written to; what is no document is left alone."""
    database = memory()
    await database.upsert("talk", record(document()))
    await database.upsert("data", record({"conversation_id": "data", "temperature": 20}))
    storage = DataknobsConversationStorage(database)
    assert [each["conversation_id"] for each in await storage.list_conversations({"topic": "tests"})] == ["talk"]
    assert len(await storage.list_conversations()) == 1
    state = await loaded(storage, "talk")
    await storage.append(state, Step(state.current, [user("more")], "main"))
    written = fields(await database.read("talk"))
    assert written["current_node_id"] == "0.1.0"
    assert written["nodes"][-1]["message"] == {"role": "user", "content": "more"}
    assert fields(await database.read("data")) == {"conversation_id": "data", "temperature": 20}


async def test_a_broken_document_is_an_error_and_stays() -> None:
    """It is told by name, neither half loaded nor written over."""
    database = memory()
    await database.upsert("talk", record(document(edges=[])))
    storage = DataknobsConversationStorage(database)
    with pytest.raises(StorageError, match=r"'talk'.*none above them"):
        await storage.load_conversation("talk")
    with pytest.raises(StorageError, match="'talk'"):
        await storage.create_conversation(conversation())
    assert fields(await database.read("talk"))["edges"] == []


async def test_two_stores_of_one_database_lose_nothing() -> None:
    """Neither in one process and at once, nor what the other wrote in between."""
    database = memory()
    one, two = DataknobsConversationStorage(database), DataknobsConversationStorage(database)
    first = await stored(one)
    second = await loaded(two)
    await asyncio.gather(
        *(one.append(first, Step(first.message_tree, [user(f"a{number}")])) for number in range(20)),
        *(two.append(second, Step(second.message_tree, [user(f"b{number}")])) for number in range(20)),
    )
    await one.refresh(first)
    await two.refresh(second)
    assert len(first.stored) == 43
    assert texts(first.message_tree) == texts(second.message_tree) == texts((await loaded(one)).message_tree)


async def test_what_another_program_wrote_over_is_noticed() -> None:
    """The next turn or refresh says so, and changes nothing."""
    database = memory()
    storage = DataknobsConversationStorage(database)
    state = await stored(storage)
    before = await database.read("c")
    await storage.append(state, Step(state.current, [user("lost?")], "main"))
    await database.upsert("c", before)
    for again in (storage.refresh(state), storage.append(state, Step(state.current, [user("next")]))):
        with pytest.raises(StorageError, match="'c' was written over: node 3"):
            await again
    assert state.current.data.message.content == "lost?"
    await database.delete("c")
    with pytest.raises(ConversationNotFound):
        await storage.refresh(state)


async def test_a_database_that_fails_is_our_error() -> None:
    """And one that is none is told at once."""
    database = pytest.importorskip("dataknobs_data.backends.sqlite_async", reason=NEEDS).AsyncSQLiteDatabase({})
    with pytest.raises(StorageError, match="not connected"):
        await DataknobsConversationStorage(database).load_conversation("talk")
    with pytest.raises(ConfigError, match="'int' is no dataknobs-data database"):
        DataknobsConversationStorage(5)


TURNS = """
import asyncio, sys
from dataknobs_data.backends.sqlite_async import AsyncSQLiteDatabase
from dknb.conversations import ConversationNode, DataknobsConversationStorage, Step
from dknb.llm.messages import LLMMessage

async def main(path, name):
    database = AsyncSQLiteDatabase({"path": path, "timeout": 60.0})
    await database.connect()
    storage = DataknobsConversationStorage(database)
    state = await storage.load_conversation("c")
    for number in range(8):
        node = ConversationNode(LLMMessage("user", f"{name}{number}"))
        await storage.append(state, Step(state.message_tree, [node]))
    await database.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_three_processes_on_one_sqlite_file(tmp_path: Path) -> None:
    """Each turn is there once: on SQLite a write holds the file from the reading on."""
    database = await sqlite(tmp_path / "talks.db")
    storage = DataknobsConversationStorage(database)
    await stored(storage)
    command = [sys.executable, "-c", TURNS, str(tmp_path / "talks.db")]
    processes = [await asyncio.create_subprocess_exec(*command, name) for name in "abc"]
    assert await asyncio.gather(*(process.wait() for process in processes)) == [0, 0, 0]
    state = await loaded(storage)
    found = sorted(child.data.message.content for child in state.message_tree.children)
    assert found == sorted([*(f"{name}{number}" for name in "abc" for number in range(8)), "m0"])
    await storage.close()
    await database.close()


PEER = """
import asyncio, json, sys
from dataknobs_data.backends.sqlite_async import AsyncSQLiteDatabase
from dataknobs_llm.conversations import ConversationState, DataknobsConversationStorage
from dataknobs_llm.conversations.storage import ConversationNode, get_node_by_id
from dataknobs_llm.llm.base import LLMMessage, ToolCall
from dataknobs_structures.tree import Tree

def go_on(state):
    place = state.current_node_id
    below = f"{place}.0" if place else "0"
    node = ConversationNode(LLMMessage("assistant", "of the peer", tool_calls=[ToolCall("f", {"x": 1}, "i")]), below)
    get_node_by_id(state.message_tree, place).add_child(Tree(node))
    state.current_node_id = below

async def main(path):
    with open(path + ".json") as file:
        state = ConversationState.from_dict(json.load(file))
    said = [[message.role, message.content] for message in state.get_current_messages()]
    go_on(state)
    with open(path + ".back.json", "w") as file:
        json.dump(state.to_dict(), file)
    database = AsyncSQLiteDatabase({"path": path})
    await database.connect()
    storage = DataknobsConversationStorage(database)
    listed = [state.conversation_id for state in await storage.list_conversations()]
    state = await storage.load_conversation("talk")
    go_on(state)
    await storage.save_conversation(state)
    await database.close()
    print(json.dumps([said, listed]))

asyncio.run(main(sys.argv[1]))
"""


async def test_the_peer_reads_and_writes_what_we_wrote(tmp_path: Path) -> None:
    """Both ways, by file and in one database; what is ours survives the way through the peer."""
    if not (peer := os.environ.get("DKNB_PEER_PYTHON")):
        pytest.skip("set DKNB_PEER_PYTHON to a Python in which dataknobs-llm is installed")
    path = tmp_path / "talks.db"
    database = await sqlite(path)
    storage = DataknobsConversationStorage(database)
    state = conversation()
    state.message_tree.children[0].data.labels = frozenset({"good"})
    await storage.create_conversation(state)
    await database.close()
    await export_conversations(state, f"{path}.json")
    ran = await asyncio.to_thread(
        subprocess.run, [peer, "-c", PEER, str(path)], check=True, capture_output=True, text=True, timeout=120
    )
    told, listed = json.loads(ran.stdout.splitlines()[-1])
    assert told == [[each.data.role, each.data.message.content] for each in state.current.path()]
    assert listed == ["talk"]
    await database.connect()
    other = MemoryConversationStorage()
    await import_conversations(other, f"{path}.back.json")
    for twin in (await loaded(storage, "talk"), await loaded(other, "talk")):
        assert said(twin)[:-1] == said(state)
        assert twin.current.data.message.content == "of the peer"
        assert twin.current.data.message.tool_calls[0].arguments == {"x": 1}
        assert (twin.branches["main"].head, twin.current_branch) == (twin.current, "main")
        assert twin.message_tree.children[0].data.labels == {"good"}
    await storage.close()
    await database.close()
