"""The pieces of writing a step or a change to rows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import NamedTuple

from ...errors import BranchError, ConversationNotFound
from ...llm.messages import utc_now
from ..node import ConversationNode
from ..state import Branch, ConversationState
from ..steps import Change, Landing, Step
from ..storage import changed_branches, changed_metadata
from ..tree import Tree
from .catch_up import seq_of
from .rows import BranchRow, Claim, NodeRow, Rows, to_iso, to_json

NodeTree = Tree[ConversationNode]


def gone(conversation_id: str) -> ConversationNotFound:
    """The error for writing to a conversation that the store does not have."""
    return ConversationNotFound(
        f"The conversation {conversation_id!r} is not in the store (any more).",
        hint="Begin a new one, or save this one with storage.save_conversation(state).",
    )


def claimed(rows: Rows, conversation_id: str, nodes: int, revisions: int) -> Claim:
    """Numbers for that many nodes and revisions; `ConversationNotFound` if there is nothing to number."""
    head = rows.claim(conversation_id, nodes, revisions, to_iso(utc_now()))
    if head is None:
        raise gone(conversation_id)
    return head


def claim_for(rows: Rows, conversation_id: str, nodes: int, landing: Landing, branch: str | None) -> Claim:
    """Numbers for the nodes of a step, and, where it has any, the move to the last of them."""
    if not (nodes and landing.moves):
        return claimed(rows, conversation_id, nodes, 0)
    claim = rows.advance(conversation_id, nodes, branch, to_iso(utc_now()))
    if claim is None:
        raise gone(conversation_id)
    return claim


def in_order(state: ConversationState) -> list[NodeTree]:
    """All nodes, each at the index that is its number or will be: stored ones first, parents before children."""
    return [*state.stored, *state.unsaved()] if state.stored else list(state.message_tree.walk())


def number(state: ConversationState) -> None:
    """Note that all nodes are stored now, under the numbers that their order gives."""
    state.stored = in_order(state)
    for seq, node in enumerate(state.stored):
        node.data.seq = seq


def unwritten(node: NodeTree) -> list[NodeTree]:
    """``node`` and those above it that are not in the store, from the top."""
    found: list[NodeTree] = []
    for each in node.upward():
        if each.data.seq is not None:
            break
        found.append(each)
    found.reverse()
    return found


def chain(unnumbered: list[NodeRow], first: int, parent: int) -> list[NodeRow]:
    """Rows that go each below the one before, numbered from ``first``."""
    seqs = range(first, first + len(unnumbered))
    parents = (parent, *seqs)
    return [row._replace(seq=seq, parent_seq=above) for row, seq, above in zip(unnumbered, seqs, parents, strict=False)]


def branch_row(branch: Branch, seq: int) -> BranchRow:
    """The row of a branch whose head has the number ``seq``."""
    return BranchRow(branch.name, seq, branch.deletion, to_iso(branch.updated_at))


def point(rows: Rows, state: ConversationState, name: str, seq: int) -> bool:
    """Move the head of a branch, made if it is new; False if somebody else has renamed or removed it."""
    row = BranchRow(name, seq, 0, to_iso(utc_now()))
    if rows.set_branch(state.conversation_id, row):
        return True
    return name not in state.branches and rows.add_branch(state.conversation_id, row)


def revive(rows: Rows, state: ConversationState, head: Claim, anchor: NodeTree) -> Claim:
    """What is written to is shown again, with all above it, where it had been deleted."""
    if head.revision == state.revision and not anchor.data.hidden:
        return head
    hidden = dict(rows.hidden(state.conversation_id))
    above = [seq for node in anchor.upward() if (seq := node.data.seq) is not None and seq in hidden]
    if not above:
        return head
    rows.hide(state.conversation_id, above, 0)
    return claimed(rows, state.conversation_id, 0, 1)


def hang_stored(state: ConversationState, parent: NodeTree, trees: list[NodeTree], packed: list[NodeRow]) -> None:
    """Put what was written into the tree, at the places that the store gave."""
    for tree, row in zip(trees, packed, strict=True):
        if tree.parent is not None and tree.ordinal != row.ordinal:
            parent.remove_child(tree)
        if tree.parent is None:
            parent.place(tree, row.ordinal)
        tree.data.seq = row.seq
        tree.data.session = row.session
        state.stored.append(tree)
        parent = tree


class WrittenStep(NamedTuple):
    """What was written of a step: the rows of its nodes, where it ends, and the conversation's numbers then."""

    packed: list[NodeRow]
    end: int
    head: Claim
    moved_head: bool

    @property
    def first(self) -> int:
        """The number that everything before it is below."""
        return self.packed[0].seq if self.packed else self.head.next_seq


