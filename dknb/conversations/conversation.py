"""A conversation of a store: going elsewhere in it, and changing what is in it. It needs no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import BranchError, ConversationError
from . import branches as _branches
from . import deletions as _deletions
from .given import given_count, given_labels, given_metadata, given_text, message_metadata
from .grafting import cherry_picked, edited
from .node import STAR, ConversationNode
from .reader import ConversationReader
from .search import Hit, Query
from .state import ConversationState
from .steps import Change, Start, Step
from .storage import ConversationStorage
from .tree import Tree, parse_node_id

__all__ = ["Conversation"]

NodeTree = Tree[ConversationNode]


class Conversation(ConversationReader):
    """A place in a conversation that a store keeps.

    Several may be on one conversation, in one process or in many: each has its own position, and sees what the others
    wrote when it writes something itself, goes elsewhere, or calls `refresh`.

    Attributes:
        state: The tree, the branches and the position.
        storage: Where it is kept.
    """

    def __init__(self, state: ConversationState, storage: ConversationStorage) -> None:
        super().__init__(state)
        self.storage = storage

    async def refresh(self) -> bool:
        """Add what others wrote to this conversation; whether there was anything.

        If they deleted where one is, one is at the nearest node above that is shown then, and the log says so.
        """
        return await self.storage.refresh(self.state)

    async def _change(self, change: Change) -> None:
        await self.storage.update(self.state, change)

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
        await self._change(Change(position=(node, branch)))
        return node

    # Changing branches

    async def branch_from(self, ref: str | NodeTree, name: str | None = None) -> NodeTree:
        """Go to the node above ``ref``: what is said next is another version of it, a sibling.

        Args:
            ref: The node to say or answer otherwise.
            name: A new branch to be on; without it one is on the branch that ends there, or on none.

        Returns:
            The node above, where one is now.

        Raises:
            BranchError: It is the root, or the name is taken or cannot be one.
            NodeNotFound: There is no such node.
        """
        await self.refresh()
        parent = self.resolve(ref).parent
        if parent is None:
            raise BranchError("Nothing branches beside the root of a conversation.", hint="Begin another conversation.")
        if name is not None:
            return await self.create_branch(name, parent)
        return await self._go(parent, _branches.branch_at(self.state, parent))

    async def create_branch(self, name: str, at: str | NodeTree | None = None) -> NodeTree:
        """Make a branch at a node or at another branch's head (here by default), and be on it.

        Raises:
            BranchError: The name is taken or cannot be one, or ``at`` is no branch.
            NodeNotFound: ``at`` is no node.
        """
        await self.refresh()
        head = self.state.current if at is None else self.resolve(at)
        await self._change(_branches.plan_new(self.state, name, head))
        return head

    async def rename_branch(self, old: str, new: str) -> None:
        """Give a branch another name.

        Raises:
            BranchError: There is no branch ``old``, or ``new`` is taken or cannot be a name.
        """
        await self.refresh()
        await self._change(_branches.plan_rename(self.state, old, new))

    def would_delete(self, ref: str) -> list[NodeTree]:
        """The nodes that `delete_branch` would hide."""
        return list(_deletions.plan_delete(self.state, ref).hide)

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
        change = _deletions.plan_delete(self.state, ref)
        await self._change(change)
        return list(change.hide)

    async def undelete_branch(self, ref: str) -> list[NodeTree]:
        """Show again what the deletion of a branch (or of a node) hid; the nodes.

        Raises:
            BranchError: There is nothing deleted of that name or id.
        """
        await self.refresh()
        change = _deletions.plan_undelete(self.state, ref)
        await self._change(change)
        return list(change.unhide)

    # Changing what is shown

    async def delete(self, ref: str | NodeTree) -> list[NodeTree]:
        """Hide a node with all below it, and the branches that end there.

        Nothing is lost: what is hidden keeps its place, its id and its cost, and `undelete` shows it again. Who is in it
        moves to the nearest node above that is shown: this manager now, others when they next see what is new. An answer
        that is still coming there is hidden, too; anything else that others want to say there is refused
        (`NodeNotFound`). Given a branch's name, it does what `delete_branch` does.

        Returns:
            The nodes that were hidden.

        Raises:
            BranchError: It is the root, or a branch that is none or that one is on.
            NodeNotFound: There is no such node.
        """
        await self.refresh()
        if isinstance(ref, str) and parse_node_id(ref) is None:
            change = _deletions.plan_delete(self.state, ref)
        else:
            change = _deletions.plan_remove(self.state, _branches.shown_node(self.resolve(ref)))
        await self._change(change)
        return list(change.hide)

    async def undelete(self, ref: str | NodeTree) -> list[NodeTree]:
        """Show again what the deletion of a node, or of a branch, hid; the nodes.

        Raises:
            BranchError: There is nothing deleted of that name or id.
        """
        await self.refresh()
        change = _deletions.plan_undelete(self.state, ref)
        await self._change(change)
        return list(change.unhide)

    async def label(self, ref: str | NodeTree, name: str) -> None:
        """Give a node a label, beside those it has; several nodes may have the same (see `with_label`).

        Raises:
            ConversationError: It cannot be a label: blank, too long, or with control characters.
        """
        await self.refresh()
        await self._change(Change(label=[(self.resolve(ref), _branches.check_name(name, "label"))]))

    async def unlabel(self, ref: str | NodeTree, name: str) -> None:
        """Take a label away; one that the node does not have is no error."""
        await self.refresh()
        await self._change(Change(unlabel=[(self.resolve(ref), name)]))

    async def star(self, ref: str | NodeTree | None = None) -> None:
        """Give a node (the current one by default) a star."""
        await self.refresh()
        await self._change(Change(label=[(self._at(ref), STAR)]))

    async def unstar(self, ref: str | NodeTree | None = None) -> None:
        """Take the star of a node (the current one by default) away."""
        await self.refresh()
        await self._change(Change(unlabel=[(self._at(ref), STAR)]))

    # Saying again what was said

    async def cherry_pick(
        self,
        source: str | NodeTree | Sequence[str | NodeTree],
        onto: str | NodeTree,
        *,
        still: bool = False,
        cell: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> NodeTree:
        """Say what was said at ``source`` below ``onto`` too; several nodes go below each other, in the order given.

        A branch that ends at ``onto`` goes along, and so does who is there. Where each copy is from is in its metadata
        (``cherry_picked``); what the original cost is not counted twice.

        Args:
            source: The node, or several.
            onto: Where the copies go: a branch's end, or a node.
            still: Whether the position and all branches stay where they are.
            cell: The notebook cell that says it.
            metadata: What to keep with each copy beside what is kept with the original (JSON data).

        Returns:
            The (last) copy.

        Raises:
            ConversationError: Nothing was said there, or there is no source.
            NodeNotFound: There is no such node.
        """
        await self.refresh()
        refs = [source] if isinstance(source, str | Tree) or not isinstance(source, Sequence) else list(source)
        kept = message_metadata(metadata)
        copies = [cherry_picked(self.resolve(ref), cell, kept) for ref in refs]
        if not copies:
            raise ConversationError("There is nothing to copy: no node is given.", hint="Give a node, or several.")
        end, branch = _branches.end_of(self.state, onto)
        step = Step(end, copies, still=True) if still else Step(end, copies, branch, Start(end, branch, end))
        return (await self._append(step))[-1]

    async def edit(self, ref: str | NodeTree, text: str) -> NodeTree:
        """Say something else in the place of a node: a sibling of it, which is where one is then, on no branch.

        The node itself, and what follows it, stays as it is. Images, documents and calls of tools are taken over.

        Raises:
            BranchError: It is the root.
            NodeNotFound: There is no such node.
            ConfigError: What is said is no text.
        """
        await self.refresh()
        node = self.resolve(ref)
        other = edited(node, given_text(text, "What is said instead"))
        assert node.parent is not None
        return (await self._append(Step(node.parent, [other])))[-1]

    async def _append(self, step: Step) -> list[NodeTree]:
        await self.storage.write_owed(self.state)
        return await self.storage.append(self.state, step)

    # The conversation as a whole

    async def update_metadata(self, updates: Mapping[str, Any]) -> None:
        """Keep these entries with the conversation (JSON data), beside those that are there; written at once.

        Raises:
            ConfigError: They are no JSON data.
        """
        await self._change(Change(metadata=given_metadata(updates, "metadata of the conversation")))

    async def add_metadata(self, key: str, value: Any) -> None:
        """Keep one entry with the conversation; written at once."""
        await self.update_metadata({key: value})

    async def remove_metadata(self, key: str) -> None:
        """Remove an entry of the conversation's metadata; one that is not there is no error."""
        await self._change(Change(drop_metadata=[key]))

    async def search(
        self, text: str, *, role: str | None = None, labels: Sequence[str] = (), deleted: bool = False, limit: int = 20
    ) -> list[Hit]:
        """What was said in this conversation that has all these words, best first; ``hit.node_id`` says where.

        Args:
            text: The words, in any order; it is no syntax.
            role: Only what this role said.
            labels: Only nodes that have all of these labels.
            deleted: Whether to look at what was deleted too.
            limit: Most hits.

        Raises:
            ConfigError: Nobody has such a role, ``labels`` is no list of names, or ``limit`` is less than 1.
        """
        given_text(text, "What is looked for")
        most = given_count(limit, "The limit")
        query = Query(text, self.conversation_id, role, given_labels(labels), deleted=deleted, limit=most)
        hits = await self.storage.search(query)
        if any(hit.seq >= len(self.state.stored) for hit in hits):
            await self.refresh()  # said by others, since this conversation last looked
        return [replace(hit, node_id=self.state.stored[hit.seq].data.node_id) for hit in hits]

    async def flush(self) -> None:
        """Write what is not written yet: what a failing store refused, or what was made with ``save=False``.

        Raises:
            StorageError: The store still fails; nothing is lost, call again.
        """
        await self.storage.write_owed(self.state)
        for node in list(self.state.unsaved()):
            if node.data.seq is None:
                branch = next((name for name, each in self.state.branches.items() if each.head is node), None)
                await self.storage.append(self.state, Step(node, (), branch, Start(node, branch, node)))
