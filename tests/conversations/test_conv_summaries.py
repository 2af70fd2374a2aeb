"""Summaries stand for what was said in what is sent, and change nothing in the tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from conversations_help import ScriptedModel, answer

from dknb.conversations import ConversationManager, ConversationStorage, Fit, RedactionMiddleware
from dknb.conversations.context.marks import is_summary
from dknb.errors import ConversationError, ServerError
from dknb.llm.messages import LLMMessage

SENT = "Summary of our conversation until here:\n\n"


class Summarising(ScriptedModel):
    """Summarises when it is asked to, and echoes otherwise."""

    model = "gpt-4o"
    provider = "openai"

    def __init__(self) -> None:
        super().__init__()
        self.summaries: list[list[LLMMessage]] = []
        self.fails = self.mute = False
        self.more = ""

    async def complete(self, messages: Sequence[LLMMessage], **overrides: Any) -> Any:
        if not messages[0].content.startswith("You summarise"):
            return await super().complete(messages, **overrides)
        if self.fails:
            raise ServerError("no", provider="scripted", hint="ask again")
        self.summaries.append(list(messages))
        return answer("" if self.mute else f"summary {len(self.summaries)}{self.more}")


LONG = "word " * 30


@pytest.fixture
def model() -> Summarising:
    return Summarising()


@pytest.fixture
async def manager(model: Summarising, storage: ConversationStorage) -> ConversationManager:
    fit = Fit(budget=250, strategy="summarise", last=3)
    return await ConversationManager.create(
        model, None, storage, conversation_id="talk", system_prompt="Be kind.", context=fit
    )


async def talk(manager: ConversationManager, turns: int) -> None:
    for number in range(turns):
        await manager.add_message(content=f"{number} {LONG}")
        await manager.complete()


async def test_a_summary_replaces_in_what_is_sent_not_in_the_tree(
    manager: ConversationManager, model: Summarising, storage: ConversationStorage
) -> None:
    """It is a node below the last message that it stands for; the history has all that was said."""
    await talk(manager, 4)
    assert [message.content for message in model.sent[-1]] == [
        "Be kind.",
        f"{SENT}summary 1",
        f"2 {LONG}",
        f"re: 2 {LONG}",
        f"3 {LONG}",
    ]
    assert len(manager.history) == 9
    [summary] = [tree for tree in manager.state.stored if is_summary(tree)]
    assert summary.data.message.content == "summary 1"
    assert summary.parent is manager.resolve("0.0.0.0")
    assert summary.data.metadata["summarises"] == {"until_seq": 4, "messages": 4}
    assert manager.state.current.data.metadata["context"] | {"tokens": 0} == {
        "strategy": "summarise",
        "budget": 250,
        "tokens": 0,
        "exact": True,
        "messages": 5,
        "dropped": 4,
        "summary_seq": summary.data.seq,
        "summarised": 4,
    }
    assert [leaf.data.message.content for leaf in manager.leaves()] == [f"re: 3 {LONG}"]
    assert "0 word word" in model.summaries[0][1].content


async def test_a_summary_is_asked_for_once_and_paid_for(manager: ConversationManager, model: Summarising) -> None:
    """Later turns and branches use it; what it cost counts; it is in the ledger."""
    await talk(manager, 4)
    await manager.branch_from(manager.state.current)
    await manager.complete()
    assert len(model.summaries) == 1
    assert model.sent[-1] == model.sent[-2]
    assert manager.get_total_cost() == 6 * 0.25
    assert manager.get_cost_by_branch() == manager.get_cost_by_branch("main") == 5 * 0.25
    assert manager.get_cost_by_branch("0.0.0.0") == 2 * 0.25
    assert len(await manager.storage.list_calls("talk")) == 6


async def test_the_next_summary_begins_with_the_last(manager: ConversationManager, model: Summarising) -> None:
    """It stands for more messages, and was made from the one before and what came after that."""
    await talk(manager, 7)
    assert len(model.summaries) > 1
    request = model.summaries[1][1].content
    assert "summary 1" in request
    assert "0 word word" not in request
    found = [tree.data.metadata["summarises"]["messages"] for tree in manager.state.stored if is_summary(tree)]
    assert found == sorted(found)
    assert model.sent[-1][1].content == f"{SENT}summary {len(model.summaries)}"


async def test_a_deleted_summary_is_made_anew(manager: ConversationManager, model: Summarising) -> None:
    """Who does not like it deletes it."""
    await talk(manager, 4)
    [summary] = [tree for tree in manager.state.stored if is_summary(tree)]
    await manager.delete(summary)
    await manager.branch_from(manager.state.current)
    await manager.complete()
    assert len(model.summaries) == 2
    assert model.sent[-1][1].content == f"{SENT}summary 2"


async def test_a_beginning_longer_than_the_budget_is_summarised_in_parts(
    manager: ConversationManager, model: Summarising
) -> None:
    """No request for a summary is longer than what fits; each part has its node."""
    manager.context = None
    await talk(manager, 6)
    manager.context = Fit(budget=250, strategy="summarise", last=3)
    await manager.add_message(content="and now?")
    await manager.complete()
    assert len(model.summaries) > 2
    assert all(len(request[1].content) < 1_200 for request in model.summaries)
    assert model.sent[-1][1].content == f"{SENT}summary {len(model.summaries)}"


async def test_without_a_summary_there_is_no_answer(manager: ConversationManager, model: Summarising) -> None:
    """The error is that of the call; the question stays, and is answered when the model is back."""
    model.fails = True
    await talk(manager, 3)
    await manager.add_message(content=f"3 {LONG}")
    with pytest.raises(ServerError):
        await manager.complete()
    assert manager.state.current.data.role == "user"
    model.fails = False
    await manager.complete()
    assert manager.state.current.data.message.content == f"re: 3 {LONG}"


async def test_an_empty_summary_stands_for_nothing(manager: ConversationManager, model: Summarising) -> None:
    """A model that thought all its tokens away is told of; what it cost is kept, and the next try asks again."""
    await talk(manager, 3)
    await manager.add_message(content=f"3 {LONG}")
    model.mute = True
    with pytest.raises(ConversationError, match="came out empty"):
        await manager.complete()
    model.mute = False
    await manager.complete()
    assert model.sent[-1][1].content == f"{SENT}summary 2"
    assert manager.get_total_cost() == 6 * 0.25


async def test_a_summary_sees_no_more_than_the_middleware_lets_pass(
    manager: ConversationManager, model: Summarising
) -> None:
    """What is redacted before it is sent is redacted there, too."""
    manager.middleware = [RedactionMiddleware(patterns={"name": "Ada Lovelace"})]
    await manager.add_message(content="I am Ada Lovelace.")
    await manager.complete()
    await talk(manager, 4)
    assert model.summaries
    assert "Ada" not in "".join(message.content for request in model.summaries for message in request)


async def test_of_a_summary_that_is_too_long_the_beginning_is_sent(
    manager: ConversationManager, model: Summarising
) -> None:
    """The conversation goes on, within the budget; the metadata say so, and the node has the whole."""
    model.more = " and more" * 2_000
    await talk(manager, 8)
    assert len(model.summaries) > 1
    assert all(len(request[1].content) < 25_000 for request in model.summaries)
    sent = model.sent[-1][1].content
    assert sent.startswith(f"{SENT}summary {len(model.summaries)} and more")
    assert sent.endswith(" […]")
    context = manager.state.current.data.metadata["context"]
    assert context["summary_cut"] is True
    assert context["tokens"] <= 250
    assert len(manager.resolve("main").path()) == 17


async def test_a_question_that_leaves_no_room_for_a_summary_is_sent_alone(
    manager: ConversationManager, model: Summarising
) -> None:
    """The oldest is dropped instead, and the metadata say so; the next question has the summary again."""
    await talk(manager, 4)
    await manager.add_message(content="word " * 230)
    await manager.complete()
    assert [message.content[:8] for message in model.sent[-1]] == ["Be kind.", "word wor"]
    context = manager.state.current.data.metadata["context"]
    assert (context["instead"], "summary_seq" in context) == ("drop_oldest", False)
    model.script.append("short")
    await manager.branch_from(manager.state.current.parent or "")
    await talk(manager, 1)
    assert model.sent[-1][1].content.startswith(SENT)


async def test_a_copy_of_a_summary_is_none(manager: ConversationManager, model: Summarising) -> None:
    """Of another way, and of the same: it stands for nothing there, and is sent as what it says."""
    await talk(manager, 4)
    [summary] = [tree for tree in manager.state.stored if is_summary(tree)]
    await manager.switch_to_node("")
    await manager.add_message(content="I am allergic to peanuts.")
    below = manager.state.current
    copy = await manager.cherry_pick(summary, below)
    twin = await manager.cherry_pick(summary, summary.parent or "")
    assert not is_summary(copy)
    assert not is_summary(twin)
    await manager.add_message(content="peanuts", at=below)
    await talk(manager, 2)
    assert "I am allergic to peanuts." in [message.content for message in model.sent[-1]]
