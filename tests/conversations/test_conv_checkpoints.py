"""An answer that streams is in the store while it streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from conversations_help import ScriptedModel, answer, loaded

from dknb.conversations import Amendment, ConversationManager, ConversationState, ConversationStorage, Step, checkpoints
from dknb.conversations import state as states
from dknb.errors import ConversationError, ServerError, StorageError
from dknb.llm.messages import LLMMessage, LLMResponse, LLMStreamResponse

PAUSE = 0.02


class SlowModel(ScriptedModel):
    """Streams its words with a pause after each; after ``stalls_after`` of them it waits for its gate."""

    stalls_after: int | None = None

    async def stream_complete(
        self, messages: Sequence[LLMMessage], **overrides: Any
    ) -> AsyncIterator[LLMStreamResponse]:
        words = self.script.pop(0).split(" ") if self.script else []  # type: ignore[union-attr]
        for number, word in enumerate(words):
            if number == self.cut_after:
                raise ServerError("the connection broke", provider="scripted", hint="ask again")
            if number == self.stalls_after and self.gate is not None:
                await self.gate.wait()
            yield LLMStreamResponse(delta=f"{word} ")
            await asyncio.sleep(PAUSE)
        yield LLMStreamResponse(is_final=True, response=answer("".join(f"{word} " for word in words)))


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints come as often as words."""
    monkeypatch.setattr(checkpoints, "EVERY", PAUSE)


@pytest.fixture
def model() -> SlowModel:
    return SlowModel("one two three four five six")


async def collected(manager: ConversationManager, **options: Any) -> list[str]:
    return [piece.delta async for piece in manager.stream_complete(**options)]


def test_a_checkpoint_comes_at_least_every_half_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """With something left for the writing."""
    monkeypatch.undo()
    assert 0 < checkpoints.EVERY < 0.5


async def test_what_arrived_is_stored_while_it_streams(
    manager: ConversationManager, model: SlowModel, storage: ConversationStorage
) -> None:
    """Also when the model stalls: others read it as incomplete, and one is at it; the end completes the same node."""
    await manager.add_message(content="count")
    model.gate, model.stalls_after = asyncio.Event(), 3
    task = asyncio.create_task(collected(manager))
    await asyncio.sleep(15 * PAUSE)
    seen = await loaded(storage, "talk")
    assert seen.current.data.message.content == "one two three "
    assert seen.current.data.state == "incomplete"
    assert (seen.current_branch, seen.branches["main"].head) == ("main", seen.current)
    model.gate.set()
    assert "".join(await task) == "one two three four five six "
    assert len(manager.state.stored) == 3
    after = (await loaded(storage, "talk")).current.data
    assert (after.message.content, after.state) == ("one two three four five six ", "complete")
    assert after.metadata["cost_usd"] == 0.25
    assert await storage.refresh(seen)
    assert seen.current.data.message.content == "one two three four five six "
    assert seen.current.data.state == "complete"


