"""Where a cell asks: the rule that makes running a cell again a sibling, not a longer chain.

What a kernel knows of a conversation is where it stands in it, and for each cell what the cell was asked below and which
answer it points at now.

- A cell that runs for the first time asks at the current position, and stays attached there: to the *cell* whose answer
  that is, if that cell points at it, else to the node; and to the node where ``%branch`` went there by its id.
- A cell that runs again asks below what it is attached to. The same text at the same place is the same question, so it
  gets one more answer; another text is a new question beside it.
- A new kernel stands at the top and knows no cell, so that Run All follows the notebook as it is now. An answer equal to
  one that the store has under that question, and that this kernel has not yet been given, takes its node.

``--from`` and ``--branch`` say where to ask instead; as long as a cell's line says the same, it stays where that led. But
a branch that ``--from`` names and that has left the cell's answer since, is followed to where it ends now. A branch that
this kernel has not been on ends where the store has it; only a cell that asked just this from it in an earlier kernel asks
where it did then, so that Run All adds nothing here either.

Where cells have no ids (IPython in a terminal), nothing tells a cell that is run again from one that says the same once
more: each input is a cell of its own, and asks where the kernel stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..conversations.node import ConversationNode
from ..conversations.tree import Tree
from ..errors import NodeNotFound
from ..llm.messages import LLMResponse

__all__ = ["Attached", "Place", "Places", "lies_on"]

Node: TypeAlias = Tree[ConversationNode]


@dataclass(frozen=True)
class Attached:
    """What a cell was asked below.

    Attributes:
        node: The node, as it was then.
        cell: The cell that pointed at it, if one did: what that cell points at now is what counts.
    """

    node: Node
    cell: str | None = None


@dataclass
class Place:
    """A cell's place in the tree.

    Attributes:
        attached: What it is asked below.
        branch: The branch that its answers go to, if any.
        source: The ``--from`` that led there.
        answer: The answer that it points at now.
    """

    attached: Attached
    branch: str | None
    source: str | None = None
    answer: Node | None = None

    def told(self) -> dict[str, str]:
        """What is kept with what is said there, so that a later kernel can find it."""
        return {} if self.source is None else {"from": self.source}


class Places:
    """A kernel's places in one conversation.

    Attributes:
        root: The top of the conversation.
        position: Where a new cell asks.
        branch: The branch that a new cell's answer goes to, if any.
        heads: Where this kernel last stood on each branch that it was on.
        asked_on: The branches that it has asked on.
    """

    def __init__(self, root: Node, branch: str | None) -> None:
        self.root = root
        self.position = root
        self.branch = branch
        self.heads: dict[str, Node] = {}
        self.asked_on: set[str] = set()
        self._pinned: Node | None = None
        self._cells: dict[str, Place] = {}
        self._given: set[int] = set()

    def move(self, node: Node, branch: str | None) -> None:
        """Stand at ``node``, on ``branch``."""
        self.position = node
        self.branch = branch
        self._pinned = None
        if branch is not None:
            self.heads[branch] = node

    def pin(self) -> None:
        """Stand at this very node, which was named: a cell that asks here does not follow the one that it answers."""
        self._pinned = self.position

    def rename(self, old: str, new: str) -> None:
        """Follow a branch to its new name."""
        for place in self._cells.values():
            if place.branch == old:
                place.branch = new
        if old in self.heads:
            self.heads[new] = self.heads.pop(old)
        if self.branch == old:
            self.branch = new
        if old in self.asked_on:
            self.asked_on.add(new)

    def known(self, cell: str | None) -> Place | None:
        """The place of a cell that was run before in this kernel."""
        return None if cell is None else self._cells.get(cell)

    def has_run(self, cell: str | None) -> bool:
        """Whether a cell was run before in this kernel, be it at several places (``--on``)."""
        return cell is not None and any(each == cell or each.startswith(f"{cell}@") for each in self._cells)

    def here(self, cell: str | None) -> Place:
        """The place of a cell that asks where the kernel stands."""
        return Place(self.attach(self.position, cell), self.branch)

    def attach(self, node: Node, cell: str | None) -> Attached:
        """What a cell asked at ``node`` is attached to: the cell that points at it, or the node if that was named.

        The node, too, where that cell is attached to this one, be it by way of others: each would go deeper for ever.
        """
        if node is self._pinned:
            return Attached(node)
        for other, place in self._cells.items():
            if place.answer is node and not self._hangs_on(other, cell):
                return Attached(node, other)
        return Attached(node)

    def _hangs_on(self, cell: str | None, other: str | None) -> bool:
        while cell is not None and cell != other:
            cell = self._cells[cell].attached.cell
        return cell is not None

    def head(self, branch: str, stored: Node) -> Node:
        """Where a branch ends for this kernel: where it left it, else where the store has it."""
        return self.heads.get(branch, stored)

    def resume(self, node: Node, branch: str | None) -> None:
        """Go on where an earlier kernel ended, on each branch."""
        self.heads.clear()
        self.move(node, branch)

    def parent(self, place: Place) -> Node:
        """The node that a cell at ``place`` asks below now.

        Raises:
            NodeNotFound: It was deleted.
        """
        node = place.attached.node
        if place.attached.cell is not None:
            node = self._cells[place.attached.cell].answer or node
        for above in node.upward():
            if above.data.hidden:
                raise NodeNotFound(
                    f"This cell was asked below node {node.data.node_id!r}, which is deleted.",
                    hint="Bring it back with  %branch undelete, or say where to ask with  --from NODE",
                )
        return node

    def equal_answer(self, question: Node, answer: LLMResponse) -> Node | None:
        """The stored answer to ``question`` that says the same, if this kernel was not given it yet."""
        for child in question.children:
            if id(child) not in self._given and _says_the_same(child.data, answer):
                return child
        return None

    def give(self, node: Node) -> None:
        """Note that this kernel was given ``node``: an equal one that comes later is another."""
        self._given.add(id(node))

    def was_given(self, node: Node) -> bool:
        """Whether this kernel was given it."""
        return id(node) in self._given

    def answered(self, cell: str | None, place: Place, answer: Node) -> None:
        """Note that ``cell`` got ``answer``; the kernel now stands there."""
        self._given.add(id(answer))
        place.answer = answer
        if cell is not None:
            self._cells[cell] = place
        self.move(answer, place.branch)
        if place.branch is not None:
            self.asked_on.add(place.branch)


def lies_on(node: Node, head: Node) -> bool:
    """Whether the way to ``head`` goes through ``node``."""
    return node.depth <= head.depth and next(above for above in head.upward() if above.depth == node.depth) is node


def _says_the_same(stored: ConversationNode, answer: LLMResponse) -> bool:
    return (
        stored.role == "assistant"
        and stored.state == "complete"
        and not stored.hidden
        and stored.message.content == answer.content
        and stored.message.tool_calls == answer.tool_calls
        and stored.message.reasoning == answer.reasoning
        and stored.message.parts == answer.parts
        and stored.metadata.get("model") == (answer.model or None)
    )
