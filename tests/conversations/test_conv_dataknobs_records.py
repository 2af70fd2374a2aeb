"""Records of dataknobs-data databases that are odd, and databases that several processes write."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from conversations_help import loaded, stored, user
from exchange_help import conversation, document, node, said, write

from dknb.conversations import (
    CallRecord,
    DataknobsConversationStorage,
    MemoryConversationStorage,
    Query,
    Step,
    export_conversations,
    import_conversations,
)
from dknb.errors import ConfigError, ConversationError, SchemaVersionError, StorageError

NEEDS = "needs the extra dataknobs: pip install dataknobs-data aiosqlite"


def memory() -> Any:
    return pytest.importorskip("dataknobs_data.backends.memory", reason=NEEDS).AsyncMemoryDatabase()


def in_file(path: Path) -> Any:
    return pytest.importorskip("dataknobs_data.backends.file", reason=NEEDS).SyncFileDatabase({"path": str(path)})


def record(key: str, data: dict[str, Any]) -> Any:
    from dataknobs_data import Record

    return Record(data=data, storage_id=key)


async def test_one_record_that_cannot_be_read_hides_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Searches and lists of calls go on without it, and the log names it; asked for by name, it is the error."""
    database = memory()
    await database.upsert("new", record("new", document(conversation_id="new", schema_version="2.0.0")))
    await database.upsert("torn", record("torn", document(conversation_id="torn", edges=[])))
    storage = DataknobsConversationStorage(database)
    await storage.create_conversation(conversation())
    with caplog.at_level(logging.WARNING, "dknb.conversations"):
        assert [hit.conversation_id for hit in await storage.search(Query("moment"))] == ["talk"]
        assert await storage.list_calls() == []
    assert "'new'" in caplog.text
    assert "'torn'" in caplog.text
    with pytest.raises(SchemaVersionError):
        await storage.load_conversation("new")
    with pytest.raises(StorageError, match="'torn'"):
        await storage.search(Query("moment", conversation_id="torn"))


async def test_a_conversation_is_called_as_its_record_is() -> None:
    """What is listed can be loaded, searched and written to, whatever id the record has."""
    database = memory()
    await database.upsert("key", record("key", document(conversation_id="other")))
    storage = DataknobsConversationStorage(database)
    assert [each["conversation_id"] for each in await storage.list_conversations()] == ["key"]
    assert {hit.conversation_id for hit in await storage.search(Query("said"))} == {"key"}
    state = await loaded(storage, "key")
    await storage.append(state, Step(state.current, [user("more")], "main"))
    assert [each["nodes"] for each in await storage.list_conversations()] == [5]
    assert await storage.load_conversation("other") is None


async def test_the_name_of_the_ledger_is_reserved(tmp_path: Path) -> None:
    """It is told as what it is, also before an import writes anything; rename finds another."""
    storage = DataknobsConversationStorage(memory())
    with pytest.raises(ConversationError, match="can be called 'dknb-ledger'"):
        await storage.create_conversation(conversation("dknb-ledger"))
    path = write(tmp_path / "talks.jsonl", document(), document(conversation_id="dknb-ledger"))
    ours = MemoryConversationStorage()
    await ours.create_conversation(conversation("dknb-ledger"))
    await export_conversations(ours, tmp_path / "own.jsonl", "dknb")
    for file in (path, tmp_path / "own.jsonl"):
        with pytest.raises(StorageError, match="keeps the name 'dknb-ledger' for itself"):
            await import_conversations(storage, file)
    assert await storage.list_conversations() == []
    assert (await import_conversations(storage, path, rename=True)).added == ["talk", "dknb-ledger (2)"]


async def test_conversations_are_imported_with_their_ledger(tmp_path: Path) -> None:
    """In one transaction, each row with its conversation; a second time adds nothing."""
    ours, theirs = MemoryConversationStorage(), DataknobsConversationStorage(in_file(tmp_path / "talks.json"))
    for name in ("one", "two"):
        await ours.create_conversation(conversation(name))
        await ours.record_call(CallRecord(name, 2, model=name))
    await export_conversations(ours, tmp_path / "out.json")
    assert await import_conversations(theirs, tmp_path / "out.json") == (["one", "two"], [], 2, ())
    assert await import_conversations(theirs, tmp_path / "out.json") == ([], ["one", "two"], 0, ())
    assert [call.model for call in await theirs.list_calls("two")] == ["two"]


