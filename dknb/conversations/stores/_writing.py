"""The pieces of writing a step or a change to rows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import NamedTuple

from ...errors import BranchError, ConversationNotFound, StorageError
from ...llm.messages import utc_now
from ..node import ConversationNode
from ..state import Branch, ConversationState
from ..steps import Change, Landing, Step
from ..storage import changed_metadata, deleted_meanwhile
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


def claimed(rows: Rows, state: ConversationState, nodes: int, revisions: int) -> Claim:
    """Numbers for that many nodes and revisions.

    Raises:
        ConversationNotFound: There is nothing to number.
        StorageError: What the store has under this id is not what ``state`` was read from.
    """
    last = len(state.stored) - 1
    head = rows.claim(state.conversation_id, nodes, revisions, to_iso(utc_now()), last)
    return _same(state, head, nodes)


def claim_for(rows: Rows, state: ConversationState, nodes: int, landing: Landing, branch: str | None) -> Claim:
    """`claimed` for the nodes of a step, and, where it has any, the move to the last of them."""
    if not (nodes and landing.moves):
        return claimed(rows, state, nodes, 0)
    last = len(state.stored) - 1
    head = rows.advance(state.conversation_id, nodes, branch, to_iso(utc_now()), last)
    return _same(state, head, nodes)


def _same(state: ConversationState, head: Claim | None, nodes: int) -> Claim:
    if head is None:
        raise gone(state.conversation_id)
    check_same(state, head.created_at, head.next_seq - nodes, (head.role, head.said_at))
    return head


def check_same(
    state: ConversationState, created_at: str, next_seq: int, said: tuple[str | None, str | None] | None
) -> None:
    """Refuse a conversation of the store that is not, or no longer, the one of ``state``: ids are used again.

    Args:
        state: What is to be written, or brought up to the store.
        created_at: When the store's was made.
        next_seq: How many nodes it has.
        said: Role and time of the last node that ``state`` knows to be stored; None if that was not looked at.

    Raises:
        StorageError: It was deleted and made again, or a backup was put in its place.
    """
    if created_at != to_iso(state.created_at):
        raise _replaced(state, "it was deleted, and another one was made under its name")
    known = len(state.stored)
    if next_seq < known:
        raise _replaced(state, f"the store has {next_seq} messages of it and had {known} before, as if from a backup")
    if said is None or not known:
        return
    last = state.stored[-1].data
    # The time of an answer that is, or was to us, still coming changes.
    moving = said[1] is None or last.state != "complete"
    if said[0] != last.role or not (moving or said[1] == to_iso(last.timestamp)):
        raise _replaced(state, f"its message #{known - 1} is another one there, as if it had gone on from a backup")


def _replaced(state: ConversationState, what: str) -> StorageError:
    return StorageError(
        f"The conversation {state.conversation_id!r} in the store is not the one that is open here: {what}.",
        hint="Nothing was written. Resume it to go on with what the store has; what is here can still be exported.",
    )


def in_order(state: ConversationState) -> list[NodeTree]:
    """All nodes, each at the index that is its number or will be: stored ones first, parents before children."""
    return [*state.stored, *state.unsaved()] if state.stored else list(state.message_tree.walk())


def number(state: ConversationState) -> None:
    """Note that all nodes are stored now, under the numbers that their order gives."""
    state.stored = in_order(state)
    for seq, node in enumerate(state.stored):
        node.data.seq = seq
    state.known_to_hide = any([node.data.deletion for node in state.stored])


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


def point(rows: Rows, state: ConversationState, name: str, seq: int, was: int | None) -> bool:
    """Move the head of a branch, made if it is new; False if somebody else has renamed, removed or moved it.

    Args:
        rows: The store's.
        state: What is known of it.
        name: The branch.
        seq: Where its head goes.
        was: Where its head must be; None for anywhere.
    """
    row = BranchRow(name, seq, 0, to_iso(utc_now()))
    if rows.set_branch(state.conversation_id, row, was):
        return True
    return name not in state.branches and rows.add_branch(state.conversation_id, row)


def deletion_at(rows: Rows, state: ConversationState, head: Claim, anchor: NodeTree) -> int:
    """The deletion, by whomever, that hides ``anchor`` or the nearest above it; 0 if it is shown."""
    if head.revision == state.revision and not (anchor.data.hidden or state.hides_anything()):
        return 0
    hidden = dict(rows.hidden(state.conversation_id))
    above = (hidden.get(seq_of(node), 0) for node in anchor.upward()) if hidden else ()
    return next(filter(None, above), 0)


def hang_stored(state: ConversationState, parent: NodeTree, trees: list[NodeTree], packed: list[NodeRow]) -> None:
    """Put what was written into the tree, at the places that the store gave."""
    for tree, row in zip(trees, packed, strict=True):
        if tree.parent is not None and tree.ordinal != row.ordinal:
            parent.remove_child(tree)
        if tree.parent is None:
            parent.place(tree, row.ordinal)
        tree.data.seq, tree.data.deletion = row.seq, row.hidden
        tree.data.session = row.session
        state.stored.append(tree)
        parent = tree


class WrittenStep(NamedTuple):
    """What was written of a step: the rows of its nodes, where it ends, and the conversation's numbers then."""

    packed: list[NodeRow]
    end: int
    head: Claim
    moved_head: bool
    moves: bool

    @property
    def first(self) -> int:
        """The number that everything before it is below."""
        return self.packed[0].seq if self.packed else self.head.next_seq


