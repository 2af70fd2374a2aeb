"""A store that is not what was read from it: deleted, made again, put back from a backup; and what can never be written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from conversations_help import ScriptedModel, loaded, stored, texts, user

from dknb.conversations import (
    CallRecord,
    ConversationManager,
    ConversationNode,
    ConversationStorage,
    SQLConversationStorage,
    Step,
)
from dknb.errors import ConfigError, ConversationNotFound, StorageError
from dknb.llm.messages import LLMMessage, LLMResponse


@pytest.fixture
def storage(each_storage: ConversationStorage) -> ConversationStorage:
    return each_storage


async def talked(storage: ConversationStorage, questions: int) -> ConversationManager:
    manager = await ConversationManager.create(ScriptedModel(), None, storage, conversation_id="talk")
    for number in range(questions):
        await manager.add_message(content=f"q{number}")
    return manager


@pytest.mark.parametrize("questions", [0, 1, 5])
async def test_a_conversation_made_again_is_not_written_to(storage: ConversationStorage, questions: int) -> None:
    """Whether it is shorter or longer than the one that was open: nothing lands in it, and the paid answer is kept."""
    manager = await talked(storage, 3)
    await storage.delete_conversation("talk")
    other = await talked(storage, questions)
    before = texts(other.state.message_tree)
    with pytest.raises(StorageError, match="another one was made under its name"):
        await manager.add_message(content="mine")
    with pytest.raises(StorageError, match="another one") as caught:
        await manager.complete()
    assert isinstance(caught.value.response, LLMResponse)
    assert caught.value.response.content == "re: q2"
    assert len(manager.state.owed) == 1
    for do in (manager.refresh, manager.flush, lambda: storage.save_conversation(manager.state)):
        with pytest.raises(StorageError, match="another one"):
            await do()
    with pytest.raises(StorageError, match="another one"):
        await manager.label("0", "good")
    state = await loaded(storage, "talk")
    assert texts(state.message_tree) == before
    assert len(state.stored) == questions + 1
    await other.add_message(content="on")


@pytest.mark.parametrize("more", [0, 1, 6])
async def test_a_backup_put_back_is_not_written_to(tmp_path: Path, more: int) -> None:
    """It may have gone on since, for less or longer than the conversation that is open."""
    path = tmp_path / "store.db"
    async with SQLConversationStorage(path) as storage:
        await talked(storage, 1)
    shutil.copy(path, tmp_path / "backup.db")
    storage = SQLConversationStorage(path)
    manager = await ConversationManager.resume("talk", ScriptedModel(), None, storage)
    for number in range(3):
        await manager.add_message(content=f"lost {number}")
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    (tmp_path / "backup.db").replace(path)
    async with SQLConversationStorage(path) as other:
        resumed = await ConversationManager.resume("talk", ScriptedModel(), None, other)
        for number in range(more):
            await resumed.add_message(content=f"new {number}")
    for do in (lambda: manager.add_message(content="mine"), manager.refresh):
        with pytest.raises(StorageError, match="backup"):
            await do()
    assert await storage.check() == []
    assert len((await loaded(storage, "talk")).stored) == 2 + more
    await storage.close()


async def test_an_answer_to_a_conversation_deleted_meanwhile_is_in_the_error(storage: ConversationStorage) -> None:
    """And is written when the conversation is saved again."""
    manager = await talked(storage, 1)
    await storage.delete_conversation("talk")
    with pytest.raises(ConversationNotFound) as caught:
        await manager.complete()
    assert isinstance(caught.value.response, LLMResponse)
    assert caught.value.response.content == "re: q0"
    await storage.save_conversation(manager.state)
    await manager.flush()
    assert manager.state.owed == []
    assert (await loaded(storage, "talk")).stored[-1].data.message.content == "re: q0"


class Odd:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "metadata",
    [{("a", 1): "x"}, {"a": {2: {("b",): 1}}}, {"a": float("nan")}, {"a": Odd()}, {"a": [b"\xff"]}],
    ids=["key", "deep key", "nan", "no text", "bytes"],
)
async def test_a_paid_answer_is_stored_whatever_it_holds(
    storage: ConversationStorage, metadata: dict[Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """What of it is no JSON is text then, in memory as in the store; that is told, and the conversation goes on."""
    state = await stored(storage)
    message = LLMMessage("assistant", "paid")
    message.metadata.update(metadata)
    call = CallRecord("c", prompt_tokens=10**30, cost_usd=float("inf"), model=5)  # type: ignore[arg-type]
    node = ConversationNode(message, metadata={"a": 1, **metadata})
    await storage.append(state, Step(state.current, [node], "main", call=call, paid=True))
    assert state.owed == []
    assert "is no JSON" in caplog.text
    await storage.append(state, Step(state.current, [user("next")], "main"))
    state = await loaded(storage)
    assert state.stored[3].data.message.content == "paid"
    assert state.stored[3].data.metadata == node.metadata
    assert len(await storage.list_calls("c")) == 1


async def test_a_message_with_such_metadata_is_refused(storage: ConversationStorage) -> None:
    """It was not paid for: nothing is written, and the state is as before."""
    state = await stored(storage)
    for metadata in ({("a",): 1}, {"a": float("inf")}):
        with pytest.raises(StorageError, match="JSON"):
            await storage.append(state, Step(state.current, [user("x", metadata=metadata)], "main"))
    assert len((await loaded(storage)).stored) == len(state.stored) == 3


async def test_saving_writes_labels(storage: ConversationStorage) -> None:
    """Those that were given and those that were taken; what another has given meanwhile stays."""
    state = await stored(storage)
    state.stored[1].data.labels = frozenset({"good", "new"})
    await storage.save_conversation(state)
    assert (await loaded(storage)).stored[1].data.labels == {"good", "new"}
    other = await loaded(storage)
    state.stored[1].data.labels = frozenset({"new"})
    await storage.save_conversation(state)
    assert (await loaded(storage)).stored[1].data.labels == {"new"}
    other.stored[2].data.labels = frozenset({"mine"})
    await storage.save_conversation(other)
    assert [sorted(node.data.labels) for node in (await loaded(storage)).stored] == [[], ["good", "new"], ["mine"]]


async def test_names_like_an_unknown_one_are_found_in_the_store(storage: ConversationStorage) -> None:
    """Without reading a conversation."""
    for name in ("apples", "pears"):
        await stored(storage, name)
    assert await storage.similar("appels") == (["apples"], 2)
    assert (await storage.similar("zzz"))[0] == []


@pytest.mark.parametrize("name", [5, None, b"x", ("a",)])
async def test_what_is_no_name_is_refused(storage: ConversationStorage, name: Any) -> None:
    """By each method, in the same words."""
    for do in (storage.load_conversation, storage.delete_conversation, lambda name: storage.load_path(name, 0)):
        with pytest.raises(ConfigError, match="no name of a conversation"):
            await do(name)


async def test_a_name_or_number_that_cannot_be_there_is_not_there(storage: ConversationStorage) -> None:
    """Half of a surrogate pair, NUL, a number beyond any."""
    await stored(storage)
    for name in ("\ud800", "\0"):
        assert await storage.load_conversation(name) is None
        assert await storage.delete_conversation(name) is False
        assert await storage.load_path(name, 0) == []
        assert await storage.list_calls(name) == []
    for seq in (-1, 10**30):
        assert await storage.load_path("c", seq) == []
    with pytest.raises(ConfigError, match="no number of a node"):
        await storage.load_path("c", "x")  # type: ignore[arg-type]
    assert [node.message for node in await storage.load_path("c", 0)] == [LLMMessage("system", "")]
