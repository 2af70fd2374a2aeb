"""What was paid for is kept, however a call ends."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from conversations_help import ScriptedModel, answer, texts

from dknb.conversations import (
    ConversationManager,
    ConversationMiddleware,
    ConversationState,
    ConversationStorage,
    SQLConversationStorage,
)
from dknb.errors import ConnectionFailed, RateLimited, ServerError, StorageError
from dknb.llm.messages import LLMMessage, LLMResponse, LLMStreamResponse


async def loaded(storage: ConversationStorage) -> ConversationState:
    state = await storage.load_conversation("talk")
    assert state is not None
    return state


@pytest.fixture
async def asked(manager: ConversationManager) -> ConversationManager:
    await manager.add_message(content="one")
    return manager


async def outcomes(storage: ConversationStorage) -> list[tuple[str, int | None]]:
    return [(call.outcome, call.node_seq) for call in await storage.list_calls("talk")]


async def test_a_call_that_fails_leaves_the_question(
    asked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Nothing is added, the position stays, the ledger has the error; asking again answers the same question."""
    model.script = [RateLimited("slow down", provider="scripted")]
    with pytest.raises(RateLimited, match="slow down"):
        await asked.complete()
    assert (asked.current_node_id, asked.last_answer) == ("0", None)
    assert await outcomes(storage) == [("RateLimited", None)]
    [call] = await storage.list_calls()
    assert (call.provider, call.model, call.cost_usd) == ("scripted", "s-1", None)
    await asked.complete()
    assert texts((await loaded(storage)).message_tree) == {"user: one": {"assistant: re: one": {}}}


