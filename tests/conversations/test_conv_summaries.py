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

    async def complete(self, messages: Sequence[LLMMessage], **overrides: Any) -> Any:
        if not messages[0].content.startswith("You summarise"):
            return await super().complete(messages, **overrides)
        if self.fails:
            raise ServerError("no", provider="scripted", hint="ask again")
        self.summaries.append(list(messages))
        return answer("" if self.mute else f"summary {len(self.summaries)}")


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
