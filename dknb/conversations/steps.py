"""What is written in one go: a step of a conversation, or a change to what is already there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .ledger import CallRecord
from .node import OPEN, ConversationNode
from .state import Branch, ConversationState
from .tree import Tree

__all__ = ["Amendment", "Change", "Landing", "Start", "Step"]


class Start(NamedTuple):
    """Where a conversation was when a turn began."""

    current: Tree[ConversationNode]
    branch: str | None
    head: Tree[ConversationNode] | None

    @classmethod
    def of(cls, state: ConversationState) -> Start:
        """Where ``state`` is now."""
        branch = state.current_branch
        known = None if branch is None else state.branches.get(branch)
        return cls(state.current, branch, known.head if known else None)


class Landing(NamedTuple):
    """What a step moves: the position, and the head of a branch."""

    moves: bool
    head: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """New nodes and what comes with them, written in one transaction.

    Attributes:
        parent: The node that they go below. If it is not stored yet, it is written too, with those above it.
        nodes: A chain: the first goes below ``parent``, each other below the one before. May be empty.
        branch: The branch whose head goes to the end of the chain.
        start: Where the turn began. Who has moved on since is not moved back: the position follows only if it is still
            there, the branch's head only if it is the same. None moves both in any case.
        call: The row for the ledger; ``node_seq`` is filled in.
        paid: Whether it must not be lost: if the store fails, it hangs in the tree all the same, and waits in
            ``state.owed`` to be written.
        still: Whether the position and all branches stay where they are.
    """

    parent: Tree[ConversationNode]
    nodes: Sequence[ConversationNode] = ()
    branch: str | None = None
    start: Start | None = None
    call: CallRecord | None = None
    paid: bool = False
    still: bool = False

    @property
    def answers(self) -> bool:
        """Whether it holds an answer, whole or in part, or what was said before: it is kept even where nobody looks."""
        return self.paid or not self.nodes or self.nodes[0].state == OPEN

    def landing(self, state: ConversationState) -> Landing:
        """What this step moves in ``state`` as it is now."""
        start = self.start
        if self.still:
            return Landing(False, None)
        if start is None:
            return Landing(True, self.branch)
        moves = state.current is start.current and state.current_branch == start.branch
        if self.branch is None or self.branch != start.branch:
            return Landing(moves, self.branch)
        known = state.branches.get(self.branch)
        if known is None or known.deletion or known.head is not start.head:
            return Landing(moves, None)
        # Who goes over known ground does not take the branch back to it.
        passes = not self.nodes and self.parent is not known.head and _lies_above(self.parent, known.head)
        return Landing(moves, None if passes else self.branch)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What an answer that is still coming says by now.

    Attributes:
        tree: The node of the answer, appended with the state `OPEN` by the same store.
        node: Message, metadata, time and state to take over, in a node that hangs in no tree. With the state `OPEN` it is
            a checkpoint; any other state closes the answer.
        call: The row for the ledger; ``node_seq`` is filled in.
        paid: Whether it must not be lost: if the store fails, the node says so all the same, and it waits in
            ``state.owed`` to be written.
    """

    tree: Tree[ConversationNode]
    node: ConversationNode
    call: CallRecord | None = None
    paid: bool = False


def _lies_above(node: Tree[ConversationNode], other: Tree[ConversationNode]) -> bool:
    if node.depth >= other.depth:
        return False
    return next(above for above in other.upward() if above.depth == node.depth) is node


@dataclass(frozen=True, slots=True)
class Change:
    """A change to branches, position, labels, metadata, or what is shown; written in one transaction.

    Attributes:
        position: The node and the branch to be at from now on.
        new: Branches that must not exist yet, whoever made them.
        renamed: New names by old ones.
        hide: Nodes to hide; they and the branches of ``hide_branches`` get the number of this change.
        hide_branches: Names of the branches to hide.
        unhide: Nodes to show again.
        unhide_branches: Names of the branches to show again.
        heads: Nodes that branches point at from now on, by the names of the branches.
        label: Nodes and the label that each gets; one that it has already is no error.
        unlabel: Nodes and the label that each loses; one that it does not have is no error.
        metadata: Keys of the conversation's metadata to set, beside those that others set.
        drop_metadata: Keys of the conversation's metadata to remove; one that is not there is no error.
    """

    position: tuple[Tree[ConversationNode], str | None] | None = None
    new: Sequence[Branch] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    hide: Sequence[Tree[ConversationNode]] = ()
    hide_branches: Sequence[str] = ()
    unhide: Sequence[Tree[ConversationNode]] = ()
    unhide_branches: Sequence[str] = ()
    heads: Mapping[str, Tree[ConversationNode]] = field(default_factory=dict)
    label: Sequence[tuple[Tree[ConversationNode], str]] = ()
    unlabel: Sequence[tuple[Tree[ConversationNode], str]] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    drop_metadata: Sequence[str] = ()

    def nodes(self) -> Iterator[Tree[ConversationNode]]:
        """The nodes that it says something about, which have to be stored first; some perhaps twice."""
        yield from (branch.head for branch in self.new)
        yield from (*self.hide, *self.unhide, *self.heads.values())
        yield from (node for node, _ in (*self.label, *self.unlabel))
        if self.position is not None:
            yield self.position[0]

    @property
    def only_moves(self) -> bool:
        """Whether it changes nothing but the position."""
        return not any(getattr(self, name) for name in self.__slots__ if name != "position")
