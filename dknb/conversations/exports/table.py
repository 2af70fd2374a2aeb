"""A conversation as rows, one for each node: what a table of it is made from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..branches import shown, visible
from ..node import STAR, ConversationNode
from ..state import ConversationState
from ..tree import Tree

__all__ = ["DEEPEST_ID", "ROW_KINDS", "tree_as_rows"]

NodeTree = Tree[ConversationNode]

#: Below this depth rows have no ids: those of a chain of 100,000 nodes would be 20 GB of text.
DEEPEST_ID = 500
#: What a row has, with the dtype of each column of a table of them.
ROW_KINDS = {
    "node_id": "object",
    "seq": "Int64",
    "parent_seq": "Int64",
    "depth": "int64",
    "role": "object",
    "content": "object",
    "branches": "object",
    "branch_name": "object",
    "labels": "object",
    "starred": "bool",
    "current": "bool",
    "deleted": "bool",
    "state": "object",
    "timestamp": "datetime64[us, UTC]",
    "prompt_name": "object",
    "cell": "object",
    "model": "object",
    "provider": "object",
    "finish_reason": "object",
    "prompt_tokens": "Int64",
    "completion_tokens": "Int64",
    "cost_usd": "float64",
    "duration_s": "float64",
    "metadata": "object",
}


def tree_as_rows(state: ConversationState, *, deleted: bool = False) -> list[dict[str, Any]]:
    """A row for each node that says something, parents before children; see `ConversationReader.to_rows`."""
    ends: dict[int, list[str]] = {}
    for branch in visible(state).values():
        ends.setdefault(id(branch.head), []).append(branch.name)
    nodes = state.message_tree.walk() if deleted else shown(state)
    return [
        _row(state, node, node_id, ends.get(id(node), []))
        for node, node_id in _with_ids(nodes)
        if node.parent is not None or not node.data.is_empty
    ]


def _with_ids(nodes: Iterator[NodeTree]) -> Iterator[tuple[NodeTree, str | None]]:
    """The nodes with their ids, each made from its parent's: the path to it is not walked again."""
    above: list[str] = []
    for node in nodes:
        if node.depth > DEEPEST_ID:
            yield node, None
            continue
        del above[node.depth :]
        prefix = f"{above[-1]}." if node.depth > 1 else ""
        above.append(f"{prefix}{node.ordinal}" if node.parent is not None else "")
        yield node, above[-1]


def _row(state: ConversationState, node: NodeTree, node_id: str | None, branches: list[str]) -> dict[str, Any]:
    said, parent = node.data, node.parent
    metadata = said.metadata
    usage = metadata.get("usage") or {}
    return {
        "node_id": node_id,
        "seq": said.seq,
        "parent_seq": None if parent is None else parent.data.seq,
        "depth": node.depth,
        "role": said.role,
        "content": said.message.content,
        "branches": branches,
        "branch_name": said.branch_name,
        "labels": sorted(said.labels - {STAR}),
        "starred": said.starred,
        "current": node is state.current,
        "deleted": said.hidden,
        "state": said.state,
        "timestamp": said.timestamp,
        "prompt_name": said.prompt_name,
        "cell": said.cell,
        "model": metadata.get("model"),
        "provider": metadata.get("provider"),
        "finish_reason": metadata.get("finish_reason"),
        "prompt_tokens": usage.get("prompt_tokens"),
        "completion_tokens": usage.get("completion_tokens"),
        "cost_usd": metadata.get("cost_usd"),
        "duration_s": metadata.get("duration_s"),
        "metadata": metadata,
    }
