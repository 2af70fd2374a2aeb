"""One question of a notebook: find its place, ask, and note what the cell points at now."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from ..conversations.branches import check_name
from ..conversations.manager import ConversationManager
from ..conversations.steps import Change
from ..conversations.tree import get_node_by_id, parse_node_id
from ..errors import BranchError, NodeNotFound
from ..llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..llm.parts import Part
from .elsewhere import asked_below, renamed
from .places import Attached, Node, Place, Places, lies_on
from .results import refuse_waiting, result_messages
from .views.text import counted
from .views.tree import node_label

__all__ = ["Question", "Talk", "cut_response"]


@dataclass(frozen=True)
class Question:
    """What a cell asks.

    Attributes:
        text: The user's message.
        result: What tools answered, in place of a user's message (see `result_messages`).
        cell: The cell that asks; None where cells have no ids (a terminal, ``nbclient``).
        source: A node or branch to ask below instead.
        branch: The branch that the answer goes to instead; it is made if there is none.
        system: A system prompt, in place of the conversation's own.
        attached: Images and documents that go along with the text.
        overrides: Settings of the call that are objects of the notebook: ``tools``, ``response_format``.
    """

    text: str
    cell: str | None = None
    source: str | None = None
    branch: str | None = None
    system: str | None = None
    attached: tuple[Part, ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    result: Any = None

    def messages(self, below: Node) -> list[LLMMessage]:
        """What is said below a node: the user's message, or one for each call of a tool that it answers.

        Raises:
            ConfigError: Calls wait there and this answers none, or the other way round.
        """
        if self.result is not None:
            return result_messages(below, self.result)
        refuse_waiting(below)
        # A list is a message in parts, which LLMMessage takes and its annotation does not say.
        content: Any = [self.text, *self.attached] if self.attached else self.text
        return [LLMMessage("user", content)]


class Talk:
    """A conversation as one kernel has it open.

    Attributes:
        manager: The conversation.
        places: Where this kernel stands in it, and its cells.
        left_at: Where the conversation was left when the kernel opened it (node and branch); None if it began here.
        made: The branches that this kernel made, and the cell that did.
    """

    def __init__(self, manager: ConversationManager) -> None:
        self.manager = manager
        state = manager.state
        self.left_at = (state.current, state.current_branch) if state.message_tree.children else None
        self.made: dict[str, str | None] = {}
        main = next((name for name, branch in state.branches.items() if not branch.deletion), None)
        self.places = Places(state.message_tree, main)
        self._seen = len(state.stored)
        self._branches = list(state.branches)
        #: Held for a turn: who asks from several threads is answered in turn.
        self.turn = threading.RLock()

    @property
    def name(self) -> str:
        """The name of the conversation."""
        return self.manager.conversation_id

    @property
    def is_new(self) -> bool:
        """Whether nothing has been said in it yet."""
        return not self.manager.state.message_tree.children

    def where(self) -> str:
        """Where this kernel stands, for a person."""
        total = sum(not (node.data.is_empty or node.data.hidden) for node in self.manager.state.message_tree.walk())
        on = f" on {self.places.branch}" if self.places.branch is not None else ""
        return f"at node {node_label(self.places.position)}{on}, of {counted(total, 'node')}"

    def head(self, branch: str) -> Node:
        """Where a branch ends for this kernel (see `Places.head`).

        Raises:
            BranchError: There is no such branch.
        """
        return self.places.head(branch, self.manager.resolve(branch))

    def may_begin_again(self, branch: str, cell: str | None) -> bool:
        """Whether a cell may begin a branch that is there: one it made itself, or one of an earlier kernel.

        Run All must be able to pass a ``%branch new`` again; what was said on the branch stays in the tree.
        """
        if branch in self.made:
            return cell is not None and self.made[branch] == cell
        return branch not in self.places.asked_on

    def node(self, ref: str) -> tuple[Node, str | None]:
        """The node, and the branch, that a reference means: a branch, a node id, ``root``, or ``#`` and a number.

        Raises:
            BranchError: There is no such branch.
            NodeNotFound: There is no such node.
        """
        state = self.manager.state
        if ref.startswith("#") and ref.isascii() and ref[1:].isdecimal():
            number = int(ref[1:])
            if number >= len(state.stored):
                raise NodeNotFound(f"There is no node {ref!r}.", hint=f"The newest is #{len(state.stored) - 1}.")
            return self._visible(state.stored[number], ref), None
        if not ref.strip():
            raise NodeNotFound("A node or branch is named by nothing.", hint="The top of the conversation is  root")
        if ref == "root":
            return state.message_tree, None
        if parse_node_id(ref) is not None:
            found = get_node_by_id(state.message_tree, ref)
            return self._visible(self.manager.resolve(ref) if found is None else found, ref), None
        return self.head(ref), ref

    def _visible(self, node: Node, ref: str) -> Node:
        if any(above.data.hidden for above in node.upward()):
            raise NodeNotFound(f"The node {ref!r} was deleted.", hint=f"Bring it back with  %branch undelete {ref}")
        return node

    async def refresh(self) -> None:
        """Take in what other kernels wrote, and follow the branches that they renamed."""
        await self.manager.refresh()
        self.follow_renames()

    def follow_renames(self) -> None:
        """Call branches what they are called now."""
        now = list(self.manager.state.branches)
        for old, new in renamed(self._branches, now):
            self.places.rename(old, new)
            if old in self.made:
                self.made[new] = self.made.pop(old)
        self._branches = now

    async def resume(self) -> None:
        """Stand where the conversation was left when this kernel opened it."""
        if self.left_at is not None:
            node, branch = self.left_at
            known = self.manager.state.branches.get(branch or "")
            branch = branch if known is not None and not known.deletion else None
            self.places.resume(node, branch)
            await self.go(node, branch)

    async def begin_deleted(self, branch: str, at: Node) -> None:
        """Show a deleted branch again, at ``at``, and nothing of what its deletion hid."""
        change = Change(unhide_branches=[branch], heads={branch: at})
        await self.manager.storage.update(self.manager.state, change)

    async def go(self, node: Node, branch: str | None) -> None:
        """Stand at ``node``, on ``branch``; the store notes it as where the conversation was left."""
        self.places.move(node, branch)
        await self.manager.storage.update(self.manager.state, Change(position=(node, branch)))

    def system_at(self, node: Node) -> str:
        """The system prompt that holds at a node."""
        return _system_at(node) or self.manager.state.message_tree.data.message.content

    async def settle(self, node: Node, branch: str | None) -> None:
        """Stand at ``node``, and make it the end of ``branch``, which is made if there is none."""
        manager = self.manager
        if branch is not None and self.is_new_branch(branch):
            await manager.create_branch(branch, node)
        heads = {} if branch is None else {branch: node}
        await manager.storage.update(manager.state, Change(position=(node, branch), heads=heads))
        self.places.move(node, branch)

    def stand(self) -> None:
        """Put the conversation where this kernel stands in it."""
        state = self.manager.state
        state.current = self.places.position
        known = state.branches.get(self.places.branch or "")
        state.current_branch = known.name if known is not None and not known.deletion else None

    def others_wrote(self) -> int:
        """How many nodes other kernels have added since this was last asked."""
        stored = self.manager.state.stored
        new, self._seen = stored[self._seen :], len(stored)
        mine = self.manager.storage.session
        return sum(node.data.session != mine for node in new)

    async def ask(self, question: Question) -> AsyncGenerator[LLMStreamResponse, None]:
        """Ask, and stream the answer; what came is stored however it ends.

        Raises:
            BranchError: There is no branch of that name, or it cannot be one.
            NodeNotFound: There is no such node, or the one the cell was asked below is deleted.
            ConfigError: Calls of tools wait there, or none do (see `Question.messages`).
            ProviderError: The call failed.
        """
        manager = self.manager
        self._forget_answer()
        await self.refresh()
        place = self.place_for(question)
        parent = self.places.parent(place)
        asked = await self.put(question, place, parent, question.messages(parent))
        system = asked.data.metadata.get("system")
        pieces = manager.stream_complete(
            branch_name=place.branch if self.is_new_branch(place.branch) else None,
            cell=question.cell,
            adopt=self.places.equal_answer,
            at=asked,
            system=system,
            metadata=place.told(),
            **question.overrides,
        )
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece
        finally:
            if manager.last_answer is not None:
                self.places.answered(question.cell, place, manager.last_answer)

    def _forget_answer(self) -> None:
        self.manager.last_answer = None

    def place_for(self, question: Question) -> Place:
        """Where a cell asks: where it asked before, or where its line or this kernel stands (see `places`)."""
        known = self.places.known(question.cell)
        if known is not None and known.branch is not None and known.answer is not None:
            branch = self.manager.state.branches.get(known.branch)
            if branch is None or branch.deletion:
                known = replace(known, branch=self.places.branch)  # its own is gone
        same = known is not None and question.source in (None, known.source) and question.branch in (None, known.branch)
        if known is not None and same and not self._left(known, question.source):
            return replace(known)
        place = self._elsewhere(question, known)
        if question.branch is not None:
            place.branch = check_name(question.branch)
        return place

    def _left(self, known: Place, source: str | None) -> bool:
        """Whether the branch that a line names ends elsewhere now than at the cell's own answer, or below it."""
        branch = None if source is None else self.manager.state.branches.get(source)
        if branch is None or branch.deletion or known.answer is None:
            return False
        return not lies_on(known.answer, self.head(branch.name))

    def _elsewhere(self, question: Question, known: Place | None) -> Place:
        """The place that a line's ``--from`` or ``--branch`` leads to, and that of a cell that is new."""
        cell, source, branch = question.cell, question.source, question.branch
        if source is not None:
            node, on = self.node(source)
            if on is None:
                here = self.places.branch
                on = here if here is not None and self.head(here) is node else None
                return Place(Attached(node), on, source)
            if on not in self.places.heads and (before := self._asked_before(question, source)) is not None:
                return Place(Attached(before), on, source)
            return Place(self.places.attach(node, cell), on, source)
        if branch is not None and branch in self.places.heads:
            return Place(self.places.attach(self.head(branch), cell), branch)
        if known is not None:
            return replace(known)
        return self.places.here(cell)

    def _asked_before(self, question: Question, source: str) -> Node | None:
        """Where an earlier kernel asked this from a branch that this one has not been on yet."""
        return asked_below(self.manager.state.stored, question.cell, source, question.text)

    async def put(self, question: Question, place: Place, parent: Node, messages: Sequence[LLMMessage]) -> Node:
        """The last node of the question below ``parent``; of what is there already, nothing is added again."""
        state = self.manager.state
        system = question.system if question.system is not None else _system_at(parent)
        if system == state.message_tree.data.message.content:
            system = None
        kept = {"branch": place.branch, "system": system}
        metadata = place.told() | {name: value for name, value in kept.items() if value is not None}
        state.current = parent
        state.current_branch = None if self.is_new_branch(place.branch) else place.branch
        for message in messages:
            if (known := _said_below(state.current, message, system)) is not None:
                state.current = known
                continue
            await self.manager.add_message(
                message.role,
                list(message.parts) or message.content,
                metadata=metadata,
                cell=question.cell,
                tool_call_id=message.tool_call_id,
                name=message.name,
            )
        return state.current

    def is_new_branch(self, branch: str | None) -> bool:
        """Whether there is no branch of that name yet.

        Raises:
            BranchError: It was deleted.
        """
        if branch is None:
            return False
        known = self.manager.state.branches.get(branch)
        if known is not None and known.deletion:
            raise BranchError(
                f"The branch {branch!r} was deleted.", hint=f"Bring it back with  %branch undelete {branch}"
            )
        return known is None


def _said_below(node: Node, message: LLMMessage, system: str | None) -> Node | None:
    """The node below ``node`` that says ``message`` under the same system prompt."""
    for child in node.children:
        data = child.data
        if data.role != message.role or data.hidden or data.metadata.get("system") != system:
            continue
        said = data.message
        same = (said.content, said.parts[1:], said.tool_call_id, said.name)
        if same == (message.content, message.parts[1:], message.tool_call_id, message.name):
            return child
    return None


def _system_at(node: Node) -> str | None:
    """The system prompt that holds at a node in place of the conversation's own."""
    question = node.parent if node.data.role == "assistant" else node
    system: str | None = None if question is None else question.data.metadata.get("system")
    return system


def cut_response(node: Node) -> LLMResponse:
    """What is stored of an answer that was cut, as a response."""
    data = node.data
    return LLMResponse(
        content=data.message.content,
        model=data.metadata.get("model") or "",
        usage=data.metadata.get("usage"),
        cost_usd=data.metadata.get("cost_usd"),
        reasoning=data.message.reasoning,
        tool_calls=list(data.message.tool_calls),
    )
