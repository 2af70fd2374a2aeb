"""Answers that are stored while they come, labels and metadata, and a part of a conversation: the same for each store."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conversations_help import loaded, stored, user

from dknb.conversations import (
    Amendment,
    CallRecord,
    Change,
    ConversationNode,
    ConversationState,
    ConversationStorage,
    SQLConversationStorage,
    Step,
    Tree,
)
from dknb.conversations.node import OPEN, STAR
from dknb.errors import ConversationError
from dknb.llm.messages import LLMMessage, utc_now


@pytest.fixture
def storage(each_storage: ConversationStorage) -> ConversationStorage:
    return each_storage


def says(text: str, state: str = OPEN, **more: Any) -> ConversationNode:
    return ConversationNode(LLMMessage("assistant", text), state=state, **more)


async def begun(storage: ConversationStorage) -> tuple[ConversationState, Tree[ConversationNode]]:
    """A conversation with an answer that has just begun."""
    state = await stored(storage)
    [tree] = await storage.append(state, Step(state.current, [says("Once")], "main"))
    return state, tree


async def test_an_answer_grows_by_checkpoints_until_it_is_complete(storage: ConversationStorage) -> None:
    """Each checkpoint is what others find, as incomplete; the end closes it, with its metadata and its call."""
    state, tree = await begun(storage)
    await storage.amend(state, Amendment(tree, says("Once upon")))
    twin = await loaded(storage)
    assert (twin.current.data.message.content, twin.current.data.state) == ("Once upon", "incomplete")
    end = says("Once upon a time.", "complete", metadata={"model": "m"})
    await storage.amend(state, Amendment(tree, end, CallRecord("c", model="m"), paid=True))
    assert (tree.data.message.content, tree.data.state, tree.data.metadata) == (
        "Once upon a time.",
        "complete",
        {"model": "m"},
    )
    last = (await loaded(storage)).current.data
    assert (last.message.content, last.state, last.metadata) == ("Once upon a time.", "complete", {"model": "m"})
    assert [(call.node_seq, call.model) for call in await storage.list_calls("c")] == [(3, "m")]


async def test_what_is_complete_is_never_amended(storage: ConversationStorage) -> None:
    """Neither by its writer nor by another who read it while it was coming."""
    state, tree = await begun(storage)
    other = await loaded(storage)
    await storage.amend(state, Amendment(tree, says("The end.", "complete")))
    for each, node in ((state, tree), (other, other.current)):
        with pytest.raises(ConversationError, match="never changed"):
            await storage.amend(each, Amendment(node, says("No: another.", "complete")))
    assert (await loaded(storage)).current.data.message.content == "The end."


async def test_only_the_writer_amends_what_is_coming(tmp_path: Path) -> None:
    """Another process that read an open answer does not write into it, and owes nothing when it is refused."""
    async with SQLConversationStorage(tmp_path / "store.db") as storage:
        await begun(storage)
        async with SQLConversationStorage(storage.path) as stranger:
            other = await loaded(stranger)
            with pytest.raises(ConversationError, match="never changed"):
                await stranger.amend(other, Amendment(other.current, says("Mine.", "complete"), paid=True))
            assert other.owed == []
            assert other.current.data.message.content == "Once"
        assert (await loaded(storage)).current.data.message.content == "Once"


async def test_others_see_the_end_of_what_they_saw_begin(storage: ConversationStorage) -> None:
    """A state that was loaded in the middle has the whole answer after its next refresh, once and for all."""
    state, tree = await begun(storage)
    other = await loaded(storage)
    assert other.open == {3}
    await storage.amend(state, Amendment(tree, says("Once upon")))
    assert await storage.refresh(other) is True
    assert other.current.data.message.content == "Once upon"
    await storage.amend(state, Amendment(tree, says("The end.", "complete")))
    await storage.append(other, Step(other.current, [user("and then?")], "main"))
    seen = other.stored[3].data
    assert (seen.message.content, seen.state, other.open) == ("The end.", "complete", set())
    await storage.refresh(other)
    assert await storage.refresh(other) is False


async def test_what_a_crash_left_is_not_awaited_for_ever(storage: ConversationStorage) -> None:
    """It is read as incomplete, and no later turn looks whether it has grown."""
    state = await stored(storage)
    old = says("Once", timestamp=utc_now() - timedelta(days=1))
    await storage.append(state, Step(state.current, [old], "main"))
    twin = await loaded(storage)
    assert (twin.current.data.state, twin.open) == ("incomplete", set())


async def test_saving_a_whole_conversation_spares_what_is_still_coming(storage: ConversationStorage) -> None:
    """Who saves what it read in the middle of another's answer does not put it back or close it."""
    state, tree = await begun(storage)
    other = await loaded(storage)
    await storage.amend(state, Amendment(tree, says("Once upon a")))
    await storage.save_conversation(other)
    await storage.amend(state, Amendment(tree, says("The end.", "complete")))
    assert (await loaded(storage)).current.data.message.content == "The end."


