"""What is written in one go: a step of a conversation, or a change to what is already there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .ledger import CallRecord
from .node import ConversationNode
from .state import Branch, ConversationState
from .tree import Tree

__all__ = ["Change", "Landing", "Start", "Step"]


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
    """

    parent: Tree[ConversationNode]
    nodes: Sequence[ConversationNode] = ()
    branch: str | None = None
    start: Start | None = None
    call: CallRecord | None = None
    paid: bool = False

    def landing(self, state: ConversationState) -> Landing:
        """What this step moves in ``state`` as it is now."""
        start = self.start
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


def _lies_above(node: Tree[ConversationNode], other: Tree[ConversationNode]) -> bool:
    if node.depth >= other.depth:
        return False
    return next(above for above in other.upward() if above.depth == node.depth) is node


@dataclass(frozen=True, slots=True)
class Change:
    """A change to branches, position, or what is shown; written in one transaction.

    Attributes:
        position: The node and the branch to be at from now on.
        new: Branches that must not exist yet, whoever made them.
        renamed: New names by old ones.
        hide: Nodes to hide; they and the branches of ``hide_branches`` get the number of this change.
        hide_branches: Names of the branches to hide.
        unhide: Nodes to show again.
        unhide_branches: Names of the branches to show again.
    """

    position: tuple[Tree[ConversationNode], str | None] | None = None
    new: Sequence[Branch] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    hide: Sequence[Tree[ConversationNode]] = ()
    hide_branches: Sequence[str] = ()
    unhide: Sequence[Tree[ConversationNode]] = ()
    unhide_branches: Sequence[str] = ()

    @property
    def only_moves(self) -> bool:
        """Whether it changes nothing but the position."""
        marks = (self.new, self.renamed, self.hide, self.hide_branches, self.unhide, self.unhide_branches)
        return not any(marks)
