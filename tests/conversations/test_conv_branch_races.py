"""Two writers on one branch, one of which moves it between the other's last look and its writing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from conversations_help import ScriptedModel, chain

from dknb.conversations import (
    Branch,
    Change,
    ConversationManager,
    ConversationNode,
    ConversationState,
    ConversationStorage,
    SQLConversationStorage,
    Start,
    Step,
)
from dknb.llm.messages import LLMMessage, LLMResponse


@pytest.fixture
def storage(each_storage: ConversationStorage) -> ConversationStorage:
    return each_storage


async def two(storage: ConversationStorage) -> tuple[ConversationState, ConversationState]:
    """A conversation of two messages, opened twice."""
    state = ConversationState("c", (tip := chain(2)).root)
    state.move(tip, "main")
    await storage.create_conversation(state)
    return state, await loaded(storage)


async def loaded(storage: ConversationStorage) -> ConversationState:
    state = await storage.load_conversation("c")
    assert state is not None
    return state


def said(text: str) -> ConversationNode:
    return ConversationNode(LLMMessage("user", text))


async def head(storage: ConversationStorage, branch: str = "main") -> str:
    return (await loaded(storage)).branches[branch].head.data.message.content


async def test_going_over_known_ground_takes_no_branch_back(storage: ConversationStorage) -> None:
    """An answer that is there already is adopted; the other has gone further on the branch meanwhile."""
    one, other = await two(storage)
    start = Start.of(one)
    [known] = await storage.append(other, Step(other.current, [said("known")], "main"))
    await storage.append(other, Step(known, [said("further")], "main"))
    await storage.append(one, Step(one.current, [said("beside")], None, still=True))  # brings what the other said
    mine = one.stored[known.data.seq]  # type: ignore[index]
    await storage.append(one, Step(mine, [], "main", start))
    assert await head(storage) == "further"
    assert one.branches["main"].head.data.message.content == "further"


async def test_an_answer_does_not_move_a_branch_that_has_been_moved(storage: ConversationStorage) -> None:
    """As within one process: who began where the branch ended then adds a sibling; the next message takes it along."""
    one, other = await two(storage)
    await storage.append(other, Step(other.current, [said("first")], "main", Start.of(other)))
    await storage.append(one, Step(one.current, [said("second")], "main", Start.of(one)))
    assert await head(storage) == "first"
    assert one.branches["main"].head.data.message.content == "first"
    assert one.current.data.message.content == "second"
    await storage.append(one, Step(one.current, [said("third")], "main"))
    assert await head(storage) == "third"


async def test_a_branch_that_was_deleted_is_not_shown_again(storage: ConversationStorage) -> None:
    """By an answer that comes later."""
    one, other = await two(storage)
    await storage.update(other, Change(hide_branches=["main"]))
    await storage.append(one, Step(one.current, [said("late")], "main", Start.of(one)))
    state = await loaded(storage)
    assert state.branches["main"].deletion
    assert one.current_branch is None
    assert state.stored[-1].data.message.content == "late"


@pytest.mark.parametrize("what", ["move", "hide", "show"])
async def test_a_change_leaves_a_branch_where_others_put_it(storage: ConversationStorage, what: str) -> None:
    """Whether it would move, delete or undelete the branch; the state sees where it is."""
    one, _ = await two(storage)
    side = Branch("side", one.current, one.created_at)
    await storage.update(one, Change(new=[side]))
    if what == "show":
        await storage.update(one, Change(hide_branches=["side"]))
    other = await loaded(storage)
    await storage.update(other, Change(unhide_branches=["side"]))
    await storage.append(other, Step(other.current, [said("further")], "side"))
    if what == "show":
        await storage.update(other, Change(hide_branches=["side"]))
    change = {
        "move": Change(heads={"side": one.stored[1]}),
        "hide": Change(hide_branches=["side"]),
        "show": Change(unhide_branches=["side"]),
    }[what]
    await storage.update(one, change)
    assert await head(storage, "side") == "further"
    for state in (one, await loaded(storage)):
        assert state.branches["side"].head.data.message.content == "further"
        assert bool(state.branches["side"].deletion) is (what == "hide")


async def test_saving_takes_no_branch_back(storage: ConversationStorage) -> None:
    """What the store has beyond the state that is saved stays, where branches end too."""
    one, other = await two(storage)
    await storage.append(other, Step(other.current, [said("further")], "main"))
    await storage.save_conversation(one)
    assert await head(storage) == "further"


async def test_what_is_removed_takes_the_branch_along(storage: ConversationStorage) -> None:
    """Also when the other has just gone on below it: the branch must end where something is shown."""
    one, other = await two(storage)
    await storage.append(other, Step(other.current, [said("late")], "main"))
    top, gone = one.stored[1], one.stored[2]
    await storage.update(one, Change(position=(top, "main"), hide=[gone], heads={"main": top}))
    assert await head(storage) == top.data.message.content


async def test_two_managers_on_one_branch(storage: ConversationStorage) -> None:
    """While one waits for its answer, the other asks and is answered on the branch: it stays with the newer message."""
    go = asyncio.Event()

    class Slow(ScriptedModel):
        async def complete(self, messages: object, **overrides: object) -> LLMResponse:
            await go.wait()
            return LLMResponse("slow")

    one = await ConversationManager.create(Slow(), None, storage, conversation_id="c")
    await one.add_message(content="?")
    other = await ConversationManager.resume("c", ScriptedModel("quick"), None, storage)
    waiting = asyncio.create_task(one.complete())
    await asyncio.sleep(0)
    await other.add_message(content="??")
    await other.complete()
    go.set()
    await waiting
    assert (await head(storage)).strip() == "quick"
    assert one.state.current.data.message.content == "slow"


OTHER = """
import asyncio, sys
from dknb.conversations import ConversationNode, SQLConversationStorage, Step
from dknb.llm.messages import LLMMessage

async def main(path):
    async with SQLConversationStorage(path) as storage:
        state = await storage.load_conversation("c")
        await storage.append(state, Step(state.current, [ConversationNode(LLMMessage("user", "further"))], "main"))

asyncio.run(main(sys.argv[1]))
"""


async def test_another_process_moves_the_branch_between_look_and_write(tmp_path: Path) -> None:
    """It is where that process took it, for a step and for a change."""
    path = tmp_path / "store.db"
    async with SQLConversationStorage(path) as storage:
        one, _ = await two(storage)
        await storage.refresh(one)
        start, parent = Start.of(one), one.stored[1]
        done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", OTHER, str(path)], timeout=60)
        assert done.returncode == 0
        await storage.update(one, Change(position=(parent, "main"), heads={"main": parent}))
        assert await head(storage) == "further"
        one.move(start.current, "main")
        await storage.append(one, Step(one.current, [said("mine")], "main", start))
        assert await head(storage) == "further"