async def test_a_cut_answer_is_one_node(
    manager: ConversationManager, model: SlowModel, storage: ConversationStorage
) -> None:
    """All that arrived is in it, marked incomplete, however it was cut."""
    await manager.add_message(content="count")
    model.cut_after = 4
    with pytest.raises(ServerError):
        await collected(manager)
    model.cut_after = None
    model.script = ["one two three four five six"] * 2
    await manager.switch_to_node("0")
    task = asyncio.create_task(collected(manager))
    await asyncio.sleep(4 * PAUSE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await manager.switch_to_node("0")
    stream = manager.stream_complete()
    async for piece in stream:
        if piece.delta == "three ":
            break
    await stream.aclose()
    state = await loaded(storage, "talk")
    first, second, third = state.message_tree.children[0].children
    assert first.data.message.content == "one two three four "
    assert second.data.message.content.startswith("one two")
    assert third.data.message.content == "one two three "
    assert [tree.data.state for tree in (first, second, third)] == ["incomplete"] * 3
    assert manager.last_answer is not None
    assert manager.last_answer.data.node_id == "0.2"


async def test_a_short_answer_is_written_once(
    manager: ConversationManager, model: SlowModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is complete before the first checkpoint costs one step; so does an answer that is not to be saved yet."""
    monkeypatch.setattr(checkpoints, "EVERY", 5.0)
    steps: list[Step | Amendment] = []
    monkeypatch.setattr(type(manager.storage), "append", _noting(type(manager.storage).append, steps))
    monkeypatch.setattr(type(manager.storage), "amend", _noting(type(manager.storage).amend, steps))
    await manager.add_message(content="count")
    await collected(manager)
    assert len(steps) == 2
    monkeypatch.setattr(checkpoints, "EVERY", PAUSE)
    model.script = ["one two three"]
    await collected(manager, save=False)
    assert len(steps) == 2


def _noting(method: Any, steps: list[Step | Amendment]) -> Any:
    async def noting(self: Any, state: ConversationState, step: Step | Amendment) -> Any:
        steps.append(step)
        return await method(self, state, step)

    return noting


async def test_an_answer_that_is_known_is_not_begun_anew(manager: ConversationManager, model: SlowModel) -> None:
    """While what arrives is the beginning of an answer that may be taken for it, nothing is added."""
    await manager.add_message(content="count")
    await collected(manager)
    known = manager.state.current
    await manager.switch_to_node("0")
    model.script = ["one two three four five six"]

    def adopt(question: Any, response: LLMResponse) -> Any:
        return known if response.content == known.data.message.content else None

    await collected(manager, adopt=adopt)
    assert len(manager.state.stored) == 3
    assert manager.state.current is known
    await manager.switch_to_node("0")
    model.script = ["one two and many more"]
    await collected(manager, adopt=adopt)
    assert manager.state.current.data.message.content == "one two and many more "
    assert len(manager.state.stored) == 4


async def test_a_store_that_fails_does_not_stop_the_stream(
    manager: ConversationManager, model: SlowModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The checkpoint is logged as missing; the whole answer is written in the end."""
    await manager.add_message(content="count")
    kind = type(manager.storage)
    append = kind.append

    async def failing(self: Any, state: ConversationState, step: Step) -> Any:
        if not step.paid:
            raise StorageError("the disk is full")
        return await append(self, state, step)

    monkeypatch.setattr(kind, "append", failing)
    assert "".join(await collected(manager)) == "one two three four five six "
    assert "no checkpoint: the disk is full" in caplog.text
    assert manager.state.current.data.message.content == "one two three four five six "
    assert manager.state.current.data.seq == 2


async def grown(storage: ConversationStorage, text: str) -> None:
    """Wait until the store has so much of the answer."""
    for _ in range(500):
        if (await loaded(storage, "talk")).current.data.message.content == text:
            return
        await asyncio.sleep(PAUSE)
    pytest.fail("the answer does not grow")


async def test_a_part_of_an_answer_is_not_sent_for_the_whole(
    manager: ConversationManager, model: SlowModel, storage: ConversationStorage
) -> None:
    """Who would ask about an answer that grows elsewhere is told to wait; one that grows no more counts as cut."""
    model.stalls_after, model.gate = 3, asyncio.Event()
    await manager.add_message(content="count")
    streaming = asyncio.create_task(collected(manager))
    await grown(storage, "one two three ")
    other = await ConversationManager.resume("talk", model, None, storage)
    for ask in (other.complete(), other.complete_many(2)):
        with pytest.raises(ConversationError, match="still coming"):
            await ask
    below = await other.add_message(content="and?")
    with pytest.raises(ConversationError, match="still coming"):
        await other.complete(at=below.tree)
    model.gate.set()
    await streaming
    await other.complete(at="0.0")
    assert model.sent[-1][-1].content == "one two three four five six "


async def test_an_answer_whose_writer_died_can_be_asked_about(
    manager: ConversationManager, model: SlowModel, storage: ConversationStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has not grown for a while."""
    model.stalls_after, model.gate = 3, asyncio.Event()
    await manager.add_message(content="count")
    streaming = asyncio.create_task(collected(manager))
    await grown(storage, "one two three ")
    monkeypatch.setattr(states, "GROWING", timedelta(0))
    other = await ConversationManager.resume("talk", ScriptedModel(), None, storage)
    assert (await other.complete()).content == "re: one two three "
    streaming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await streaming
