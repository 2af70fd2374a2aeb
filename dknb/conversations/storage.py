"""The port to a store of conversations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from ..errors import ConversationError, NodeNotFound, StorageError
from ..errors.base import nearest
from ..llm.messages import utc_now
from .ledger import CallRecord
from .node import OPEN, ConversationNode, place_of
from .search import Hit, Query, Said, matching, rank
from .state import Branch, ConversationState
from .steps import Amendment, Change, Start, Step
from .tree import Tree

__all__ = ["ASIDE", "ConversationStorage"]


#: Begins the ids of what dknb keeps for itself in a store: no conversation of a user can be called so, none is listed.
ASIDE = "\x1f"

#: Names of so many conversations are compared to tell what somebody may have meant.
MOST_COMPARED = 2_000


class ConversationStorage(ABC):
    """Where conversations are kept.

    Four methods make a store of whole documents; the others then save the document after each step. A store that can
    append overrides them, so that a step costs the same however long the conversation is.
    Every method may raise `StorageError`; then nothing was written, and the state is as it was.

    Attributes:
        session: Marks the nodes that this object writes; None if the store does not tell who wrote what.
        reserved: Names that no conversation can have here.
    """

    session: str | None = None
    reserved: frozenset[str] = frozenset()

    @abstractmethod
    async def save_conversation(self, state: ConversationState) -> None:
        """Write the whole conversation; what the store has of it beyond ``state`` stays."""

    @abstractmethod
    async def load_conversation(self, conversation_id: str) -> ConversationState | None:
        """The conversation, or None when there is none of that id."""

    @abstractmethod
    async def list_conversations(self, filters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The conversations, newest first, without reading a node; none whose id begins with `ASIDE`.

        Args:
            filters: Keys of the conversations' metadata (or ``conversation_id``) and the values that they must have.

        Returns:
            Dicts with ``conversation_id``, ``created_at``, ``updated_at``, ``metadata`` and ``nodes`` (their number).
        """

    @abstractmethod
    async def delete_conversation(self, conversation_id: str) -> bool:
        """Delete a conversation for good; whether there was one. The ledger keeps its rows."""

    async def create_conversation(self, state: ConversationState) -> None:
        """Write a new conversation.

        Raises:
            ConversationError: There is one of that id.
        """
        if await self.load_conversation(state.conversation_id) is not None:
            raise already_there(state.conversation_id)
        await self.save_conversation(state)

    async def create_conversations(self, talks: Sequence[tuple[ConversationState, Sequence[CallRecord]]]) -> None:
        """Write new conversations, each with rows of the ledger; in one transaction, where the store has such.

        Raises:
            ConversationError: There is one of an id.
        """
        for state, calls in talks:
            await self.create_conversation(state)
            for call in calls:
                await self.record_call(call)

    async def append(self, state: ConversationState, step: Step) -> list[Tree[ConversationNode]]:
        """Write ``step`` and bring ``state`` up to it; the new nodes in the tree, in order.

        A step that was submitted is written even if the caller is cancelled while it waits.
        """
        before = (state.current, state.current_branch, state.branches, state.updated_at)
        if state.hides_anything():
            below_deleted(state, step)
        end = hang(state, step)
        try:
            await self.save_conversation(state)
        except StorageError:
            if step.paid:
                owe(state, step, end)
                raise
            state.current, state.current_branch, state.branches, state.updated_at = before
            if step.nodes and (first := step.nodes[0].tree) is not None:
                step.parent.remove_child(first)
            raise
        if step.call is not None:
            await self.record_call(replace(step.call, node_seq=end.data.seq))
        return [node.tree for node in step.nodes if node.tree is not None]

    async def amend(self, state: ConversationState, amendment: Amendment) -> None:
        """Write what an answer that is still coming says by now: a checkpoint, or its end.

        The answer is begun by an `append` of a node whose state is `OPEN`. Others see what it said at its last checkpoint
        as incomplete, and what it says in the end with their next `refresh` or `append`. A process that dies leaves it
        incomplete.

        Raises:
            ConversationError: The node is complete or cut, or another process writes it: what was said is never changed.
            StorageError: It could not be written; a `paid` one is in the node all the same, and in ``state.owed``.
        """
        node = amendment.tree.data
        if node.state != OPEN:
            raise closed(node)
        before = node.detached()
        node.take(amendment.node)
        try:
            await self.save_conversation(state)
        except StorageError:
            if amendment.paid:
                state.owed.append(amendment)
            else:
                node.take(before)
            raise
        if amendment.call is not None:
            await self.record_call(replace(amendment.call, node_seq=node.seq))

    async def update(self, state: ConversationState, change: Change) -> None:
        """Write ``change`` and bring ``state`` up to it."""
        marked = [node for node, _ in (*change.label, *change.unlabel)]
        before = (state.current, state.current_branch, state.branches, state.metadata, state.revision)
        marks = [(node, node.data.deletion, node.data.labels) for node in (*change.hide, *change.unhide, *marked)]
        apply_change(state, change, state.revision + 1)
        try:
            await self.save_conversation(state)
        except StorageError:
            state.current, state.current_branch, state.branches, state.metadata, state.revision = before
            for node, deletion, labels in marks:
                node.data.deletion, node.data.labels = deletion, labels
            raise

    async def write_owed(self, state: ConversationState) -> None:
        """Write what the store refused before and must not be lost, in order.

        Raises:
            StorageError: It refuses still; nothing is lost, call again.
        """
        while state.owed:
            first = state.owed.pop(0)
            others = len(state.owed)
            try:
                await (self.amend(state, first) if isinstance(first, Amendment) else self.append(state, first))
            except ConversationError:
                if len(state.owed) > others:
                    state.owed.insert(0, state.owed.pop())  # it is owed again, as the last; it stays the first
                raise

    async def refresh(self, state: ConversationState) -> bool:
        """Add to ``state`` what others wrote; whether there was anything. A store of documents has nothing to add."""
        return False

    async def search(self, query: Query) -> list[Hit]:
        """What was said that has all words of ``query``, best first; among the newest `Query.most` if there is more."""
        said: list[Said] = []
        filters = None if query.conversation_id is None else {"conversation_id": query.conversation_id}
        for listed in await self.list_conversations(filters):
            state = await self.load_conversation(listed["conversation_id"])
            said += [] if state is None else matching(said_in(state), query)
        return rank(matching(said, query), query)

    async def load_path(self, conversation_id: str, seq: int) -> list[ConversationNode]:
        """What was said up to the node of number ``seq``, root first, without the rest of the conversation.

        Returns:
            Nodes that hang in no tree; none if there is no such conversation or node.
        """
        state = await self.load_conversation(conversation_id)
        if state is None or not 0 <= seq < len(state.stored):
            return []
        return [each.data.detached() for each in state.stored[seq].path()]

    async def similar(self, conversation_id: str) -> tuple[list[str], int]:
        """Names of conversations that are like ``conversation_id``, the nearest first, and how many there are of any name."""
        return nearest_names(
            conversation_id, [str(each["conversation_id"]) for each in await self.list_conversations()]
        )

    async def record_call(self, call: CallRecord) -> None:  # noqa: B027 - doing nothing is what a store of documents does
        """Write a row of the ledger that belongs to no node. A store of documents keeps no ledger."""

    async def list_calls(self, conversation_id: str | None = None) -> list[CallRecord]:
        """The ledger, oldest first: of one conversation, or all of it."""
        return []

    async def close(self) -> None:  # noqa: B027 - a store may have nothing to close
        """Let go of files and connections; the next use opens them again."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


def nearest_names(conversation_id: str, known: Sequence[str]) -> tuple[list[str], int]:
    """Those of ``known`` that are like ``conversation_id``; of very many only of about its length."""
    near: Sequence[str] = known
    if len(known) > MOST_COMPARED:
        near = [
            name for name in known if abs(len(name) - len(conversation_id)) <= 2 and name[:2] == conversation_id[:2]
        ]
    return nearest(conversation_id, near[:MOST_COMPARED]), len(known)


def already_there(conversation_id: str) -> ConversationError:
    """The error for a new conversation whose id is taken."""
    return ConversationError(
        f"There is already a conversation {conversation_id!r}.",
        hint="Resume it, or choose another id.",
    )


def said_in(state: ConversationState) -> Iterator[Said]:
    """What was said in a conversation, for a search."""
    for seq, tree in enumerate(state.stored):
        node = tree.data
        yield Said(
            state.conversation_id, seq, node.role, node.timestamp, node.message.content, node.labels, node.hidden
        )


def closed(node: ConversationNode) -> ConversationError:
    """The error for amending what is complete, or not one's own."""
    return ConversationError(
        f"Node {node.node_id!r} is not being written here: what was said is never changed.",
        hint="Say something else in a sibling of it.",
    )


