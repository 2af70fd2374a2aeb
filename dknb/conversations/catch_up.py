"""Reading a conversation from rows: all of it, or what others wrote since."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .node import ConversationNode
from .rows import BranchRow, Claim, HeadRow, NodeRow, Rows, unpack
from .state import Branch, ConversationState
from .tree import Tree

__all__ = ["News", "add_foreign_nodes", "apply_marks", "leave_lost_branch", "load_state", "read_news", "seq_of"]

NodeTree = Tree[ConversationNode]


@dataclass(frozen=True, slots=True)
class News:
    """What a state does not know yet; None for what was not looked at."""

    nodes: list[NodeRow]
    branches: list[BranchRow] | None
    hidden: dict[int, int] | None
    revision: int


def seq_of(node: NodeTree) -> int:
    """The number of a node that is stored."""
    assert node.data.seq is not None
    return node.data.seq


def load_state(rows: Rows, conversation_id: str) -> ConversationState | None:
    """The whole conversation, or None."""
    head = rows.head(conversation_id)
    if head is None:
        return None
    nodes = _grow([], rows.nodes(conversation_id, 0, head.next_seq))
    state = ConversationState(
        conversation_id,
        nodes[0],
        created_at=datetime.fromisoformat(head.created_at),
        updated_at=datetime.fromisoformat(head.updated_at),
        metadata=json.loads(head.metadata),
        branches={},
        current_branch=head.current_branch,
    )
    state.stored = nodes
    state.current = nodes[head.current_seq]
    state.branches = _branches(nodes, rows.branches(conversation_id))
    state.revision = head.revision
    leave_lost_branch(state)
    return state


def read_news(rows: Rows, state: ConversationState, head: HeadRow | Claim, end: int, *, branches: bool = False) -> News:
    """What the store has that ``state`` does not: nodes below number ``end``, and marks if their revision differs."""
    identity, changed = state.conversation_id, head.revision != state.revision
    known = len(state.stored)
    return News(
        nodes=list(rows.nodes(identity, known, end)) if end > known else [],
        branches=rows.branches(identity) if changed or branches else None,
        hidden=dict(rows.hidden(identity)) if changed else None,
        revision=head.revision,
    )


def add_foreign_nodes(state: ConversationState, news: News | None) -> None:
    """Hang the nodes that others wrote."""
    if news is not None and news.nodes:
        _grow(state.stored, news.nodes)


def apply_marks(state: ConversationState, news: News | None) -> None:
    """Take over branches and deletions as the store has them."""
    if news is None:
        return
    if news.branches is not None:
        mine = {name: branch for name, branch in state.branches.items() if branch.head.data.seq is None}
        theirs = _branches(state.stored, news.branches)
        if (together := {**theirs, **mine}) != state.branches:
            state.branches = together
    if news.hidden is not None:
        for seq, node in enumerate(state.stored):
            node.data.deletion = news.hidden.get(seq, 0)
    state.revision = news.revision


def leave_lost_branch(state: ConversationState) -> None:
    """Be on no branch if the one that one was on is gone or deleted."""
    branch = state.branches.get(state.current_branch or "")
    if branch is None or branch.deletion:
        state.current_branch = None


def _grow(nodes: list[NodeTree], rows: Iterable[NodeRow]) -> list[NodeTree]:
    """Hang a node for each row below its parent among ``nodes``, and add it to them."""
    for row in rows:
        tree = Tree(unpack(row))
        if row.parent_seq is not None:
            nodes[row.parent_seq].place(tree, row.ordinal)
        nodes.append(tree)
    return nodes


def _branches(nodes: list[NodeTree], rows: list[BranchRow]) -> dict[str, Branch]:
    return {
        row.name: Branch(row.name, nodes[row.head_seq], datetime.fromisoformat(row.updated_at), row.hidden)
        for row in rows
    }
