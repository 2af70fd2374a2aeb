"""A conversation as a document of the peer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...ledger import CallRecord
from ...node import ConversationNode
from ...state import SCHEMA_VERSION, ConversationState
from ...stores._halts import without_halts
from ...stores._writing import in_order
from ...stores.rows import to_iso
from ...tree import Tree
from .messages import rest_of, write_message
from .ours import DOCUMENT_KEYS, NODE_KEYS, join, spread, write_call, write_node

__all__ = ["write_document"]

NodeTree = Tree[ConversationNode]

#: Characters that the ids of a document may have together. Those of a chain of 100,000 nodes would be 10 GB.
MOST_IDS = 200_000_000


@without_halts()
def write_document(state: ConversationState, calls: Sequence[CallRecord] = ()) -> dict[str, Any]:
    """The conversation as plain JSON data, schema 1.1.0.

    What the peer has no place for (branches, labels, deletions, parts of messages, rows of the ledger) lies in the metadata
    under ``"dknb"``. Node ids are dotted paths, as the peer needs them; only where these would be more than
    `MOST_IDS` characters, in a tree too deep for the peer's functions anyway, are they numbers (``"#7"``).
    """
    nodes = in_order(state)
    seqs = {id(node): seq for seq, node in enumerate(nodes)}
    ids = _node_ids(state, seqs)
    metadata, extra = spread(state.metadata, DOCUMENT_KEYS)
    ours = {
        "revision": state.revision,
        "current": seqs[id(state.current)],
        "current_branch": state.current_branch,
        "branches": [
            [each.name, seqs[id(each.head)], to_iso(each.updated_at), each.deletion] for each in state.branches.values()
        ],
        "calls": [write_call(call) for call in calls],
    }
    return {
        **extra,
        "schema_version": SCHEMA_VERSION,
        "conversation_id": state.conversation_id,
        "nodes": [_node(node, ids[seqs[id(node)]], seqs[id(node)]) for node in state.message_tree.walk()],
        "edges": [
            [ids[seqs[id(node.parent)]], ids[seqs[id(node)]]] for node in state.message_tree.walk() if node.parent
        ],
        "current_node_id": ids[seqs[id(state.current)]],
        "metadata": join(metadata, ours),
        "created_at": to_iso(state.created_at),
        "updated_at": to_iso(state.updated_at),
    }


def _node(tree: NodeTree, node_id: str, seq: int) -> dict[str, Any]:
    node = tree.data
    metadata, extra = spread(node.metadata, NODE_KEYS)
    message = write_message(node.message)
    return {
        **extra,
        "message": message,
        "node_id": node_id,
        "timestamp": to_iso(node.timestamp),
        "prompt_name": node.prompt_name,
        "branch_name": node.branch_name,
        "metadata": join(metadata, write_node(node, seq, rest_of(node.message, message))),
    }


def _node_ids(state: ConversationState, seqs: dict[int, int]) -> list[str]:
    """The id of each node, by its number."""
    if _length_of_ids(state) > MOST_IDS:
        return ["" if node.parent is None else f"#{seq}" for seq, node in enumerate(in_order(state))]
    ids = [""] * len(seqs)
    for node in _below_root(state):
        above = ids[seqs[id(node.parent)]]
        ids[seqs[id(node)]] = f"{above}.{node.ordinal}" if above else str(node.ordinal)
    return ids


def _length_of_ids(state: ConversationState) -> int:
    lengths = {id(state.message_tree): 0}
    for node in _below_root(state):
        lengths[id(node)] = lengths[id(node.parent)] + 1 + len(str(node.ordinal))
    return sum(lengths.values())


def _below_root(state: ConversationState) -> Iterator[NodeTree]:
    return (node for node in state.message_tree.walk() if node.parent is not None)
