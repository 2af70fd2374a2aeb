"""What is sent of a conversation that is too long."""

from __future__ import annotations

from typing import Any

import pytest
from conversations_help import ScriptedModel, chain
from hypothesis import event, given
from hypothesis import strategies as st

from dknb.conversations import (
    ConversationManager,
    ConversationNode,
    ConversationState,
    ConversationStorage,
    Fit,
    MemoryConversationStorage,
    Tree,
)
from dknb.conversations.context.selection import select
from dknb.errors import ConfigError, ContextTooLong
from dknb.llm import TokenCounter
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import ImagePart, ToolCall


class Gpt(ScriptedModel):
    """A model whose tokens are counted exactly."""

    provider = "openai"
    model = "gpt-4o"


def grown(*messages: LLMMessage, system: str = "") -> Tree[ConversationNode]:
    tip = Tree(ConversationNode(LLMMessage("system", system)))
    for message in messages:
        tip = tip.add_child(ConversationNode(message))
    return tip


def said(*texts: str) -> list[LLMMessage]:
    return [LLMMessage("assistant" if number % 2 else "user", text) for number, text in enumerate(texts)]


async def managed(tip: Tree[ConversationNode], llm: ScriptedModel, **options: Any) -> ConversationManager:
    state = ConversationState("long", tip.root)
    state.move(tip, "main")
    storage = MemoryConversationStorage()
    await storage.create_conversation(state)
    return ConversationManager(state, llm, None, storage, **options)


async def test_the_tokens_of_any_path_are_counted(storage: ConversationStorage) -> None:
    """As the model's tokenizer counts them, or estimated, and the count says which."""
    manager = await managed(grown(*said("one", "two", "three"), system="Be brief."), Gpt())
    count = await manager.count_tokens()
    assert (count, count.exact) == (TokenCounter.count_messages(list(manager.history), "gpt-4o"), True)
    assert await manager.count_tokens("0") == TokenCounter.count_messages(list(manager.history)[:2], "gpt-4o")
    estimated = await manager.count_tokens(model="claude-sonnet-4-5")
    assert (estimated > 0, estimated.exact) == (True, False)


async def test_what_fits_is_sent_whole() -> None:
    """The history itself, not a copy, and nothing is dropped."""
    manager = await managed(grown(*said("one", "two", "three")), Gpt())
    fitted = await manager.fit(budget=1_000)
    assert list(fitted.messages) == list(manager.history)
    assert (fitted.dropped, fitted.tokens) == (0, await manager.count_tokens())


async def test_the_oldest_turns_are_dropped() -> None:
    """The system prompt stays, turns go whole, and the tokens are those of what is sent."""
    manager = await managed(grown(*said("q1", "a1", "q2", "a2", "q3"), system="Be brief."), Gpt())
    whole = await manager.count_tokens()
    fitted = await manager.fit(budget=int(whole) - 1)
    assert [m.content for m in fitted.messages] == ["Be brief.", "q2", "a2", "q3"]
    assert fitted.dropped == 2
    assert fitted.tokens == TokenCounter.count_messages(fitted.messages, "gpt-4o")
    assert fitted.tokens.exact
    narrow = await manager.fit(budget=int(await manager.count_tokens("")) + 6)
    assert [m.content for m in narrow.messages] == ["Be brief.", "q3"]


async def test_the_last_messages_are_kept() -> None:
    """No more than asked for, beginning with a question."""
    manager = await managed(grown(*said("q1", "a1", "q2", "a2", "q3"), system="Be brief."), Gpt())
    kept = [
        [m.content for m in (await manager.fit(budget=1_000, strategy="keep_last", last=last)).messages]
        for last in (1, 2, 3, 5)
    ]
    assert kept == [
        ["Be brief.", "q3"],
        ["Be brief.", "q3"],
        ["Be brief.", "q2", "a2", "q3"],
        ["Be brief.", "q1", "a1", "q2", "a2", "q3"],
    ]


async def test_a_question_that_does_not_fit_is_an_error() -> None:
    """It says how many tokens it has and how many are left; nothing is sent."""
    llm = Gpt()
    manager = await managed(grown(*said("q1", "a1", "word " * 100)), llm, context=Fit(budget=50))
    with pytest.raises(ContextTooLong, match="has about") as caught:
        await manager.complete()
    assert caught.value.tokens is not None
    assert caught.value.tokens > 50
    assert llm.sent == []


async def test_the_budget_is_the_models_window_if_none_is_given() -> None:
    """Less what is reserved for the answer; a model that nobody knows needs one."""
    manager = await managed(grown(*said("one")), Gpt())
    assert (await manager.fit()).budget == 128_000 - 1_024
    with pytest.raises(ConfigError, match="not known"):
        await (await managed(grown(*said("one")), ScriptedModel())).fit()


