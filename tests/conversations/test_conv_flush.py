"""A store that fails in the middle of a turn: what was paid for is kept, and written when the store is back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conversations_help import ScriptedModel, loaded

from dknb.conversations import ConversationManager, MemoryConversationStorage, checkpoints
from dknb.conversations.stores.rows import Rows
from dknb.errors import StorageError
from dknb.llm.messages import LLMResponse


class Flaky(MemoryConversationStorage):
    """A store that is down for a while."""

    down = False

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Rows]:
        if self.down:
            raise StorageError("the store is away")
        with super()._transaction(write=write) as rows:
            yield rows


@pytest.fixture
def storage() -> Flaky:
    return Flaky()


async def test_the_answer_is_in_the_error_and_in_the_tree(manager: ConversationManager, storage: Flaky) -> None:
    """The model is not asked again: the next turn writes it before itself."""
    await manager.add_message(content="one")
    storage.down = True
    with pytest.raises(StorageError) as caught:
        await manager.complete()
    assert isinstance(caught.value.response, LLMResponse)
    assert caught.value.response.content == "re: one"
    assert manager.state.current.data.message.content == "re: one"
    with pytest.raises(StorageError):
        await manager.flush()
    storage.down = False
    await manager.add_message(content="two")
    await manager.complete()
    state = await loaded(storage, "talk")
    assert [node.data.message.content for node in state.stored] == ["", "one", "re: one", "two", "re: two"]
    assert state.current.data.node_id == "0.0.0.0"
    assert [call.node_seq for call in await storage.list_calls("talk")] == [2, 4]


async def test_flush_writes_in_order_what_waits(
    manager: ConversationManager, storage: Flaky, model: ScriptedModel
) -> None:
    """Several answers that came at the same time; a second flush writes nothing twice."""
    await manager.add_message(content="one")
    model.gate = asyncio.Event()
    calls = [asyncio.create_task(manager.complete()) for _ in range(3)]
    await asyncio.sleep(0)
    storage.down = True
    model.gate.set()
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in errors] == [StorageError] * 3
    storage.down = False
    await manager.flush()
    await manager.flush()
    state = await loaded(storage, "talk")
    assert [tree.data.message.content for tree in state.message_tree.children[0].children] == ["re: one"] * 3
    assert len(await storage.list_calls("talk")) == 3
    assert manager.state.owed == []


async def test_no_model_is_paid_while_an_answer_waits(
    manager: ConversationManager, storage: Flaky, model: ScriptedModel
) -> None:
    """The next call fails before it is made."""
    await manager.add_message(content="one")
    storage.down = True
    for _ in range(2):
        with pytest.raises(StorageError):
            await manager.complete()
    assert len(model.sent) == 1


async def test_a_stream_whose_store_went_away_is_completed_by_flush(
    manager: ConversationManager, storage: Flaky, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun in the store as a checkpoint gets its end there."""
    monkeypatch.setattr(checkpoints, "EVERY", 0.01)
    model.script = ["one two three four"]
    await manager.add_message(content="count")

    async def stream() -> None:
        async for piece in manager.stream_complete():
            await asyncio.sleep(0.05)
            storage.down = storage.down or piece.delta == "two "

    with pytest.raises(StorageError) as caught:
        await stream()
    assert isinstance(caught.value.response, LLMResponse)
    assert caught.value.response.content == "one two three four "
    storage.down = False
    cut = (await loaded(storage, "talk")).current.data
    assert (cut.message.content, cut.state) == ("one two ", "incomplete")
    await manager.flush()
    whole = (await loaded(storage, "talk")).current.data
    assert (whole.message.content, whole.state) == ("one two three four ", "complete")
    assert len(manager.state.stored) == 3


async def test_nothing_is_said_that_could_not_be_written(manager: ConversationManager, storage: Flaky) -> None:
    """A question is not paid for: it is refused, and the conversation is as before."""
    await manager.add_message(content="one")
    storage.down = True
    for attempt in (manager.add_message(content="two"), manager.edit("0", "uno"), manager.delete("0")):
        with pytest.raises(StorageError):
            await attempt
    storage.down = False
    assert manager.current_node_id == "0"
    assert [row["content"] for row in manager.to_rows()] == ["one"]


async def test_many_answers_survive_a_store_that_went_away(manager: ConversationManager, storage: Flaky) -> None:
    """Each waits to be written."""
    await manager.add_message(content="one")
    storage.down = True
    with pytest.raises(StorageError):
        await manager.complete_many(3)
    storage.down = False
    await manager.flush()
    assert len((await loaded(storage, "talk")).stored) == 5
