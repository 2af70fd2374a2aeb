"""The messages that a middleware is given: copies that cost nothing until they are looked at."""

from __future__ import annotations

import asyncio
import copy
import operator
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
from conversations_help import chain

from dknb.conversations import MetadataMiddleware, RedactionMiddleware
from dknb.conversations.history import History
from dknb.conversations.middleware.copies import Changed, Copies, gently, sent
from dknb.conversations.state import ConversationState
from dknb.llm.messages import LLMMessage


def texts(messages: Any) -> list[str]:
    return [message.content for message in messages]


def history(length: int = 5) -> History:
    return History(chain(length))


@pytest.mark.parametrize(
    "look",
    [
        len,
        bool,
        texts,
        lambda messages: texts(reversed(messages)),
        lambda messages: texts([*messages]),
        lambda messages: texts(list(messages)),
        lambda messages: texts(tuple(messages)),
        lambda messages: texts(operator.add(messages, [LLMMessage("user", "x")])),
        lambda messages: texts(operator.add([LLMMessage("user", "x")], messages)),
        lambda messages: texts(messages * 2),
        lambda messages: texts(messages[1:3]),
        lambda messages: texts(messages[::-2]),
        lambda messages: messages[0].content + messages[-1].content + messages[2].content,
        lambda messages: texts(messages.copy()),
        lambda messages: texts(copy.deepcopy(messages)),
        lambda messages: texts(pickle.loads(pickle.dumps(messages))),
        lambda messages: messages == list(messages),
        lambda messages: messages != [],
        lambda messages: messages[1] in messages,
        lambda messages: messages.index(messages[3]),
        repr,
    ],
)
def test_it_reads_as_a_list_does(look: Callable[[list[LLMMessage]], Any]) -> None:
    """However it is looked at, and after part of it was."""
    plain = list(history())
    assert look(Copies(history())) == look(plain)
    touched = Copies(history())
    assert (touched[-1].content, touched[0].content) == ("m4", "m0")
    assert look(touched) == look(plain)


@pytest.mark.parametrize(
    "change",
    [
        lambda messages: messages.append(LLMMessage("user", "x")),
        lambda messages: messages.insert(0, LLMMessage("user", "x")),
        lambda messages: messages.pop(),
        lambda messages: messages.reverse(),
        lambda messages: messages.extend(messages[:2]),
        lambda messages: messages.sort(key=lambda message: message.content, reverse=True),
        lambda messages: messages.clear(),
        lambda messages: messages.__setitem__(0, LLMMessage("user", "x")),
        lambda messages: messages.__delitem__(slice(1, 3)),
    ],
)
def test_it_changes_as_a_list_does(change: Callable[[list[LLMMessage]], Any]) -> None:
    """And what it has copies of stays."""
    source, plain = history(), list(history())
    messages = Copies(source)
    change(messages)
    change(plain)
    assert (texts(messages), len(messages)) == (texts(plain), len(plain))
    assert texts(source) == [f"m{number}" for number in range(5)]


def test_each_message_is_one_copy() -> None:
    """The same each time it is looked at, and another than the original, down to its metadata."""
    source = history()
    source[-1].metadata["kept"] = ["here"]
    messages = Copies(source)
    assert messages[-1] is messages[4] is list(messages)[-1]
    messages[-1].metadata["kept"].append("there")
    messages[-1].content = "changed"
    assert (source[-1].content, source[-1].metadata) == ("m4", {"kept": ["here"]})
    assert texts(Copies(messages))[-1] == "changed"
    with pytest.raises(IndexError):
        messages[5]
    with pytest.raises(IndexError):
        Copies(source)[-6]


async def test_what_was_changed_is_measured_gently_too() -> None:
    """The sum is that of `fold`, over messages that know how to pause and over those that do not."""
    source = history()
    for base in (source, list(source)):
        changed = Copies(base)
        changed[-1].content = "longer"
        measured = sent(changed)
        assert isinstance(measured, Changed)
        assert await measured.fold_gently("letters", lambda message: len(message.content)) == 4 * 2 + 6


def test_what_nobody_looked_at_is_sent_as_it_is() -> None:
    """Through any number of lists; and what was changed is what is sent and measured."""
    source = history()
    assert sent(Copies(Copies(source))) is source
    changed = Copies(Copies(source))
    changed[-1].content = "longer"
    assert texts(sent(changed))[-2:] == ["m3", "longer"]
    measured = sent(changed)
    assert isinstance(measured, Changed)
    assert (len(measured), measured[-1].content, texts(measured[:2])) == (5, "longer", ["m0", "m1"])
    assert texts(reversed(measured)) == texts(measured)[::-1]
    assert measured.fold("characters", lambda message: len(message.content)) == 4 * 2 + 6
    changed[0].content = "first"
    assert (measured[0].content, sent(changed)[0].content) == ("m0", "first")
    changed.append(LLMMessage("user", "abc"))
    assert texts(sent(changed)) == ["first", "m1", "m2", "m3", "longer", "abc"]


def test_looking_at_the_end_makes_one_copy() -> None:
    """In a conversation of any length."""
    messages = Copies(history(2_000))
    messages[-1].metadata["seen"] = True
    assert (len(messages), len(messages._own), messages.is_list) == (2_000, 1, False)


async def test_others_get_their_turn_while_all_are_looked_at() -> None:
    """One that searches every message of a long conversation is interrupted over and over; only what it changes is copied."""
    tip = chain(20_000)
    state = ConversationState("long", tip.root)
    turns: list[float] = []

    async def watch() -> None:
        while True:
            turns.append(time.perf_counter())
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    messages = Copies(History(tip))
    out = await RedactionMiddleware({"number": "m1999."}).process_request(messages, state)
    watching.cancel()
    assert len(turns) >= 4
    assert [message.content for message in out[-11:]] == ["m19989", *(f"[NUMBER_{number}]" for number in range(1, 11))]
    assert tip.data.message.content == "m19999"


async def test_metadata_of_all_costs_nothing() -> None:
    """It is on each message that somebody looks at: whoever comes next, and the model."""
    source = history(2_000)
    messages = Copies(source)
    messages[-1].content = "looked at before"
    await MetadataMiddleware({"a": 1}).process_request(messages, ConversationState("long", chain(1)))
    assert len(messages._own) == 1
    assert [message.metadata for message in (messages[0], messages[-1], *messages[-3:-1])] == [{"a": 1}] * 4
    onward = Copies(messages)
    onward.mark({"b": 2})
    assert [message.metadata for message in sent(onward)] == [{"a": 1, "b": 2}] * 2_000
    assert sent(onward)[-1].content == "looked at before"
    onward.reverse()
    onward.mark({"c": 3})
    assert onward[5].metadata == {"a": 1, "b": 2, "c": 3}
    assert source[-1].metadata == source[0].metadata == {}


async def test_a_plain_list_can_be_gone_through_gently() -> None:
    """For those who call a middleware themselves."""
    assert [message.content async for message in gently([LLMMessage("user", "a")])] == ["a"]