def write_step(
    rows: Rows, state: ConversationState, step: Step, anchor: NodeTree, unnumbered: list[NodeRow]
) -> WrittenStep:
    """Write a step, whose nodes go below ``anchor`` in a chain."""
    landing, identity = step.landing(state), state.conversation_id
    head = claim_for(rows, identity, len(unnumbered), landing, step.branch)
    packed = chain(unnumbered, head.next_seq - len(unnumbered), seq_of(anchor))
    ordinals = rows.add_nodes(identity, packed)
    packed = [row._replace(ordinal=ordinal) for row, ordinal in zip(packed, ordinals, strict=True)]
    end = packed[-1].seq if packed else seq_of(anchor)
    moved_head = landing.head is not None and point(rows, state, landing.head, end)
    if landing.moves and not packed:
        rows.move(identity, end, step.branch)
    if step.call is not None:
        rows.add_call(replace(step.call, node_seq=end))
    return WrittenStep(packed, end, revive(rows, state, head, anchor), moved_head)


def find_written(
    rows: Rows, state: ConversationState, anchor: NodeTree, unnumbered: list[NodeRow]
) -> WrittenStep | None:
    """The step, if it was written before a connection broke off and nobody could say so."""
    if not unnumbered:
        return None
    head = claimed(rows, state.conversation_id, 0, 0)  # waits for a server that is still about to keep it
    first = (anchor.data.seq, *_told_apart(unnumbered[0]))
    beyond = list(rows.nodes(state.conversation_id, len(state.stored), head.next_seq))
    for number, row in enumerate(beyond):
        if (row.parent_seq, *_told_apart(row)) == first:
            packed = beyond[number : number + len(unnumbered)]  # numbers are claimed together
            return WrittenStep(packed, packed[-1].seq, head, True)
    return None


def _told_apart(row: NodeRow) -> tuple[str | None, ...]:
    return row.session, row.created_at, row.role, row.content


def change_marks(rows: Rows, state: ConversationState, change: Change, revision: int) -> None:
    """Do to the nodes that are stored, and to the metadata, what ``change`` says."""
    identity = state.conversation_id
    rows.hide(identity, [seq_of(node) for node in change.hide], revision)
    rows.hide(identity, [seq_of(node) for node in change.unhide], 0)
    rows.label(identity, [(seq_of(node), label) for node, label in change.label])
    rows.unlabel(identity, [(seq_of(node), label) for node, label in change.unlabel])
    if (change.metadata or change.drop_metadata) and (head := rows.head(identity)) is not None:
        metadata = changed_metadata(json.loads(head.metadata), change)
        rows.set_metadata(identity, to_json(metadata, "metadata of the conversation"))


def change_branches(rows: Rows, state: ConversationState, change: Change, revision: int) -> None:
    """Do to the branches what ``change`` says; `BranchError` if somebody else has taken a name."""
    identity = state.conversation_id
    for old, new in change.renamed.items():
        if not rows.rename_branch(identity, old, new):
            raise _taken(new)
    for branch in change.new:
        if not rows.add_branch(identity, branch_row(branch, seq_of(branch.head))):
            raise _taken(branch.name)
    after = changed_branches(state, change, revision)
    for name in (*change.hide_branches, *change.unhide_branches, *change.heads):
        rows.set_branch(identity, branch_row(after[name], seq_of(after[name].head)))


def _taken(name: str) -> BranchError:
    return BranchError(
        f"Somebody else has just made a branch {name!r} of this conversation.",
        hint="Take another name, or refresh and switch to it.",
    )
