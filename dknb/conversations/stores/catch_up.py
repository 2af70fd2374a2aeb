"""Reading a conversation from rows: all of it, or what others wrote since."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ...llm.messages import utc_now
from ..node import NO_LABELS, OPEN, ConversationNode, place_of
from ..state import Branch, ConversationState
from ..tree import Tree
from .rows import BranchRow, Claim, HeadRow, NodeRow, Rows, unpack

__all__ = ["News", "add_foreign_nodes", "apply_marks", "leave_lost_branch", "load_state", "read_news", "seq_of"]

NodeTree = Tree[ConversationNode]

log = logging.getLogger("dknb.conversations")

#: An answer that has not grown for so long will not: whoever wrote it died. It is not looked at again with each turn.
AWAITED = timedelta(hours=1)


class StoredMarks(NamedTuple):
    """What is said about nodes that are stored, and about the conversation."""

    hidden: dict[int, int]
    labels: dict[int, frozenset[str]]
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class News:
    """What a state does not know yet; None for what was not looked at."""

    nodes: list[NodeRow]
    branches: list[BranchRow] | None
    marks: StoredMarks | None
    amended: list[NodeRow]
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
    nodes: list[NodeTree] = []
    unfinished = _grow(nodes, rows.nodes(conversation_id, 0, head.next_seq))
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
    state.open = unfinished
    for seq, names in _labels(rows, conversation_id).items():
        nodes[seq].data.labels = names
    state.current = nodes[head.current_seq]
    state.branches = _branches(nodes, rows.branches(conversation_id))
    state.revision = head.revision
    state.known_to_hide = any([node.data.deletion for node in nodes])
    leave_lost_place(state)
    return state


def read_news(rows: Rows, state: ConversationState, head: HeadRow | Claim, end: int, *, branches: bool = False) -> News:
    """What the store has that ``state`` does not: nodes below number ``end``, and marks if their revision differs."""
    identity, changed = state.conversation_id, head.revision != state.revision
    known = len(state.stored)
    return News(
        nodes=list(rows.nodes(identity, known, end)) if end > known else [],
        branches=rows.branches(identity) if changed or branches else None,
        marks=_read_marks(rows, identity) if changed else None,
        amended=_read_amended(rows, state),
        revision=head.revision,
    )


def _read_marks(rows: Rows, identity: str) -> StoredMarks | None:
    head = rows.head(identity)
    return (
        None
        if head is None
        else StoredMarks(dict(rows.hidden(identity)), _labels(rows, identity), json.loads(head.metadata))
    )


def _read_amended(rows: Rows, state: ConversationState) -> list[NodeRow]:
    found = [rows.node_at(state.conversation_id, seq) for seq in sorted(state.open)]
    return [row for row in found if row is not None]


def _labels(rows: Rows, identity: str) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for seq, name in rows.labels(identity):
        found.setdefault(seq, set()).add(name)
    return {seq: frozenset(names) for seq, names in found.items()}


def add_foreign_nodes(state: ConversationState, news: News | None) -> None:
    """Hang the nodes that others wrote."""
    if news is None:
        return
    for row in news.amended:
        state.stored[row.seq].data.take(unpack(row))
        if row.state != OPEN:
            state.open.discard(row.seq)
    if news.nodes:
        state.open |= _grow(state.stored, news.nodes)


def apply_marks(state: ConversationState, news: News | None) -> None:
    """Take over branches and deletions as the store has them."""
    if news is None:
        return
    if news.branches is not None:
        mine = {name: branch for name, branch in state.branches.items() if branch.head.data.seq is None}
        theirs = _branches(state.stored, news.branches)
        if (together := {**theirs, **mine}) != state.branches:
            state.branches = together
    if news.marks is not None:
        hidden, labels, state.metadata = news.marks
        for seq, node in enumerate(state.stored):
            node.data.deletion = hidden.get(seq, 0)
            node.data.labels = labels.get(seq, NO_LABELS)
    state.revision = news.revision
    if news.marks is not None:
        state.known_to_hide = bool(news.marks.hidden)
    if news.marks is not None and state.hides_anything() and leave_lost_place(state):
        log.warning(
            "conversation %s: where one was has been deleted; one is at node %s now",
            state.conversation_id,
            place_of(state.current),
        )


def leave_lost_branch(state: ConversationState) -> None:
    """Be on no branch if the one that one was on is gone or deleted."""
    branch = state.branches.get(state.current_branch or "")
    if branch is None or branch.deletion:
        state.current_branch = None


def leave_lost_place(state: ConversationState) -> bool:
    """Be at the nearest node above that is shown if the one that one was at was deleted; whether one had to move.

    One stays on the branch if it was taken there, too.
    """
    leave_lost_branch(state)
    hidden = [node for node in state.current.upward() if node.data.deletion]
    parent = hidden[-1].parent if hidden else None
    if parent is None:
        return False
    branch = state.branches.get(state.current_branch or "")
    state.current = parent
    if branch is None or branch.head is not parent:
        state.current_branch = None
    return True


def _grow(nodes: list[NodeTree], rows: Iterable[NodeRow]) -> set[int]:
    """Hang a node for each row below its parent among ``nodes``, and add it to them; who is still being written."""
    unfinished: set[int] = set()
    for row in rows:
        tree = Tree(unpack(row))
        if row.parent_seq is not None:
            nodes[row.parent_seq].place(tree, row.ordinal)
        nodes.append(tree)
        if row.state == OPEN and tree.data.timestamp > utc_now() - AWAITED:
            unfinished.add(row.seq)
    return unfinished


def _branches(nodes: list[NodeTree], rows: list[BranchRow]) -> dict[str, Branch]:
    return {
        row.name: Branch(row.name, nodes[row.head_seq], datetime.fromisoformat(row.updated_at), row.hidden)
        for row in rows
    }