async def test_text_that_a_file_cannot_hold_comes_back(tmp_path: Path) -> None:
    """Halves of surrogate pairs lie escaped beside; others read the text without them, and what they change counts."""
    path = tmp_path / "talks.json"
    state = conversation()
    state.metadata["note"] = "half \ud800"
    state.current.data.message.content = "answer \udfff"
    await DataknobsConversationStorage(in_file(path)).create_conversation(state)
    there = await loaded(DataknobsConversationStorage(in_file(path)), "talk")
    assert said(there) == said(state)
    assert there.metadata == state.metadata
    data = in_file(path).read("talk")
    assert data.get_value("nodes")[-1]["message"]["content"] == "answer ?"
    data.get_value("metadata")["note"] = "changed"
    data.get_value("nodes")[-1]["message"]["content"] = "changed"
    in_file(path).upsert("talk", data)
    there = await loaded(DataknobsConversationStorage(in_file(path)), "talk")
    assert there.metadata["note"] == there.current.data.message.content == "changed"
    twin = DataknobsConversationStorage(in_file(tmp_path / "twin.json"))
    await export_conversations(state, tmp_path / "out.json")
    await import_conversations(twin, tmp_path / "out.json")
    assert said(await loaded(twin, "talk")) == said(state)


async def test_true_text_that_is_none_is_told() -> None:
    """Whoever wrote it: it is data."""
    database = memory()
    nodes = [node("", metadata={"dknb": {"version": 1, "seq": 0, "exact": "{"}})]
    await database.upsert("talk", record("talk", document(nodes=nodes, edges=[], current_node_id="")))
    with pytest.raises(StorageError, match="'talk', node 0"):
        await DataknobsConversationStorage(database).load_conversation("talk")


TURNS = """
import asyncio, sys
from dataknobs_data.backends.file import AsyncFileDatabase, SyncFileDatabase
from dknb.conversations import ConversationNode, DataknobsConversationStorage, Step
from dknb.llm.messages import LLMMessage

async def main(path, name):
    database = (SyncFileDatabase if name < "c" else AsyncFileDatabase)({"path": path})
    storage = DataknobsConversationStorage(database)
    state = await storage.load_conversation("c")
    for number in range(15):
        await storage.append(state, Step(state.message_tree, [ConversationNode(LLMMessage("user", f"{name}{number}"))]))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_four_processes_on_one_file(tmp_path: Path) -> None:
    """Each turn is there once: a write holds a lock beside the file from the reading on."""
    path = tmp_path / "talks.json"
    storage = DataknobsConversationStorage(in_file(path))
    await stored(storage)
    command = [sys.executable, "-c", TURNS, str(path)]
    processes = [await asyncio.create_subprocess_exec(*command, name) for name in "abcd"]
    assert await asyncio.gather(*(process.wait() for process in processes)) == [0, 0, 0, 0]
    found = sorted(child.data.message.content for child in (await loaded(storage)).message_tree.children)
    assert found == sorted([*(f"{name}{number}" for name in "abcd" for number in range(15)), "m0"])
    assert json.loads(path.read_text(encoding="utf-8")).keys() == {"c"}


async def test_a_file_that_cannot_be_locked_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without locks a turn is an error, and not a turn that another may write over."""
    path = tmp_path / "talks.json"
    storage = DataknobsConversationStorage(in_file(path))
    state = await stored(storage)
    before = path.read_bytes()

    def refuse(file: Any) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr("dknb.llm.recordings.lock._lock", refuse)
    with pytest.raises(StorageError, match="cannot be locked"):
        await storage.append(state, Step(state.current, [user("more")], "main"))
    assert path.read_bytes() == before


def test_a_database_that_nobody_can_hold_is_refused() -> None:
    """Unless the caller promises to be the only one who writes."""
    real = memory()

    class Elsewhere:
        read, search, upsert, delete = real.read, real.search, real.upsert, real.delete

    with pytest.raises(ConfigError, match="Elsewhere lets nobody hold it") as error:
        DataknobsConversationStorage(Elsewhere())
    assert "only_writer=True" in str(error.value.hint)
    assert isinstance(DataknobsConversationStorage(Elsewhere(), only_writer=True).database, Elsewhere)