def apply_landing(
    state: ConversationState, moves: bool, head: str | None, branch: str | None, end: Tree[ConversationNode]
) -> None:
    """Bring the position and the branches of ``state`` to where a step ended."""
    if head is not None:
        state.move_head(head, end)
    if moves:
        state.current = end
        state.current_branch = branch
    state.updated_at = utc_now()


def hang(state: ConversationState, step: Step) -> Tree[ConversationNode]:
    """Put the nodes of ``step`` into the tree, not written yet, and move as it says; the last of them."""
    landing = step.landing(state)
    end = step.parent
    for node in step.nodes:
        end = end.add_child(node)
    apply_landing(state, landing.moves, landing.head, step.branch, end)
    return end


def below_deleted(state: ConversationState, step: Step) -> None:
    """Let what is said below a deleted node be deleted with it.

    Raises:
        NodeNotFound: It is no answer, and need not be said there.
    """
    above = next((node for node in step.parent.upward() if node.data.hidden), None)
    if above is None:
        return
    if not step.answers:
        raise deleted_meanwhile(step.parent)
    for node in step.nodes:
        node.deletion = above.data.deletion


def deleted_meanwhile(node: Tree[ConversationNode]) -> NodeNotFound:
    """The error for saying something where nobody would see it."""
    where = node.data.node_id if node.depth <= 12 else f"#{node.data.seq}"
    return NodeNotFound(
        f"The message {place_of(node)} was deleted meanwhile: nothing was said below it.",
        hint=f"refresh() goes to the nearest message that is shown; undelete {where} shows it again",
    )


