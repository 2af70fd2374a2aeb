"""What every store keeps: texts, names, metadata and the ledger, as they were."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from conversations_help import chain, loaded, stored, texts, user

from dknb.conversations import (
    Branch,
    CallRecord,
    Change,
    ConversationNode,
    ConversationState,
    ConversationStorage,
    Step,
)
from dknb.errors import StorageError
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import ImagePart, TextPart, ToolCall


async def test_the_ledger_keeps_calls_as_they_were(storage: ConversationStorage) -> None:
    """Rows come back in order with all they say, of one conversation or all, and outlive the conversation."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc)
    full = CallRecord("c", None, "cell", "chat", "p", "m", 10, 20, 5, 0.125, 1.5, "RateLimited", at)
    other = CallRecord(conversation_id=None, kind="embed", at=at)
    await stored(storage)
    await storage.record_call(full)
    await storage.record_call(other)
    await storage.delete_conversation("c")
    assert await storage.list_calls() == [full, other]
    assert await storage.list_calls("c") == [full]


async def test_messages_come_back_whole(storage: ConversationStorage) -> None:
    """Tool calls, parts, names, reasoning and metadata of messages survive."""
    state = await stored(storage)
    call = ToolCall("search", {"q": "x"}, "id-1", '{"q": "x"}')
    said = [
        LLMMessage("assistant", "calling", tool_calls=[call], reasoning="hm"),
        LLMMessage("tool", "found", tool_call_id="id-1", name="search", metadata={"k": 1}),
        LLMMessage("user", [TextPart("see"), ImagePart(url="https://example.org/a.png")]),
        LLMMessage("assistant", "", function_call={"name": "f", "arguments": "{}"}),
    ]
    await storage.append(state, Step(state.current, [ConversationNode(message) for message in said], "main"))
    twin = await loaded(storage)
    assert [node.data.message for node in twin.stored[3:]] == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\0b",
        "\ud83d half a pair",
        "'; DROP TABLE nodes; --",
        "<script>",
        "\r\n\t ",
        "héllo 🎉 \u2028",
        "x" * 2_000_000,
    ],
    ids=["empty", "nul", "surrogate", "sql", "html", "blank", "unicode", "long"],
)
async def test_any_text_comes_back_as_it_was(storage: ConversationStorage, text: str) -> None:
    """What was said is data: nothing in it is read, replaced or refused."""
    state = await stored(storage)
    named = LLMMessage("user", text, name="somebody")
    await storage.append(state, Step(state.current, [user(text), ConversationNode(named)], "main"))
    twin = await loaded(storage)
    assert [node.data.message for node in twin.stored[3:]] == [LLMMessage("user", text), named]


@pytest.mark.parametrize("name", ["it's; DROP TABLE branches", "../../etc", "<b>", "ü" * 200, "%s {x} $y"])
async def test_names_are_data(storage: ConversationStorage, name: str) -> None:
    """Conversations, branches and metadata keep any name."""
    state = ConversationState(name, chain(1).root, metadata={name: name})
    await storage.create_conversation(state)
    await storage.update(state, Change(new=[Branch(name, state.current, state.created_at)]))
    twin = await loaded(storage, name)
    assert list(twin.branches) == ["main", name]
    assert [each["conversation_id"] for each in await storage.list_conversations({name: name})] == [name]


async def test_metadata_that_json_does_not_know_is_kept_as_text(storage: ConversationStorage) -> None:
    """A date becomes its text; what cannot be written at all is an error that changes nothing."""
    state = await stored(storage)
    await storage.append(state, Step(state.current, [user("q", metadata={"at": datetime(2026, 1, 2)})], "main"))
    assert (await loaded(storage)).stored[-1].data.metadata == {"at": "2026-01-02 00:00:00"}
    circular: dict = {}
    circular["self"] = circular
    for bad in ({(1, 2): "tuple key"}, circular):
        with pytest.raises(StorageError, match="metadata of the message"):
            await storage.append(state, Step(state.current, [user("r", metadata=bad)], "main"))
    assert len(state.stored) == 4
    [after] = await storage.append(state, Step(state.current, [user("s")], "main"))
    assert after.data.seq == 4
    assert texts((await loaded(storage)).message_tree) == texts(state.message_tree)


async def test_a_time_without_a_zone_is_utc(storage: ConversationStorage) -> None:
    """Imported documents have such times."""
    state = await stored(storage)
    naive = datetime(2026, 5, 6, 7, 8, 9)
    await storage.append(state, Step(state.current, [user("q", timestamp=naive)], "main"))
    assert (await loaded(storage)).stored[-1].data.timestamp == naive.replace(tzinfo=timezone.utc)


async def test_listing_finds_by_metadata_and_sorts_by_time(storage: ConversationStorage) -> None:
    """Filters are values that the metadata must have; the last written comes first."""
    for name, topic in (("a", "x"), ("b", "y"), ("c", "x")):
        await storage.create_conversation(ConversationState(name, chain(1).root, metadata={"topic": topic}))
    first = await loaded(storage, "a")
    await storage.append(first, Step(first.current, [user("again")], "main"))
    listed = await storage.list_conversations()
    assert [each["conversation_id"] for each in listed] == ["a", "c", "b"]
    assert listed[0]["metadata"] == {"topic": "x"}
    assert listed[0]["nodes"] == 3
    assert listed[0]["updated_at"] > listed[0]["created_at"]
    assert [each["conversation_id"] for each in await storage.list_conversations({"topic": "x"})] == ["a", "c"]
    assert [each["conversation_id"] for each in await storage.list_conversations({"conversation_id": "b"})] == ["b"]
    assert await storage.list_conversations({"topic": "x", "missing": None}) == []


async def test_listing_reads_no_node(storage: ConversationStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the conversations are, only their own rows are read."""
    await stored(storage, length=50)
    for rows in ("dknb.conversations.stores.memory._MemoryRows", "dknb.conversations.sql._rows.SqlRows"):
        monkeypatch.setattr(f"{rows}.nodes", None)
    assert [each["nodes"] for each in await storage.list_conversations()] == [51]
