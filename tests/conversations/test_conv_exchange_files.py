"""Files: in one go or not at all, never over anything, and however large."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from exchange_help import conversation, document, said, write

from dknb.conversations import (
    CallRecord,
    ConversationReader,
    ConversationStorage,
    MemoryConversationStorage,
    export_conversations,
    export_conversations_sync,
    import_conversations,
    import_conversations_sync,
)
from dknb.conversations.exchange import items
from dknb.errors import ConfigError, ConversationNotFound, DknbError, SchemaVersionError, StorageError


async def test_documents_go_from_store_to_store(storage: ConversationStorage, tmp_path: Path) -> None:
    """All conversations, whole, with their rows of the ledger; one that is there just the same is left alone."""
    for name in ("one", "two"):
        state = conversation(name)
        state.current.data.labels = frozenset({"good"})
        await storage.create_conversation(state)
        await storage.record_call(CallRecord(name, 2, model="m", cost_usd=0.5))
    assert await export_conversations(storage, tmp_path / "talks.json") == (2, 2)
    other = MemoryConversationStorage()
    assert await import_conversations(other, tmp_path / "talks.json") == (["one", "two"], [], 2, ())
    assert await import_conversations(other, tmp_path / "talks.json") == ([], ["one", "two"], 0, ())
    twin = await other.load_conversation("two")
    assert twin is not None
    assert said(twin) == said(conversation())
    assert twin.branches["main"].head is twin.current
    assert twin.current.data.labels == {"good"}
    assert await other.list_calls() == await storage.list_calls()


async def test_one_conversation_is_one_document(tmp_path: Path) -> None:
    """As the peer's from_dict takes it."""
    await export_conversations(ConversationReader(conversation()), tmp_path / "talk.json")
    assert json.loads((tmp_path / "talk.json").read_text(encoding="utf-8"))["conversation_id"] == "talk"


async def test_the_own_format_goes_the_same_way(storage: ConversationStorage, tmp_path: Path) -> None:
    """Files of dknb store export are read and written by the same pair."""
    await storage.create_conversation(conversation())
    assert await export_conversations(storage, tmp_path / "own.jsonl", "dknb") == (1, 1)
    assert (await import_conversations(MemoryConversationStorage(), tmp_path / "own.jsonl")).added == ["talk"]


async def test_a_name_that_is_taken(storage: ConversationStorage, tmp_path: Path) -> None:
    """Another conversation of the name is never written over: it is refused, or renamed when told to."""
    await storage.create_conversation(conversation())
    path = write(tmp_path / "talks.json", document(conversation_id="new"), document())
    with pytest.raises(StorageError, match="another conversation 'talk'"):
        await import_conversations(storage, path)
    assert [each["conversation_id"] for each in await storage.list_conversations()] == ["talk"]
    assert (await import_conversations(storage, path, rename=True)).added == ["new", "talk (2)"]
    state = await storage.load_conversation("talk")
    assert state is not None
    assert said(state) == said(conversation())


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (document(nodes=[]), StorageError),
        (document(schema_version="3.0.0"), SchemaVersionError),
        (document(), StorageError),
        (document(conversation_id=" "), StorageError),
        (document(conversation_id="a\x1b[31m"), StorageError),
    ],
)
async def test_nothing_is_imported_of_a_broken_file(tmp_path: Path, last: Any, error: type[DknbError]) -> None:
    """Not even the sound documents before the broken one."""
    storage = MemoryConversationStorage()
    with pytest.raises(error):
        await import_conversations(storage, write(tmp_path / "talks.json", document(), last))
    assert await storage.list_conversations() == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b'{"nodes": [', "cut short"),
        (b"[1, 2]", "'1' is no object"),
        (b'{"nodes": nil}', "item 1"),
        (b'{"nodes": "\xff"}', "cannot be read"),
        (b'{"mood": "good"}', "begins with nothing that is known"),
        (b'{"nodes": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "item 1"),
        (b"SQLite format 3\0" + b"x" * 100, "cannot be read as a log of llm"),
    ],
)
async def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    """The error says what is wrong with it."""
    path = tmp_path / "talks.json"
    path.write_bytes(content)
    with pytest.raises(StorageError) as error:
        await import_conversations(MemoryConversationStorage(), path)
    assert what in str(error.value)


@pytest.mark.parametrize(
    ("content", "what"),
    [("[{}", "cut short"), ("{}}", "stray '}'"), ("[{}, x]", "'x' is no object"), ("{} x", "'x' is no object")],
)
def test_json_that_breaks_off_or_goes_astray(tmp_path: Path, content: str, what: str) -> None:
    """What comes before is read, and then the error comes."""
    path = tmp_path / "items.json"
    path.write_text(content, encoding="utf-8")
    found = []
    with pytest.raises(StorageError, match=what):
        found += [item for _, item in items.read_items(path)]
    reading = items.read_items(path)
    assert next(reading)[1] == {}


async def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    """One that is there is refused; one that could not be finished is gone."""
    path = write(tmp_path / "mine.json", {"precious": 1})
    with pytest.raises(ConfigError, match="already"):
        await export_conversations(conversation(), path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"precious": 1}
    with pytest.raises(ConversationNotFound, match="'nobody'"):
        await export_conversations(MemoryConversationStorage(), tmp_path / "new.json", names=["nobody"])
    assert not (tmp_path / "new.json").exists()
    with pytest.raises(StorageError, match="cannot be written"):
        await export_conversations(conversation(), tmp_path / "no" / "folder.json")
    with pytest.raises(StorageError, match="cannot be read"):
        await import_conversations(MemoryConversationStorage(), tmp_path / "missing.json")


def test_who_cannot_await(tmp_path: Path) -> None:
    """The same pair without await."""
    storage = MemoryConversationStorage()
    assert export_conversations_sync(conversation(), tmp_path / "talk.json") == (1, 1)
    assert import_conversations_sync(storage, tmp_path / "talk.json").added == ["talk"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("shape", ["array", "lines", "pretty"])
def test_items_are_found_wherever_the_pieces_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, shape: str
) -> None:
    """Brackets, quotes and escapes in texts are text."""
    monkeypatch.setattr(items, "CHUNK", size)
    data = [{"a": '"}]{[\\'}, {"b\\": [{"c": "\\"}, "é\u2028😀"]}, {}, {"d": {"e": ["\\\\", ",", "]"]}}]
    dumped = [json.dumps(item, ensure_ascii=False, indent=2 if shape == "pretty" else None) for item in data]
    text = f" [{', '.join(dumped)}]\n" if shape == "array" else "\n".join(dumped)
    path = tmp_path / "items.json"
    path.write_text(text, encoding="utf-8")
    assert [item for _, item in items.read_items(path)] == data


@pytest.mark.parametrize("shape", ["array", "lines"])
def test_a_large_file_is_not_loaded_whole(tmp_path: Path, shape: str) -> None:
    """Forty megabytes take a few at a time."""
    path = tmp_path / "large.json"
    item = json.dumps({"messages": [{"role": "user", "content": "x" * 40_000}]})
    with path.open("w", encoding="utf-8") as file:
        file.write("[" if shape == "array" else "")
        for number in range(1_000):
            file.write((",\n" if number and shape == "array" else "\n") + item)
        file.write("]" if shape == "array" else "")
    tracemalloc.start()
    count = sum(1 for _ in items.read_items(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 1_000
    assert peak < 12_000_000
