"""A conversation of a store: where one is in it, its branches, and what was said. It needs no model."""

from __future__ import annotations

from typing import Any

from ..llm.messages import LLMMessage, LLMResponse
from . import branches as _branches
from .branches import BranchRecord
from .diff import PathDiff, diff_paths
from .history import History
from .node import ConversationNode, preview
from .state import ConversationState
from .steps import Change
from .storage import ConversationStorage
from .tree import Tree

__all__ = ["Conversation"]

NodeTree = Tree[ConversationNode]


class Conversation:
    """A place in a conversation that a store keeps.

    Several may be on one conversation, in one process or in many: each has its own position, and sees what the others
    wrote when it writes something itself, goes elsewhere, or calls `refresh`.

    Attributes:
        state: The tree, the branches and the position.
        storage: Where it is kept.
    """

    def __init__(self, state: ConversationState, storage: ConversationStorage) -> None:
        self.state = state
        self.storage = storage

    @property
    def conversation_id(self) -> str:
        """The conversation's name in its store."""
        return self.state.conversation_id

    @property
    def current_node_id(self) -> str:
        """The id of the node where the next message goes; computed, in time proportional to its depth."""
        return self.state.current_node_id

    @property
    def current_branch(self) -> str | None:
        """The branch that moves along with new messages; None when one is on none."""
        return self.state.current_branch

    @property
    def history(self) -> History:
        """What was said up to the current node, without copying it."""
        return self.history_to(self.state.current)

    def history_to(self, node: NodeTree, *, system: str | None = None) -> History:
        """What was said up to ``node``, without copying it; with ``system`` as the system prompt, if given."""
        return History(node, root=self.state.message_tree, system=system)

    async def refresh(self) -> bool:
        """Add what others wrote to this conversation; whether there was anything."""
        return await self.storage.refresh(self.state)

    # Reading

    def resolve(self, ref: str | NodeTree) -> NodeTree:
        """The node that a node id or the name of a branch stands for.

        Raises:
            NodeNotFound: There is no node of that id.
            BranchError: There is no branch of that name.
        """
        return _branches.resolve(self.state, ref)

    def node_of(self, response: LLMResponse) -> NodeTree | None:
        """The node that a response of this conversation is stored in; None when it is not."""
        seq = response.metadata.get("node_seq")
        return None if seq is None else self.state.stored[seq]

    async def get_conversation_history(self) -> list[LLMMessage]:
        """What was said up to the current node, oldest first; an empty root is left out."""
        return list(self.history)

    async def get_history(self) -> list[LLMMessage]:
        """The same as `get_conversation_history`."""
        return list(self.history)

    async def get_branch_names(self) -> list[str]:
        """The names of the branches, in the order in which they were made."""
        return [record.name for record in self.branches()]

    async def get_branches(self, node_id: str | None = None) -> list[dict[str, Any]]:
        """The ways on from a node (the current one by default), one dict for each child that is not deleted.

        Returns:
            Dicts with ``node_id``, ``branch_name``, ``role``, ``preview`` (at most 100 characters) and ``timestamp``.
        """
        node = self.state.current if node_id is None else self.resolve(node_id)
        return [
            {
                "node_id": child.data.node_id,
                "branch_name": child.data.branch_name,
                "role": child.data.role,
                "preview": preview(child.data.message.content),
                "timestamp": child.data.timestamp,
            }
            for child in node.children
            if not child.data.hidden
        ]

    def get_total_cost(self) -> float:
        """What all answers in the tree cost, in US dollars; those of unknown price are left out."""
        return sum(_cost(node.data) for node in self.state.message_tree.walk())

    def get_cost_by_branch(self, ref: str | NodeTree | None = None) -> float:
        """What the answers on the way to a branch or node (the current one by default) cost, in US dollars."""
        node = self.state.current if ref is None else self.resolve(ref)
        return sum(_cost(each.data) for each in node.upward())

    def get_rag_metadata(self, node_id: str | None = None) -> dict[str, Any] | None:
        """What was found for a message (the current one by default), where ``cache_rag_results`` kept it."""
        node = self.state.current if node_id is None else self.resolve(node_id)
        found: dict[str, Any] | None = node.data.metadata.get("rag_metadata")
        return found

    def branches(self) -> list[BranchRecord]:
        """The branches, in the order in which they were made, as this conversation last saw them."""
        return _branches.records(self.state)

    def diff(self, left: str | NodeTree, right: str | NodeTree) -> PathDiff:
        """Where the ways to two branches or nodes part, and how what comes after differs word by word."""
        return diff_paths(self.resolve(left), self.resolve(right))

    # Going elsewhere

    async def switch(self, ref: str | NodeTree) -> NodeTree:
        """Go to a branch, or to a node: then one is on the branch that ends there, or on none.

        Raises:
            NodeNotFound: There is no node of that id.
            BranchError: There is no branch of that name.
        """
        await self.refresh()
        node = self.resolve(ref)
        named = isinstance(ref, str) and ref in self.state.branches
        return await self._go(node, str(ref) if named else _branches.branch_at(self.state, node))

    async def switch_to_node(self, node_id: str) -> None:
        """Go to the node ``node_id``.

        Raises:
            NodeNotFound: There is none.
        """
        await self.refresh()
        node = _branches.find_node(self.state, node_id)
        await self._go(node, _branches.branch_at(self.state, node))

    async def switch_branch(self, name: str) -> None:
        """Go to the head of the branch ``name``.

        Raises:
            BranchError: There is none.
        """
        await self.refresh()
        await self._go(_branches.find_branch(self.state, name).head, name)

    async def _go(self, node: NodeTree, branch: str | None) -> NodeTree:
        await self.storage.update(self.state, Change(position=(node, branch)))
        return node

    # Changing branches

    async def create_branch(self, name: str, at: str | NodeTree | None = None) -> NodeTree:
        """Make a branch at a node or at another branch's head (here by default), and be on it.

        Raises:
            BranchError: The name is taken or cannot be one, or ``at`` is no branch.
            NodeNotFound: ``at`` is no node.
        """
        await self.refresh()
        head = self.state.current if at is None else self.resolve(at)
        await self.storage.update(self.state, _branches.plan_new(self.state, name, head))
        return head

    async def rename_branch(self, old: str, new: str) -> None:
        """Give a branch another name.

        Raises:
            BranchError: There is no branch ``old``, or ``new`` is taken or cannot be a name.
        """
        await self.refresh()
        await self.storage.update(self.state, _branches.plan_rename(self.state, old, new))

    def would_delete(self, ref: str) -> list[NodeTree]:
        """The nodes that `delete_branch` would hide."""
        return list(_branches.plan_delete(self.state, ref).hide)

    async def delete_branch(self, ref: str) -> list[NodeTree]:
        """Hide a branch with the messages that only it reaches, or a node with all below it.

        Nothing is lost: what is hidden keeps its place and its id, and `undelete_branch` shows it again.

        Returns:
            The nodes that were hidden.

        Raises:
            BranchError: There is no such branch, one is on it or in it, or another branch ends below the node.
            NodeNotFound: There is no such node.
        """
        await self.refresh()
        change = _branches.plan_delete(self.state, ref)
        await self.storage.update(self.state, change)
        return list(change.hide)

    async def undelete_branch(self, ref: str) -> list[NodeTree]:
        """Show again what the deletion of a branch (or of a node) hid; the nodes.

        Raises:
            BranchError: There is nothing deleted of that name or id.
        """
        await self.refresh()
        change = _branches.plan_undelete(self.state, ref)
        await self.storage.update(self.state, change)
        return list(change.unhide)


def _cost(node: ConversationNode) -> float:
    # Only answers have a price, and metadata need not be decoded to see who speaks.
    return (node.metadata.get("cost_usd") or 0.0) if node.role == "assistant" else 0.0
