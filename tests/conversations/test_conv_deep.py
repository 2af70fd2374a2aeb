"""A conversation of 100,000 messages in a row: nothing reaches a limit of recursion, and nothing is quadratic."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import AsyncIterator

import nbformat
import pytest
from conversations_help import ScriptedModel, chain

from dknb.conversations import (
    ConversationManager,
    ConversationState,
    History,
    MemoryConversationStorage,
    calculate_node_id,
    get_messages_for_llm,
    get_node_by_id,
)
from dknb.conversations.diff import diff_paths

DEPTH = 100_000


def deep() -> ConversationState:
    tip = chain(DEPTH)
    state = ConversationState("deep", tip.root)
    state.move(tip, "main")
    return state


@pytest.fixture(scope="module")
def state() -> ConversationState:
    return deep()


@pytest.fixture
async def manager() -> AsyncIterator[ConversationManager]:
    storage, state = MemoryConversationStorage(), deep()
    await storage.create_conversation(state)
    yield ConversationManager(state, ScriptedModel(), None, storage)
    await storage.close()


def test_a_state_is_pickled(state: ConversationState) -> None:
    """Tree, position and branch are those of the copy's own tree (copies of trees: `test_conv_tree`)."""
    twin = pickle.loads(pickle.dumps(state))
    assert twin.current.depth == DEPTH
    assert twin.current.root is twin.message_tree
    assert twin.branches["main"].head is twin.current
    assert copy.copy(state).current is state.current


def test_representations_are_short(state: ConversationState) -> None:
    """Those of trees, nodes, states and histories; nodes are compared by what they are."""
    tip = state.current
    assert all(len(shown) < 300 for shown in map(repr, (tip, tip.data, state, state.branches["main"])))
    assert tip != tip.parent
    assert tip == tip.data.tree


def test_ids_are_found(state: ConversationState) -> None:
    """From the node to its id and back; the messages on the way are all there."""
    node_id = calculate_node_id(state.current)
    assert node_id == "0" + ".0" * (DEPTH - 1)
    assert get_node_by_id(state.message_tree, node_id) is state.current
    assert len(get_messages_for_llm(state.message_tree, node_id)) == DEPTH


async def test_everything_can_be_exported(manager: ConversationManager) -> None:
    """As rows, messages, Markdown and a valid notebook."""
    rows = manager.to_rows()
    assert (len(rows), rows[-1]["depth"], rows[-1]["node_id"], rows[499]["node_id"]) == (
        DEPTH,
        DEPTH,
        None,
        "0" + ".0" * 499,
    )
    assert len(manager.to_messages()) == DEPTH
    assert manager.to_markdown().count("\n## ") == DEPTH
    notebook = manager.to_notebook()
    assert len(notebook["cells"]) == DEPTH // 2 + 1
    nbformat.validate({**notebook, "cells": notebook["cells"][-100:]})


async def test_everything_can_be_done(manager: ConversationManager) -> None:
    """Answer, branch, edit, copy, label, compare, delete and undelete at the far end."""
    end = manager.state.current
    await manager.add_message(content="?")
    await manager.complete()
    answer = manager.state.current
    other = await manager.edit(answer, "no")
    assert len(manager.diff(answer, other).messages) == 1
    assert len(manager.diff(manager.state.message_tree, other).right) == DEPTH + 2
    await manager.branch_from(other, name="deep")
    await manager.cherry_pick(other, onto="deep")
    await manager.label(other, "far")
    assert manager.with_label("far") == [other]
    assert len(manager.leaves()) == 3
    assert len(await manager.delete("0.0")) == DEPTH + 3
    assert manager.current_node_id == "0"
    await manager.undelete(answer)
    assert not any(node.data.hidden for node in end.upward())
    assert (await manager.fit(end, budget=200)).dropped > DEPTH - 200


def test_a_view_for_anytree_is_made(state: ConversationState) -> None:
    """Of any depth; it is anytree's own functions that recurse."""
    top = state.current
    for _ in range(2_000):
        assert top.parent is not None
        top = top.parent
    assert top.to_anytree().children[0].name == str(top.children[0].data)


def test_a_diff_is_pickled_in_proportion_to_its_length() -> None:
    """Ten times the nodes are about ten times the bytes, and each is in the one tree of the copy."""
    sizes = []
    for length in (2_000, 20_000):
        tip = chain(length)
        path = diff_paths(tip.root, tip)
        data = pickle.dumps(path)
        sizes.append(len(data))
        twin = pickle.loads(data)
        assert [node.depth for node in twin.right] == list(range(1, length + 1))
        assert all(node.root is twin.fork for node in (twin.right[0], twin.right[1023], twin.right[-1]))
        assert all(node.parent is above for node, above in zip(twin.right[1:], twin.right, strict=False))
    assert sizes[1] < 13 * sizes[0]


def test_a_diff_that_was_looked_at_is_pickled_as_small() -> None:
    """What it computed is computed again: nodes without a tree would each carry their id, which is as long as the path."""
    tip = chain(3_000)
    path = diff_paths(tip.root, tip)
    before = len(pickle.dumps(path))
    assert len(path.messages) == 3_000
    assert len(pickle.dumps(path)) == before
    assert pickle.loads(pickle.dumps(path)).messages[-1].right.message == tip.data.message


async def test_the_first_turn_lets_others_in(manager: ConversationManager) -> None:
    """Counting a hundred thousand messages that nobody decoded yet is done with many pauses, and keeps none of them."""
    resumed = await manager.storage.load_conversation("deep")
    assert resumed is not None
    pauses = 0
    counting = asyncio.ensure_future(
        History(resumed.current).fold_gently("letters", lambda message: len(message.content))
    )
    while not counting.done():
        pauses += 1
        await asyncio.sleep(0)
    assert pauses > 10
    assert counting.result() == sum(len(f"m{number}") for number in range(DEPTH))
    assert History(resumed.current).fold("letters", lambda message: 1 / 0) == counting.result()
    assert resumed.current.parent is not None
    assert resumed.current.parent.data._message is None
