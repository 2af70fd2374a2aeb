"""Holding a conversation: say, ask, go elsewhere, come back."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from typing import Any

import pytest
from conversations_help import ScriptedModel, texts

from dknb.conversations import ConversationManager, ConversationStorage
from dknb.errors import (
    BranchError,
    ConversationError,
    ConversationNotFound,
    NodeNotFound,
)
from dknb.llm import EchoProvider
from dknb.llm.messages import LLMMessage, LLMResponse, LLMStreamResponse


async def test_a_conversation_grows_turn_by_turn(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Each question goes below the last answer; the model gets the whole path; the store has it all."""
    node = await manager.add_message(content="one")
    response = await manager.complete()
    await manager.add_message("user", "two")
    await manager.complete()
    assert (node.node_id, node.message) == ("0", LLMMessage("user", "one"))
    assert response.content == "re: one"
    assert [[message.content for message in sent] for sent in model.sent] == [["one"], ["one", "re: one", "two"]]
    assert manager.current_node_id == "0.0.0.0"
    assert [m.content for m in await manager.get_conversation_history()] == ["one", "re: one", "two", "re: two"]
    assert await manager.get_history() == await manager.get_conversation_history()
    twin = await ConversationManager.resume("talk", model, None, storage)
    assert texts(twin.state.message_tree) == texts(manager.state.message_tree)
    assert (twin.current_node_id, twin.current_branch) == ("0.0.0.0", "main")


async def test_an_answer_says_what_it_cost(manager: ConversationManager) -> None:
    """The answer's node has usage, model, provider, finish reason, price and seconds; its time has a zone."""
    await manager.add_message(content="one two")
    response = await manager.complete()
    node = manager.state.current.data
    assert node.metadata == {
        "usage": {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6},
        "model": "s-1",
        "provider": "scripted",
        "finish_reason": "stop",
        "cost_usd": 0.25,
        "duration_s": 1.5,
    }
    assert (node.role, node.state) == ("assistant", "complete")
    assert node.timestamp.utcoffset() == timedelta(0)
    assert manager.node_of(response) is manager.last_answer is manager.state.current


async def test_what_the_provider_does_not_tell_is_known_all_the_same(storage: ConversationStorage) -> None:
    """All keys are there; the seconds are measured."""

    class Terse:
        async def complete(self, messages: Any, **_: Any) -> LLMResponse:
            await asyncio.sleep(0.01)
            return LLMResponse("yes")

    manager = await ConversationManager.create(Terse(), None, storage)
    await manager.add_message(content="?")
    await manager.complete()
    metadata = manager.state.current.data.metadata
    assert metadata.pop("duration_s") >= 0.01
    assert metadata == dict.fromkeys(["usage", "model", "provider", "finish_reason", "cost_usd"])


async def test_the_echo_provider_answers(storage: ConversationStorage) -> None:
    """The manager works with a real provider, streaming and not."""
    manager = await ConversationManager.create(EchoProvider("echo"), None, storage, system_prompt="Be kind.")
    await manager.add_message(content="hello there")
    assert (await manager.complete()).content == "Echo: hello there"
    await manager.switch_to_node("0")
    pieces = [piece async for piece in manager.stream_complete()]
    assert "".join(piece.delta for piece in pieces) == "Echo: hello there"
    assert pieces[-1].is_final
    assert texts(manager.state.message_tree) == {
        "user: hello there": {"assistant: Echo: hello there": {}} | {"assistant: Echo: hello there": {}}
    }
    assert len(manager.state.message_tree.children[0].children) == 2
    assert manager.state.current.data.metadata["cost_usd"] == 0.0


async def test_the_first_question_can_be_asked_again_as_a_sibling(manager: ConversationManager) -> None:
    """Without a system prompt the root is empty: two first questions are "0" and "1"."""
    first = await manager.add_message(content="one")
    await manager.switch_to_node("")
    second = await manager.add_message(content="two")
    assert (first.node_id, second.node_id) == ("0", "1")


async def test_an_empty_conversation_cannot_be_answered(manager: ConversationManager, model: ScriptedModel) -> None:
    """The error comes before the call."""
    with pytest.raises(ConversationError, match="nothing to answer"):
        await manager.complete()
    assert model.sent == []