async def test_what_arrived_with_an_error_is_kept(
    asked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """The error's ``partial`` is stored as incomplete, where ``last_answer`` says."""
    error = ConnectionFailed("reset")
    error.partial = answer("half an ans")
    model.script = [error]
    with pytest.raises(ConnectionFailed):
        await asked.complete()
    assert asked.last_answer is asked.state.current
    node = (await loaded(storage)).current.data
    assert (node.message.content, node.state, node.metadata["cost_usd"]) == ("half an ans", "incomplete", 0.25)
    assert await outcomes(storage) == [("ConnectionFailed", 2)]


async def test_a_stream_that_breaks_leaves_what_arrived(
    asked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """The pieces that came are stored as an incomplete answer, and the error goes on its way."""
    model.script, model.cut_after = ["one two three"], 2
    with pytest.raises(ServerError, match="broke"):
        [piece async for piece in asked.stream_complete()]
    node = (await loaded(storage)).current.data
    assert (node.message.content, node.state, node.role) == ("one two ", "incomplete", "assistant")
    assert await outcomes(storage) == [("ServerError", 2)]


async def test_a_stream_that_breaks_before_the_first_piece_leaves_nothing(
    asked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """No empty answer is added."""
    model.cut_after = 0
    with pytest.raises(ServerError):
        [piece async for piece in asked.stream_complete()]
    assert (asked.current_node_id, asked.last_answer) == ("0", None)
    assert await outcomes(storage) == [("ServerError", None)]


async def test_a_stream_that_is_left_early_is_kept_and_closed(
    asked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Who closes the iterator finds what it saw in the conversation, and the provider's stream is closed."""
    async with aclosing(asked.stream_complete()) as pieces:
        async for _ in pieces:
            break
    assert model.closed == 1
    node = (await loaded(storage)).current.data
    assert (node.message.content, node.state) == ("re: ", "incomplete")
    assert await outcomes(storage) == [("cancelled", 2)]


async def test_a_cancelled_stream_is_kept(
    asked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Cancelling the task that reads (the stop button) stores what arrived before the cancellation ends."""
    arrived = asyncio.Event()

    async def slow(messages: Any, **_: Any) -> AsyncIterator[Any]:
        yield LLMStreamResponse("some ")
        arrived.set()
        await asyncio.sleep(60)

    model.stream_complete = slow  # type: ignore[method-assign]

    async def read() -> None:
        async for _ in asked.stream_complete():
            pass

    task = asyncio.create_task(read())
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    node = (await loaded(storage)).current.data
    assert (node.message.content, node.state) == ("some ", "incomplete")
    assert asked.last_answer is asked.state.current


async def test_a_cancelled_call_leaves_the_question(
    asked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Without a stream nothing has arrived; the ledger says that it was cancelled."""
    model.gate = asyncio.Event()
    task = asyncio.create_task(asked.complete())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asked.current_node_id == "0"
    assert await outcomes(storage) == [("cancelled", None)]


async def test_a_stream_without_an_end_is_incomplete(
    asked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """A provider that stops without a last piece has not answered."""

    async def endless(messages: Any, **_: Any) -> AsyncIterator[Any]:
        yield LLMStreamResponse("and then", reasoning="hm")

    model.stream_complete = endless  # type: ignore[method-assign]
    assert len([piece async for piece in asked.stream_complete()]) == 1
    node = (await loaded(storage)).current.data
    assert (node.message.content, node.message.reasoning, node.state) == ("and then", "hm", "incomplete")
    assert await outcomes(storage) == [("incomplete", 2)]


async def drained(manager: ConversationManager) -> None:
    async for _ in manager.stream_complete():
        pass


class Refusing(ConversationMiddleware):
    """Raises on the way back, after it has spoilt its copy."""

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        response.content = "spoilt"
        raise ValueError("refused")


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_stored_when_a_middleware_raises(
    asked: ConversationManager, storage: ConversationStorage, stream: bool
) -> None:
    """The answer as the model gave it is in the conversation, complete; the error reaches the caller."""
    asked.middleware.append(Refusing())
    call = drained(asked) if stream else asked.complete()
    with pytest.raises(ValueError, match="refused"):
        await call
    node = (await loaded(storage)).current.data
    assert (node.message.content.strip(), node.state) == ("re: one", "complete")
    assert asked.last_answer is asked.state.current
    assert await outcomes(storage) == [("complete", 2)]


async def test_an_answer_is_stored_when_adopting_fails(
    asked: ConversationManager, storage: ConversationStorage
) -> None:
    """A mistake in ``adopt`` does not lose what was paid for."""

    def broken(*_: Any) -> Any:
        raise KeyError("oops")

    with pytest.raises(KeyError):
        await asked.complete(adopt=broken)
    assert (await loaded(storage)).current.data.message.content == "re: one"


async def test_a_replayed_answer_cost_nothing(
    asked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """The node says what the answer cost when it was made; the ledger, what was spent now."""

    async def replayed(messages: Any, **_: Any) -> LLMResponse:
        response = answer("from a recording")
        response.metadata["replayed"] = True
        return response

    model.complete = replayed  # type: ignore[method-assign]
    await asked.complete()
    [call] = await storage.list_calls()
    assert (call.outcome, call.cost_usd) == ("replayed", 0.0)
    assert asked.state.current.data.metadata["cost_usd"] == 0.25


@pytest.fixture
def failing(storage: ConversationStorage, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A store that fails while the list is not empty."""
    down: list[bool] = []
    transaction = storage._transaction  # type: ignore[attr-defined]

    def sometimes(*, write: bool):
        if down and write:
            raise StorageError("the disk is full", hint="Make room.")
        return transaction(write=write)

    monkeypatch.setattr(storage, "_transaction", sometimes)
    return down


async def test_a_question_that_cannot_be_stored_changes_nothing(
    manager: ConversationManager, failing: list[bool]
) -> None:
    """The conversation is as before, in memory too."""
    failing.append(True)
    with pytest.raises(StorageError, match="disk is full"):
        await manager.add_message(content="one")
    assert (manager.state.message_tree.children, manager.current_node_id) == ([], "")


async def test_an_answer_that_cannot_be_stored_is_kept_and_stored_later(
    asked: ConversationManager, storage: ConversationStorage, failing: list[bool]
) -> None:
    """The error is raised, the answer is in the tree, and ``flush`` writes it with its row in the ledger."""
    failing.append(True)
    with pytest.raises(StorageError, match="disk is full"):
        await asked.complete()
    assert asked.last_answer is asked.state.current
    assert asked.state.current.data.message.content == "re: one"
    with pytest.raises(StorageError):
        await asked.flush()
    failing.clear()
    await asked.flush()
    await asked.flush()
    state = await loaded(storage)
    assert texts(state.message_tree) == {"user: one": {"assistant: re: one": {}}}
    assert (state.current_node_id, state.branches["main"].head) == ("0.0", state.current)
    assert await outcomes(storage) == [("complete", 2)]


async def test_the_next_message_stores_what_is_owed_first(
    asked: ConversationManager, storage: ConversationStorage, failing: list[bool]
) -> None:
    """One can go on when the store is back, and nothing is missing."""
    failing.append(True)
    with pytest.raises(StorageError):
        [piece async for piece in asked.stream_complete()]
    failing.clear()
    await asked.add_message(content="two")
    await asked.complete()
    state = await loaded(storage)
    assert texts(state.message_tree) == {
        "user: one": {"assistant: re: one ": {"user: two": {"assistant: re: two": {}}}}
    }
    assert await outcomes(storage) == [("complete", 2), ("complete", 4)]


async def test_a_store_that_fails_with_the_call_does_not_hide_the_calls_error(
    asked: ConversationManager,
    model: ScriptedModel,
    storage: ConversationStorage,
    failing: list[bool],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The provider's error reaches the caller; the store's is logged, and what arrived is stored later."""
    failing.append(True)
    model.cut_after = 1
    with caplog.at_level(logging.WARNING), pytest.raises(ServerError):
        [piece async for piece in asked.stream_complete()]
    assert "the disk is full" in caplog.text
    failing.clear()
    await asked.flush()
    assert (await loaded(storage)).current.data.state == "incomplete"


async def test_an_answer_is_stored_although_its_caller_is_cancelled(
    sqlite: SQLConversationStorage, model: ScriptedModel
) -> None:
    """A cancellation that comes while the answer is being written loses neither node nor ledger."""
    manager = await ConversationManager.create(model, None, sqlite, conversation_id="talk")
    for number in range(20):
        await manager.add_message(content=f"q{number}", at="")
        task = asyncio.create_task(manager.complete())
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await manager.refresh()
    answered = sum(len(question.children) for question in (await loaded(sqlite)).message_tree.children)
    calls = await outcomes(sqlite)
    assert len(calls) == 20
    assert answered == sum(seq is not None for _, seq in calls)
    assert texts((await loaded(sqlite)).message_tree) == texts(manager.state.message_tree)


async def test_an_answer_is_kept_although_its_caller_is_cancelled_and_the_store_fails(
    sqlite: SQLConversationStorage, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sees the store's error; the answer waits in the tree all the same, and is written later."""
    manager = await ConversationManager.create(model, None, sqlite, conversation_id="talk")
    await manager.add_message(content="one")
    reached, go_on = threading.Event(), threading.Event()

    def slow_and_broken(*, write: bool):
        reached.set()
        go_on.wait(10)
        raise StorageError("the disk is full", hint="Make room.")

    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "_transaction", slow_and_broken)
        task = asyncio.create_task(manager.complete())
        await asyncio.to_thread(reached.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert manager.state.current.data.message.content == "re: one"
    assert await outcomes(sqlite) == []
    await manager.flush()
    assert texts((await loaded(sqlite)).message_tree) == {"user: one": {"assistant: re: one": {}}}
    assert await outcomes(sqlite) == [("complete", 2)]
