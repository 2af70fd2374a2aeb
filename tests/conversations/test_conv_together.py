"""Several calls side by side: answers to one question, and one question in several places."""

from __future__ import annotations

import asyncio

import pytest
from conversations_help import ScriptedModel, texts

from dknb.conversations import ConversationManager, ConversationStorage
from dknb.errors import BranchError, ConfigError, ConversationError, NodeNotFound, ServerError


def broken() -> ServerError:
    return ServerError("no", provider="scripted", hint="ask again")


async def test_many_answers_are_siblings(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Each is a node below the question; one is at the first that was asked for, with the branch."""
    await manager.add_message(content="one")
    model.script = ["a", "b", "c"]
    replies = await manager.complete_many(3, temperature=1.0)
    assert [reply.response.content for reply in replies if reply.response] == ["a", "b", "c"]
    assert texts(manager.state.message_tree) == {
        "user: one": {"assistant: a": {}, "assistant: b": {}, "assistant: c": {}}
    }
    assert manager.state.current is manager.resolve("main") is replies[0].node
    assert model.overrides == [{"temperature": 1.0}] * 3
    again = await ConversationManager.resume("talk", model, None, storage)
    assert (again.current_node_id, again.current_branch, len(again.state.stored)) == (
        manager.current_node_id,
        "main",
        5,
    )


async def test_the_calls_run_at_the_same_time(manager: ConversationManager, model: ScriptedModel) -> None:
    """All are under way before the first has ended."""
    await manager.add_message(content="one")
    model.gate = asyncio.Event()
    task = asyncio.create_task(manager.complete_many(4))
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(model.sent) == 4
    model.gate.set()
    assert len(await task) == 4


async def test_one_failure_loses_no_other(manager: ConversationManager, model: ScriptedModel) -> None:
    """Its reply has the error; one is at the first that answered; if all fail, the first error is raised."""
    await manager.add_message(content="one")
    model.script = [broken(), "b"]
    first, second = await manager.complete_many(2)
    assert isinstance(first.error, ServerError)
    assert (first.node, first.response) == (None, None)
    assert second.error is None
    assert manager.state.current is second.node
    assert first.to_row()["error"] == "ServerError: no"
    await manager.switch_to_node("0")
    model.script = [broken(), broken()]
    with pytest.raises(ServerError, match="no"):
        await manager.complete_many(2)
    assert manager.current_node_id == "0"


async def test_nothing_to_answer_is_said_before_a_call(manager: ConversationManager, model: ScriptedModel) -> None:
    """Neither zero answers nor answers to nothing are asked for."""
    with pytest.raises(ConversationError, match="nothing to answer"):
        await manager.complete_many(2)
    await manager.add_message(content="one")
    with pytest.raises(ConfigError, match="above 0"):
        await manager.complete_many(0)
    assert model.sent == []


async def test_one_question_is_asked_on_all_leaves(manager: ConversationManager, model: ScriptedModel) -> None:
    """Below each end; branches go along, and one who is on one of them; each reply is a row."""
    await manager.add_message(content="one")
    await manager.complete_many(2)
    await manager.create_branch("second", at="0.1")
    await manager.switch("main")
    replies = await manager.ask_all(["main", "second"], "why?", metadata={"round": 2})
    assert [[message.content for message in sent] for sent in model.sent[-2:]] == [["one", "re: one", "why?"]] * 2
    assert texts(manager.state.message_tree.children[0].children[1]) == {"user: why?": {"assistant: re: why?": {}}}
    assert (manager.current_node_id, manager.current_branch) == ("0.0.0.0", "main")
    assert manager.resolve("second").data.node_id == "0.1.0.0"
    assert manager.resolve("0.1.0").data.metadata == {"round": 2}
    assert replies.iloc[1].to_dict() == {
        "branch": "second",
        "question_id": "0.1.0",
        "node_id": "0.1.0.0",
        "answer": "re: why?",
        "model": "s-1",
        "finish_reason": "stop",
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "cost_usd": 0.25,
        "duration_s": 1.5,
        "error": None,
    }


async def test_all_ends_of_the_tree_can_be_asked(manager: ConversationManager, model: ScriptedModel) -> None:
    """Also those that no branch has; who is elsewhere stays there; a failure is told in its row."""
    await manager.add_message(content="one")
    await manager.complete_many(3)
    await manager.switch_to_node("0")
    model.script = ["x", broken(), "z"]
    replies = await manager.ask_all(manager.leaves(), "and?")
    assert list(replies["error"].isna()) == [True, False, True]
    assert list(replies["question_id"]) == ["0.0.0", "0.1.0", "0.2.0"]
    assert manager.current_node_id == "0"
    nobody = await manager.ask_all([], "and?")
    assert nobody.empty
    assert list(nobody.columns) == list(replies.columns)


async def test_unknown_places_are_refused_before_anything_is_asked(
    manager: ConversationManager, model: ScriptedModel
) -> None:
    """A name that is none, or one name where several places are wanted."""
    await manager.add_message(content="one")
    for leaves, error in ((["0", "nowhere"], BranchError), (["0", "0.7"], NodeNotFound), ("main", ConfigError)):
        with pytest.raises(error):
            await manager.ask_all(leaves, "and?")
    assert model.sent == []
    assert len(manager.state.stored) == 2