async def test_labels_and_stars_are_seen_by_all(storage: ConversationStorage) -> None:
    """Labels are given and taken, twice without harm; others see them with their next refresh."""
    state = await stored(storage)
    other = await loaded(storage)
    first, last = state.stored[1], state.stored[2]
    await storage.update(state, Change(label=[(first, "good"), (last, "good"), (last, STAR)]))
    await storage.update(state, Change(label=[(first, "good")], unlabel=[(last, "good"), (last, "none")]))
    assert await storage.refresh(other) is True
    for each in (state, other, await loaded(storage)):
        assert [sorted(node.data.labels) for node in each.stored] == [[], ["good"], [STAR]]
        assert [node.data.starred for node in each.stored] == [False, False, True]


async def test_metadata_of_two_writers_comes_together(storage: ConversationStorage) -> None:
    """Each sets and drops keys of its own; what the other set stays."""
    one = await stored(storage)
    two = await loaded(storage)
    await storage.update(one, Change(metadata={"one": 1, "both": "a"}))
    await storage.update(two, Change(metadata={"two": [2], "both": "b"}, drop_metadata=["topic"]))
    await storage.refresh(one)
    expected = {"one": 1, "two": [2], "both": "b"}
    assert one.metadata == two.metadata == (await loaded(storage)).metadata == expected
    assert [each["metadata"] for each in await storage.list_conversations({"two": [2]})] == [expected]


async def test_a_path_is_read_without_the_rest(storage: ConversationStorage) -> None:
    """Root first, in order; what is not there has none."""
    state = await stored(storage, length=30)
    await storage.append(state, Step(state.stored[4], [user("aside")], None))
    path = await storage.load_path("c", 31)
    assert [node.message.content for node in path] == ["", "m0", "m1", "m2", "m3", "aside"]
    assert [node.seq for node in path] == [0, 1, 2, 3, 4, 31]
    assert await storage.load_path("c", 99) == await storage.load_path("no", 0) == []


NASTY = [
    "'; DROP TABLE nodes; --",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "a\x1b[31m\r\n\tb",
    "%s {x} :y ?",
    "\u202e",
]


@pytest.mark.parametrize("name", NASTY)
async def test_names_are_data(storage: ConversationStorage, name: str) -> None:
    """Whatever is in a name of a conversation, a branch, a label or in metadata: it comes back, and does nothing."""
    state = await stored(storage, name)
    await storage.append(state, Step(state.current, [user(name, prompt_name=name, cell=name)], name))
    await storage.update(state, Change(label=[(state.current, name)], metadata={name: name}))
    twin = await loaded(storage, name)
    node = twin.branches[name].head.data
    assert (node.message.content, node.prompt_name, node.cell, node.labels) == (name, name, name, {name})
    assert twin.metadata[name] == name
    assert [each["conversation_id"] for each in await storage.list_conversations({name: name})] == [name]
    await stored(storage, "other")
    assert await storage.delete_conversation(name) is True
    assert [each["conversation_id"] for each in await storage.list_conversations()] == ["other"]


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
async def test_what_no_database_takes_is_kept_in_text_and_replaced_in_names(
    storage: ConversationStorage, bad: str
) -> None:
    """NUL and halves of surrogate pairs: text is what it was, metadata too; the name of a cell has a sign instead."""
    state = await stored(storage)
    node = ConversationNode(LLMMessage("user", bad), cell=bad, prompt_name=bad, metadata={"k": bad})
    await storage.append(state, Step(state.current, [node], "main", None, CallRecord("c", model=bad)))
    twin = (await loaded(storage)).current.data
    assert (twin.message.content, twin.metadata) == (bad, {"k": bad})
    assert twin.cell == twin.prompt_name == ("a\ufffdb" if "\0" in bad else "a?b")


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
async def test_a_conversation_has_a_name_that_any_database_takes(storage: ConversationStorage, bad: str) -> None:
    """It is refused where it is made, and is not there where it is looked for."""
    with pytest.raises(ConversationError, match="cannot be called"):
        await stored(storage, bad)
    await stored(storage)
    assert await storage.load_conversation(bad) is None