async def test_ids_are_unique_and_found(model: ScriptedModel, storage: ConversationStorage) -> None:
    """An id that is taken is refused, an unknown one names the nearest, and without one it is made up."""
    await ConversationManager.create(model, None, storage, conversation_id="review", metadata={"by": "me"})
    with pytest.raises(ConversationError, match="already a conversation 'review'"):
        await ConversationManager.create(model, None, storage, conversation_id="review")
    with pytest.raises(ConversationNotFound, match="Did you mean 'review'"):
        await ConversationManager.resume("reveiw", model, None, storage)
    one = await ConversationManager.create(model, None, storage)
    two = await ConversationManager.create(model, None, storage)
    assert one.conversation_id != two.conversation_id
    assert (await ConversationManager.resume("review", model, None, storage)).state.metadata == {"by": "me"}


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201, "a\ud800"])
async def test_what_cannot_be_the_name_of_a_conversation(
    model: ScriptedModel, storage: ConversationStorage, name: str
) -> None:
    """Blank, overlong and unprintable names are refused."""
    with pytest.raises(ConversationError, match="name"):
        await ConversationManager.create(model, None, storage, conversation_id=name)


async def test_settings_of_a_call_reach_the_provider(manager: ConversationManager, model: ScriptedModel) -> None:
    """Overrides are the provider's; ``system`` takes the place of the system prompt for this call alone."""
    await manager.add_message(content="one")
    await manager.complete(temperature=0.5, system="Be terse.")
    await manager.complete(at="0")
    assert model.overrides == [{"temperature": 0.5}, {}]
    assert [[message.role for message in sent] for sent in model.sent] == [["system", "user"], ["user"]]
    assert len(manager.state.stored) == 4


async def test_answers_go_below_the_node_that_was_current(manager: ConversationManager, model: ScriptedModel) -> None:
    """Two calls at once give two siblings; who has gone elsewhere stays there, and the branch gets its answer."""
    await manager.add_message(content="one")
    model.gate = asyncio.Event()
    calls = asyncio.gather(manager.complete(), manager.complete())
    await asyncio.sleep(0)
    model.gate.set()
    await calls
    question = manager.state.message_tree.children[0]
    assert [child.data.role for child in question.children] == ["assistant", "assistant"]
    assert manager.current_node_id == "0.0"
    model.gate = asyncio.Event()
    late = asyncio.create_task(manager.complete(at="0"))
    await asyncio.sleep(0)
    await manager.switch_to_node("")
    model.gate.set()
    await late
    assert len(question.children) == 3
    assert (manager.current_node_id, manager.current_branch) == ("", None)
    assert manager.resolve("main") is question.children[2]


async def test_asking_elsewhere_takes_the_branch_along(manager: ConversationManager) -> None:
    """``at`` adds below another node without leaving the branch, whose head follows."""
    await manager.add_message(content="one")
    await manager.complete()
    await manager.add_message(content="two")
    sibling = await manager.add_message(content="one, said better", at="")
    assert sibling.node_id == "1"
    assert (manager.current_node_id, manager.current_branch) == ("1", "main")
    assert manager.resolve("main").data is sibling
    with pytest.raises(NodeNotFound):
        await manager.add_message(content="?", at="7")


async def test_an_answer_can_be_given_a_branch(manager: ConversationManager) -> None:
    """``branch_name`` names the answer, makes the branch, and leaves the other where it was."""
    await manager.add_message(content="one")
    await manager.complete()
    await manager.switch_to_node("0")
    await manager.complete(branch_name="bold")
    assert manager.state.current.data.branch_name == "bold"
    assert (manager.current_node_id, manager.current_branch) == ("0.1", "bold")
    assert await manager.get_branch_names() == ["main", "bold"]
    assert manager.resolve("main").data.node_id == "0.0"
    assert [(each["node_id"], each["branch_name"]) for each in await manager.get_branches("0")] == [
        ("0.0", None),
        ("0.1", "bold"),
    ]


async def test_a_bad_branch_name_costs_nothing(manager: ConversationManager, model: ScriptedModel) -> None:
    """It is refused before the call."""
    await manager.add_message(content="one")
    with pytest.raises(BranchError, match="reads as a node id"):
        await manager.complete(branch_name="0.1")
    assert model.sent == []


async def test_the_ways_on_are_listed(manager: ConversationManager) -> None:
    """One dict a child: id, name, role, a short preview on one line, and the time."""
    await manager.add_message(content="long " * 100 + "\nend")
    await manager.switch_to_node("")
    await manager.add_message(content="short")
    listed = await manager.get_branches("")
    assert [(each["node_id"], each["role"]) for each in listed] == [("0", "user"), ("1", "user")]
    assert len(listed[0]["preview"]) == 100
    assert listed[1]["preview"] == "short"
    assert listed[1]["timestamp"] == manager.state.current.data.timestamp
    assert await manager.get_branches() == []


