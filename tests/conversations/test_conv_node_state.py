"""Nodes and states: what they know, and that they can be copied and pickled."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta, timezone

import pytest
from conversations_help import chain

from dknb.conversations import ConversationNode, ConversationState, Tree, calculate_node_id
from dknb.errors import NodeNotFound
from dknb.llm.messages import LLMMessage


def test_a_node_takes_the_seeds_fields() -> None:
    """Message, id, timestamp, prompt, branch and metadata are kept; times have their zone."""
    node = ConversationNode(
        message=LLMMessage("user", "hi"), node_id="0.1", prompt_name="greet", branch_name="b", metadata={"k": 1}
    )
    assert (node.node_id, node.prompt_name, node.branch_name, node.metadata) == ("0.1", "greet", "b", {"k": 1})
    assert (node.state, node.hidden, node.cell, node.role) == ("complete", False, None, "user")
    assert node.timestamp.utcoffset() == timedelta(0)
    assert node.timestamp.tzinfo == timezone.utc


def test_the_tree_says_where_a_node_is() -> None:
    """Once a node hangs in a tree its id is computed from it, whatever was given."""
    root = Tree(ConversationNode(LLMMessage("system", "")))
    root.add_child(ConversationNode(LLMMessage("user", "a"), node_id="7"))
    second = root.add_child(ConversationNode(LLMMessage("user", "b"), node_id="7"))
    assert second.data.node_id == "1"


def test_a_node_copied_alone_keeps_its_id() -> None:
    """A copy hangs in no tree, and remembers where the original was."""
    tip = chain(2)
    for twin in (copy.copy(tip.data), copy.deepcopy(tip.data), pickle.loads(pickle.dumps(tip.data))):
        assert twin.node_id == "0.0"
        assert twin.tree is None
        assert twin.message == tip.data.message
    assert tip.data.tree is tip


def test_printing_a_node_is_short_at_any_depth() -> None:
    """The place of a deep node is told by its depth, and its text is cut."""
    tip = chain(3000).add_child(ConversationNode(LLMMessage("user", "word " * 1000)))
    assert repr(tip.data).startswith("<ConversationNode '…0.0.0.0' (depth 3001) user: word word")
    assert len(repr(tip.data)) < 150


def test_a_state_is_where_it_is_told() -> None:
    """The current node is given by id, computed on demand, and must exist."""
    tip = chain(3)
    state = ConversationState("c", tip.root, current_node_id="0.0")
    assert state.current is tip.parent
    state.current_node_id = "0.0.0"
    assert state.current is tip
    with pytest.raises(NodeNotFound, match=r"no node '0\.5'"):
        state.current_node_id = "0.5"


def test_a_new_state_is_on_main() -> None:
    """A conversation begins with one branch, at the current node."""
    state = ConversationState("c", chain(1).root)
    assert state.current_branch == "main"
    assert list(state.branches) == ["main"]
    assert state.branches["main"].head is state.message_tree


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
def test_a_state_survives_copying_and_pickling(twin_of) -> None:
    """Position, branches and stored nodes of the copy are nodes of the copied tree."""
    tip = chain(20_000)
    state = ConversationState("c", tip.root)
    state.stored = list(tip.root.walk())
    for seq, node in enumerate(state.stored):
        node.data.seq = seq
    state.move(tip, "main")
    twin = twin_of(state)
    assert twin.current is not tip
    assert twin.current is twin.branches["main"].head is twin.stored[-1]
    assert twin.current.root is twin.message_tree
    assert calculate_node_id(twin.current) == calculate_node_id(tip)
    assert len(repr(twin)) < 250