@pytest.mark.parametrize("wrong", [{"budget": 0}, {"strategy": "drop_oldst"}, {"last": -1}, {"reserve": "much"}])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    """When they are given, not when they are used."""
    with pytest.raises(ConfigError, match=r"Did you mean 'drop_oldest'|whole number above 0"):
        Fit(**wrong)


async def test_a_turn_is_fitted_and_says_so() -> None:
    """What was dropped is in the answer's metadata; a call may have its own way."""
    llm = Gpt()
    manager = await managed(grown(*said("q1", "a1", "q2", "a2", "q3")), llm, context=Fit(30))
    await manager.complete()
    assert [m.content for m in llm.sent[0]] == ["q2", "a2", "q3"]
    assert manager.state.current.data.metadata["context"] == {
        "strategy": "drop_oldest",
        "budget": 30,
        "tokens": 21,
        "exact": True,
        "messages": 3,
        "dropped": 2,
    }
    await manager.switch_to_node("0.0.0.0.0")
    async for _ in manager.stream_complete(context=Fit(30, "keep_last", last=1)):
        pass
    assert [m.content for m in llm.sent[1]] == ["q3"]
    assert len(manager.history) == 6


async def test_the_tools_of_a_call_count() -> None:
    """They take room that messages do not have then."""
    tool = {"name": "find", "description": "Finds things by their name.", "parameters": {"type": "object"}}
    llm = Gpt()
    manager = await managed(grown(*said("q1", "a1", "q2", "a2", "q3")), llm, context=Fit(45))
    await manager.complete(tools=[tool])
    assert [m.content for m in llm.sent[0]] != [m.content for m in said("q1", "a1", "q2", "a2", "q3")]


async def test_images_count() -> None:
    """An image has hundreds of tokens: it drops what was said before it."""
    shown = LLMMessage("user", ["What is this?", ImagePart(url="https://example.org/cat.png")])  # type: ignore[arg-type]
    manager = await managed(grown(*said("q1", "a1"), shown), Gpt())
    fitted = await manager.fit(budget=int(TokenCounter.count_messages([shown], "gpt-4o")))
    assert list(fitted.messages) == [shown]
    assert fitted.dropped == 2
    assert not fitted.tokens.exact


def tools_talk(rounds: int) -> Tree[ConversationNode]:
    messages = [LLMMessage("user", "old"), LLMMessage("assistant", "answer"), LLMMessage("user", "new")]
    for number in range(rounds):
        calls = [ToolCall("find", {}, id=f"{number}a"), ToolCall("find", {}, id=f"{number}b")]
        messages.append(LLMMessage("assistant", "", tool_calls=calls))
        messages += [LLMMessage("tool", "found", tool_call_id=call.id) for call in calls]
    return grown(*messages)


def test_calls_and_their_results_stay_together() -> None:
    """Of a turn that is too long the question and the newest calls are sent, each call with all its results."""
    tip = tools_talk(4)
    path = (node for node in tip.upward() if node.parent is not None)
    chosen = select(path, lambda node: 10, 75)
    assert [node.data.message.content or "call" for node in chosen.nodes] == ["new", *["call", "found", "found"] * 2]
    assert (chosen.tokens, chosen.whole) == (70, False)


@given(st.integers(0, 6), st.integers(10, 250), st.none() | st.integers(1, 20))
def test_no_selection_tears_a_call_from_its_results(rounds: int, budget: int, most: int | None) -> None:
    """Whatever the budget: the last message is there, every result has its call, every call all its results."""
    tip = tools_talk(rounds)
    path = (node for node in tip.upward() if node.parent is not None)
    try:
        chosen = select(path, lambda node: 10, budget, most)
    except ContextTooLong:
        event("too long")
        needed = 40 if rounds else 10
        chosen = select(iter(list(tip.upward())[:-1]), lambda node: 10, needed, most)
    messages = [node.data.message for node in chosen.nodes]
    assert chosen.nodes[-1] is tip
    assert messages[0].role == "user"
    assert chosen.tokens == 10 * len(messages) <= max(budget, 40 if rounds else 10)
    called = [call.id for message in messages for call in message.tool_calls]
    assert called == [message.tool_call_id for message in messages if message.role == "tool"]


async def test_a_long_conversation_costs_what_is_sent() -> None:
    """Of 100,000 messages only those are counted that may be sent."""
    manager = await managed(chain(99_999), Gpt())
    fitted = await manager.fit(budget=500)
    assert fitted.messages[-1] == manager.state.current.data.message
    assert fitted.dropped == 99_999 - len(fitted.messages)