def write_step(
    rows: Rows, state: ConversationState, step: Step, anchor: NodeTree, unnumbered: list[NodeRow]
) -> WrittenStep:
    """Write a step, whose nodes go below ``anchor`` in a chain."""
    landing, identity = step.landing(state), state.conversation_id
    head = claim_for(rows, state, len(unnumbered), landing, step.branch)
    if deletion := deletion_at(rows, state, head, anchor):
        if not step.answers:
            raise deleted_meanwhile(anchor)
        landing = Landing(False, None)
        unnumbered = [row._replace(hidden=deletion) for row in unnumbered]
    packed = chain(unnumbered, head.next_seq - len(unnumbered), seq_of(anchor))
    ordinals = rows.add_nodes(identity, packed)
    packed = [row._replace(ordinal=ordinal) for row, ordinal in zip(packed, ordinals, strict=True)]
    end = packed[-1].seq if packed else seq_of(anchor)
    moved_head = landing.head is not None and point(rows, state, landing.head, end, _head_before(step, landing))
    if landing.moves and not packed:
        rows.move(identity, end, step.branch)
    if step.call is not None:
        rows.add_call(replace(step.call, node_seq=end))
    return WrittenStep(packed, end, head, moved_head, landing.moves)


def _head_before(step: Step, landing: Landing) -> int | None:
    """Where the head of the branch must be that a step moves, whoever wrote since; None where it need not be the same."""
    start = step.start
    if start is None or start.head is None or landing.head != start.branch:
        return None
    return start.head.data.seq


def find_written(
    rows: Rows, state: ConversationState, step: Step, anchor: NodeTree, unnumbered: list[NodeRow]
) -> WrittenStep | None:
    """The step, if it was written before a connection broke off and nobody could say so."""
    if not unnumbered:
        return None
    head = claimed(rows, state, 0, 0)  # waits for a server that is still about to keep it
    first = (anchor.data.seq, *_told_apart(unnumbered[0]))
    beyond = list(rows.nodes(state.conversation_id, len(state.stored), head.next_seq))
    for number, row in enumerate(beyond):
        if (row.parent_seq, *_told_apart(row)) == first:
            packed = beyond[number : number + len(unnumbered)]  # numbers are claimed together
            shown = not packed[0].hidden
            return WrittenStep(packed, packed[-1].seq, head, shown, shown and step.landing(state).moves)
    return None