def owe(state: ConversationState, step: Step, end: Tree[ConversationNode]) -> None:
    """Note that ``step``, which hangs in the tree and ends at ``end``, is still to be written."""
    start = Start(end, step.branch, end)
    state.owed.append(Step(end, (), step.branch, start, step.call, paid=True, still=step.still))


def apply_change(state: ConversationState, change: Change, revision: int) -> None:
    """Bring ``state`` up to ``change``, which is the store's ``revision``."""
    hides = True if change.hide else None if change.unhide else state.known_to_hide
    state.branches = changed_branches(state, change, revision)
    for node in change.hide:
        node.data.deletion = revision
    for node in change.unhide:
        node.data.deletion = 0
    for node, label in change.label:
        node.data.labels |= {label}
    for node, label in change.unlabel:
        node.data.labels -= {label}
    state.metadata = changed_metadata(state.metadata, change)
    if change.position is not None:
        state.current, state.current_branch = change.position
    state.revision = revision
    state.known_to_hide = hides


def changed_branches(state: ConversationState, change: Change, revision: int) -> dict[str, Branch]:
    """The branches of ``state`` after ``change``."""
    branches: dict[str, Branch] = {}
    for old, branch in state.branches.items():
        name = change.renamed.get(old, old)
        branches[name] = replace(branch, name=name)
    for branch in change.new:
        branches[branch.name] = branch
    for name in change.hide_branches:
        branches[name] = replace(branches[name], deletion=revision)
    for name in change.unhide_branches:
        branches[name] = replace(branches[name], deletion=0)
    for name, head in change.heads.items():
        branches[name] = replace(branches[name], head=head, updated_at=utc_now())
    return branches


def changed_metadata(metadata: dict[str, Any], change: Change) -> dict[str, Any]:
    """The metadata of a conversation after ``change``; the same object if it changes none."""
    if not (change.metadata or change.drop_metadata):
        return metadata
    return {key: value for key, value in {**metadata, **change.metadata}.items() if key not in change.drop_metadata}