async def test_prices_add_up(manager: ConversationManager, model: ScriptedModel) -> None:
    """Of the whole tree, and of the way to a branch; what cost nobody knows how much did not cost nothing."""
    await manager.add_message(content="one")
    await manager.complete()
    await manager.complete(at="0", branch_name="other")
    await manager.add_message(content="two")
    await manager.complete()
    assert manager.get_total_cost() == 0.75
    assert manager.get_cost_by_branch() == manager.get_cost_by_branch("other") == 0.5
    assert manager.get_cost_by_branch("main") == 0.25
    manager.state.current.data.metadata["cost_usd"] = None
    assert math.isnan(manager.get_total_cost())
    assert math.isnan(manager.get_cost_by_branch())
    assert manager.get_cost_by_branch("main") == 0.25
    assert manager.get_known_cost() == (0.5, 1)
    assert manager.get_known_cost("main") == (0.25, 0)


async def test_a_stream_ends_with_the_whole_answer(manager: ConversationManager, storage: ConversationStorage) -> None:
    """Pieces come as they are; the last one has the response, which is stored by then."""
    await manager.add_message(content="one two")
    pieces: list[LLMStreamResponse] = []
    async for piece in manager.stream_complete(cell="cell-9"):
        pieces.append(piece)
        if piece.is_final:
            state = await storage.load_conversation("talk")
            assert state is not None
            assert state.current.data.message.content == "re: one two "
            assert state.current.data.cell == "cell-9"
    assert [piece.delta for piece in pieces] == ["re: ", "one ", "two ", ""]
    assert pieces[-1].response is not None
    assert manager.node_of(pieces[-1].response) is manager.state.current


async def test_a_known_answer_can_be_adopted(manager: ConversationManager, storage: ConversationStorage) -> None:
    """What ``adopt`` gives is taken instead of a new node, and the call is in the ledger all the same."""
    await manager.add_message(content="one")
    await manager.complete()
    known = manager.state.current

    def adopt(question: Any, response: LLMResponse) -> Any:
        return next((c for c in question.children if c.data.message.content == response.content), None)

    response = await manager.complete(at="0", adopt=adopt)
    assert manager.state.current is known is manager.last_answer is manager.node_of(response)
    assert len(manager.state.stored) == 3
    assert [call.node_seq for call in await storage.list_calls("talk")] == [2, 2]


async def test_going_over_known_ground_does_not_take_the_branch_back(manager: ConversationManager) -> None:
    """Adopting an answer above the branch's end (Run All on a saved notebook) moves the position alone."""
    for text in ("one", "two"):
        await manager.add_message(content=text)
        await manager.complete()
    first, end = manager.resolve("0.0"), manager.state.current
    await manager.complete(at="0", adopt=lambda *_: first)
    assert manager.state.current is first
    assert manager.resolve("main") is end
    await manager.complete(at=end.parent, adopt=lambda *_: None)
    assert manager.resolve("main") is manager.state.current is not end
    await manager.complete(at=end.parent, adopt=lambda *_: end)
    assert manager.resolve("main") is manager.state.current is end


async def test_an_answer_can_wait_to_be_written(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """``save=False`` keeps it in the tree; what comes below it, or ``flush``, writes it."""
    await manager.add_message(content="one")
    await manager.complete(save=False)
    assert (manager.current_node_id, manager.current_branch) == ("0.0", "main")
    assert await nodes_in(storage) == 2
    await manager.add_message(content="two")
    assert await nodes_in(storage) == 4
    await manager.complete(save=False)
    await manager.flush()
    assert await nodes_in(storage) == 5
    twin = await ConversationManager.resume("talk", model, None, storage)
    assert texts(twin.state.message_tree) == texts(manager.state.message_tree)
    assert (twin.current_node_id, twin.current_branch) == (manager.current_node_id, "main")
    assert twin.resolve("main") is twin.state.current
    assert len(await storage.list_calls("talk")) == 2


async def nodes_in(storage: ConversationStorage) -> int:
    [listed] = await storage.list_conversations()
    return listed["nodes"]


async def test_two_managers_work_on_one_conversation(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Each keeps its position; their answers are siblings; both see all in the end."""
    await manager.add_message(content="one")
    other = await ConversationManager.resume("talk", model, None, storage)
    await asyncio.gather(manager.complete(), other.complete())
    assert {manager.current_node_id, other.current_node_id} == {"0.0", "0.1"}
    await manager.refresh()
    await other.refresh()
    assert texts(manager.state.message_tree) == texts(other.state.message_tree)
    assert len(manager.state.stored) == 4


async def test_the_history_is_not_copied_for_the_model(manager: ConversationManager, model: ScriptedModel) -> None:
    """The provider gets a lazy sequence that knows its length, so that a turn costs the same at any depth."""
    seen: list[Any] = []

    async def complete(messages: Any, **_: Any) -> LLMResponse:
        seen.append((type(messages).__name__, len(messages), messages[-1].content))
        return LLMResponse("ok")

    model.complete = complete  # type: ignore[method-assign]
    for number in range(3):
        await manager.add_message(content=f"q{number}")
        await manager.complete()
    assert seen == [("History", 1, "q0"), ("History", 3, "q1"), ("History", 5, "q2")]