def _told_apart(row: NodeRow) -> tuple[str | None, ...]:
    return row.session, row.created_at, row.role, row.content


def change_marks(rows: Rows, state: ConversationState, change: Change, revision: int) -> None:
    """Do to the nodes that are stored, and to the metadata, what ``change`` says."""
    identity = state.conversation_id
    if change.hide:
        rows.hide(identity, _with_late(rows, state, [seq_of(node) for node in change.hide]), revision)
    rows.hide(identity, [seq_of(node) for node in change.unhide], 0)
    rows.label(identity, [(seq_of(node), label) for node, label in change.label])
    rows.unlabel(identity, [(seq_of(node), label) for node, label in change.unlabel])
    if (change.metadata or change.drop_metadata) and (head := rows.head(identity)) is not None:
        metadata = changed_metadata(json.loads(head.metadata), change)
        rows.set_metadata(identity, to_json(metadata, "metadata of the conversation"))


def _with_late(rows: Rows, state: ConversationState, hide: list[int]) -> list[int]:
    """The numbers of nodes to hide, and of what others have just said below them."""
    found, below = list(hide), set(hide)
    for row in rows.nodes(state.conversation_id, len(state.stored), None):
        if row.parent_seq in below:
            below.add(row.seq)
            found.append(row.seq)
    return found


def replace_labels(rows: Rows, state: ConversationState, head: Claim) -> None:
    """Give the stored nodes the labels that ``state`` has; those that it has not go, unless others may have given them."""
    there = {(seq, name) for seq, name in rows.labels(state.conversation_id) if seq < len(state.stored)}
    here = {(seq, name) for seq, node in enumerate(state.stored) for name in node.data.labels}
    if head.revision == state.revision + 1:
        rows.unlabel(state.conversation_id, sorted(there - here))
    rows.label(state.conversation_id, sorted(here - there))


def change_branches(rows: Rows, state: ConversationState, change: Change, revision: int) -> bool:
    """Do to the branches what ``change`` says; whether one of them is not what ``state`` knows: others have moved it.

    Raises:
        BranchError: Somebody else has taken a name.
    """
    identity = state.conversation_id
    for old, new in change.renamed.items():
        if not rows.rename_branch(identity, old, new):
            raise _taken(new)
    for branch in change.new:
        if not rows.add_branch(identity, branch_row(branch, seq_of(branch.head))):
            raise _taken(branch.name)
    touched = {*change.hide_branches, *change.unhide_branches, *change.heads}
    return bool(touched) and _change_heads(rows, state, change, revision, touched)


def _change_heads(rows: Rows, state: ConversationState, change: Change, revision: int, touched: set[str]) -> bool:
    """Hide, show and move branches; a head that others have moved meanwhile stays where they put it."""
    identity = state.conversation_id
    there = {row.name: row for row in rows.branches(identity) if row.name in touched}
    known = {name: branch.head.data.seq for name, branch in state.branches.items()}
    moved = {name for name, row in there.items() if known.get(name) not in (None, row.head_seq)}
    hidden = {**dict.fromkeys(change.hide_branches, revision), **dict.fromkeys(change.unhide_branches, 0)}
    for name in there.keys() & hidden.keys():
        there[name] = there[name]._replace(hidden=hidden[name])
    late = set(_with_late(rows, state, [seq_of(node) for node in change.hide])) if moved else set()
    for name in there.keys() & change.heads.keys():
        if name not in moved or there[name].head_seq in late:
            there[name] = there[name]._replace(head_seq=seq_of(change.heads[name]), updated_at=to_iso(utc_now()))
    for row in there.values():
        rows.set_branch(identity, row)
    return bool(moved) or len(there) < len(touched)


def _taken(name: str) -> BranchError:
    return BranchError(
        f"Somebody else has just made a branch {name!r} of this conversation.",
        hint="Take another name, or refresh and switch to it.",
    )
