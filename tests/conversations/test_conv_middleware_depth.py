"""In a long conversation each message is gone through once, however many turns follow."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from conversations_help import ScriptedModel, chain

from dknb.conversations import (
    BudgetMiddleware,
    CacheMiddleware,
    ConversationManager,
    ConversationMiddleware,
    ConversationState,
    History,
    MemoryConversationStorage,
    RedactionMiddleware,
)
from dknb.conversations.middleware import Outgoing, redaction, request_keys
from dknb.conversations.middleware.copies import Copies, sent
from dknb.conversations.middleware.request_keys import key_of
from dknb.llm import EchoProvider
from dknb.llm.counting import tokens
from dknb.llm.counting.tokens import TokenCounter
from dknb.llm.messages import LLMMessage

DEPTH = 2_000
#: What is kept is kept each 64 messages.
FEW = 80


class Count:
    """Counts the calls of a function."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *args: Any, **more: Any) -> Any:
        self.calls += 1
        return self.function(*args, **more)


async def long_talk(llm: Any, *middleware: ConversationMiddleware) -> ConversationManager:
    tip = chain(DEPTH)
    for node in tip.path()[1::10]:
        node.data.message.content += f" of reader{node.depth}@example.org"
    state = ConversationState("long", tip.root)
    state.move(tip, "main")
    storage = MemoryConversationStorage()
    await storage.create_conversation(state)
    await storage.close()
    return ConversationManager(state, llm, None, storage, middleware)


async def turns(manager: ConversationManager, counted: Count) -> tuple[int, int]:
    """How often something was done in the first turn, and in the next three."""
    found = []
    for number in (1, 3):
        before = counted.calls
        for _ in range(number):
            await manager.add_message(content="?")
            await manager.complete()
        found.append(counted.calls - before)
    return found[0], found[1]


async def test_a_message_is_redacted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its text; what is sent has placeholders all the same, numbered from the oldest."""
    counted = Count(redaction._Redacting._redacted)
    monkeypatch.setattr(redaction._Redacting, "_redacted", lambda self, text: counted(self, text))
    manager = await long_talk(model := ScriptedModel(), RedactionMiddleware())
    first, more = await turns(manager, counted)
    assert (first, more <= 6) == (DEPTH + 1, True)
    assert len(model.sent[-1]) == DEPTH + 7
    shown = [message.content for message in model.sent[-1] if "[EMAIL_" in message.content]
    assert [text.rpartition(" ")[2] for text in shown] == [f"[EMAIL_{number}]" for number in range(1, DEPTH // 10 + 1)]
    assert not any("@" in message.content for message in model.sent[-1])


async def test_redaction_begins_anew_with_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the environment gets later is taken out of what was said before, too."""
    manager = await long_talk(model := ScriptedModel(), RedactionMiddleware())
    await manager.add_message(content="Tr0ub4dor&3-and-more")
    await manager.complete()
    assert model.sent[-1][-1].content == "Tr0ub4dor&3-and-more"
    monkeypatch.setenv("SOME_API_KEY", "Tr0ub4dor&3-and-more")
    await manager.add_message(content="?")
    await manager.complete()
    assert model.sent[-1][-3].content == "[KEY_1]"


async def test_what_a_middleware_before_it_took_out_is_not_counted() -> None:
    """Redaction sees what is sent, not what was said; and what stands behind it sees what it made."""

    class Blank(ConversationMiddleware):
        async def process_request(self, messages: Any, state: Any) -> Any:
            messages[-1].content = "blank"
            return messages

        async def process_response(self, response: Any, state: Any) -> Any:
            return response

    manager = await long_talk(model := ScriptedModel(), Blank(), RedactionMiddleware(), CacheMiddleware())
    await manager.add_message(content="late@example.org")
    answer = await manager.complete()
    assert answer.metadata["redacted"] == {"EMAIL": DEPTH // 10}
    assert model.sent[-1][-1].content == "blank"


async def test_a_key_goes_on_from_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message is hashed once, behind a redaction too."""
    monkeypatch.setattr(request_keys, "_then", counted := Count(request_keys._then))
    manager = await long_talk(ScriptedModel(), RedactionMiddleware(), CacheMiddleware())
    first, more = await turns(manager, counted)
    assert first == DEPTH + 1
    assert more <= 3 * FEW


def key(messages: Any, **settings: Any) -> str | None:
    state = ConversationState("c", chain(1).root)
    return key_of(Outgoing(messages, state, ScriptedModel(), settings))


def test_a_key_is_of_what_is_sent_whatever_holds_it() -> None:
    """A history, a list, copies, copies of which some were changed: the same messages are the same request."""
    history = History(chain(200))
    plain = [copy.deepcopy(message) for message in history]
    assert key(history) == key(plain) == key(Copies(history)) == key(Copies(plain))
    for place in (0, 70, 150, 199):
        changed = Copies(history)
        changed[place].content = "other"
        assert key(sent(changed)) == key([*plain[:place], changed[place], *plain[place + 1 :]]) != key(plain)
    assert key(history) == key(plain)  # what is kept is still of the history itself
    assert key(history, temperature=0.5) != key(history)
    assert key(list(reversed(plain))) != key(plain)
    assert key(plain[:-1]) != key(plain)


def test_a_system_prompt_is_part_of_the_key() -> None:
    """Wherever it comes from: of the conversation, of one call, or of the model's settings."""
    tip = chain(100)
    said = [LLMMessage("system", "s"), *(node.data.message for node in tip.path()[1:])]

    def asked(messages: Any, model: Any = "echo") -> str | None:
        return key_of(Outgoing(messages, ConversationState("c", tip.root), EchoProvider(model)))

    assert asked(History(tip, system="s")) == asked(said)
    assert asked(History(tip, system="t")) != asked(said)
    assert asked(said[1:]) != asked(said)
    with_prompt = {"provider": "echo", "model": "echo", "system_prompt": "s"}
    assert asked(History(tip), with_prompt) == asked(said)
    tip.root.data.message.content = "t"
    assert asked(History(tip), with_prompt) == asked(History(tip, system="t"))


@pytest.mark.parametrize("limit", [{"limit_usd": 1.0}, {"limit_tokens": 10**9}])
async def test_tokens_of_a_message_are_counted_once(monkeypatch: pytest.MonkeyPatch, limit: dict[str, Any]) -> None:
    """For a budget in dollars (the provider's own estimate) and for one in tokens."""
    monkeypatch.setattr(tokens, "_in_message", counted := Count(tokens._in_message))
    manager = await long_talk(EchoProvider("echo"), BudgetMiddleware(**limit))
    first, more = await turns(manager, counted)
    assert first >= DEPTH
    assert more <= 3 * FEW


def test_a_count_is_the_same_whatever_holds_the_messages() -> None:
    """Sums that are kept give what counting all of a list gives, exact or not."""
    tip = chain(150)
    tip.data.message.name = "ann"
    for model in ("gpt-4o", "claude-sonnet-4-5"):
        history = History(tip)
        changed = Copies(history)
        changed[3].content = "something much longer than it was before"
        for messages in (history, sent(changed)):
            count, of_list = (TokenCounter.count_messages(each, model) for each in (messages, list(messages)))
            assert (int(count), count.exact) == (int(of_list), of_list.exact)
