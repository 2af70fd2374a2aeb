"""Branches as data: names, where they point, what a change of them would do. Nothing here writes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ..errors import BranchError, ConfigError, ConversationError, DesignError, DknbError, NodeNotFound, did_you_mean
from ..llm.messages import utc_now
from .node import ConversationNode, place_of
from .state import Branch, ConversationState
from .steps import Change
from .tree import Tree, calculate_node_id, get_node_by_id, parse_node_id

__all__ = ["BranchRecord", "check_name", "resolve"]

NodeTree = Tree[ConversationNode]

#: Most characters of a name.
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class BranchRecord:
    """A branch, for a list of them.

    Attributes:
        name: Its name.
        head: The node it points at.
        messages: Number of messages from the root to there.
        updated_at: When it last moved (UTC).
        current: Whether one is on it.
    """

    name: str
    head: NodeTree
    messages: int
    updated_at: datetime
    current: bool

    @property
    def node_id(self) -> str:
        """The id of its head."""
        return calculate_node_id(self.head)

    @property
    def depth(self) -> int:
        """Steps from the root to its head."""
        return self.head.depth


def check_name(name: str, what: str = "branch") -> str:
    """``name``, if a branch, a conversation or an experiment may be called so.

    Raises:
        BranchError: It is blank, too long, holds control characters, or reads as a node id.
        ConversationError: The same of a conversation, whose name may read as a node id.
        DesignError: The same of an experiment.
        ConfigError: It is no text.
    """
    if not isinstance(name, str):
        raise ConfigError(f"The name of {_one(what)} is a text, not {name!r:.60}.")
    errors: dict[str, type[DknbError]] = {"branch": BranchError, "experiment": DesignError}
    error = errors.get(what, ConversationError)
    if not name.strip():
        raise error(f"The name of {_one(what)} must not be blank.", hint="Give it a name that can be read.")
    if len(name) > LONGEST_NAME:
        raise error(
            f"The name of {_one(what)} has {len(name)} characters: {name[:40]!r}…", hint=f"Use at most {LONGEST_NAME}."
        )
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise error(f"The name {name!r} of {_one(what)} holds a control character.", hint="Leave it out.")
    if what == "branch" and (parse_node_id(name) is not None or name == "root" or name.startswith("#")):
        raise error(f"A branch cannot be called {name!r}: that reads as a node id.", hint="Take another name.")
    return name


def _one(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def visible(state: ConversationState) -> dict[str, Branch]:
    """The branches that are not deleted."""
    return {name: branch for name, branch in state.branches.items() if not branch.deletion}


def records(state: ConversationState) -> list[BranchRecord]:
    """The branches that are not deleted, in the order in which they were made."""
    offset = 1 if state.has_system_prompt else 0
    return [
        BranchRecord(
            name=branch.name,
            head=branch.head,
            messages=branch.head.depth + offset,
            updated_at=branch.updated_at,
            current=branch.name == state.current_branch,
        )
        for branch in visible(state).values()
    ]


def find_branch(state: ConversationState, name: str) -> Branch:
    """The branch ``name``.

    Raises:
        BranchError: There is none, or it was deleted.
    """
    branch = state.branches.get(text_of(name))
    if branch is None:
        known = visible(state)
        raise BranchError(
            f"There is no branch {name!r}.{did_you_mean(name, known)}", hint=f"Branches: {', '.join(known) or 'none'}."
        )
    if branch.deletion:
        raise BranchError(f"The branch {name!r} was deleted.", hint=f"Undelete it first: undelete {name}")
    return branch


def find_node(state: ConversationState, node_id: str) -> NodeTree:
    """The node ``node_id``.

    Raises:
        NodeNotFound: There is none, or it was deleted.
    """
    node = get_node_by_id(state.message_tree, text_of(node_id))
    if node is None:
        raise NodeNotFound(f"There is no node {node_id!r}.", hint=_nearest_node(state.message_tree, node_id))
    return shown_node(node)


def shown_node(node: NodeTree) -> NodeTree:
    """``node``, if neither it nor anything above it was deleted.

    Raises:
        NodeNotFound: It was.
    """
    if any(above.data.hidden for above in node.upward()):
        where = calculate_node_id(node)
        raise NodeNotFound(f"The node {where!r} was deleted.", hint=f"Undelete it first: undelete {where}")
    return node


def shown(state: ConversationState) -> Iterator[NodeTree]:
    """The nodes that are not deleted: parents before children, siblings in order."""
    waiting = [state.message_tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(child for child in reversed(node.children) if not child.data.hidden)


def _nearest_node(root: NodeTree, node_id: str) -> str:
    ordinals = parse_node_id(node_id)
    if ordinals is None:
        return "A node id is made of numbers and dots: 0, 0.1, 0.1.2"
    node = root
    for ordinal in ordinals:
        if ordinal >= len(node.children):
            break
        node = node.children[ordinal]
    where = "the root" if node.parent is None else f"node {place_of(node)}"
    if not node.children:
        return f"The nearest is {where}, which has nothing below it."
    first, last = place_of(node.children[0]), place_of(node.children[-1])
    below = first if len(node.children) == 1 else f"{first} to {last}"
    return f"The nearest is {where}; below it: {below}"


def resolve(state: ConversationState, ref: str | NodeTree) -> NodeTree:
    """The node that a branch name, a node id, or the node itself stands for.

    Raises:
        BranchError: There is no branch of that name.
        NodeNotFound: There is no node of that id, it was deleted, or the node is another conversation's (or another
            manager's: each has nodes of its own).
        ConfigError: It is none of these.
    """
    if isinstance(ref, Tree):
        return _own_node(state, ref)
    if parse_node_id(text_of(ref)) is not None:
        return find_node(state, ref)
    head = find_branch(state, ref).head
    return shown_node(head) if state.hides_anything() else head


def text_of(ref: str) -> str:
    """``ref``, if it is a text; `ConfigError` if it is anything else."""
    if isinstance(ref, str):
        return ref
    raise ConfigError(
        f"A node is named by its id, by a branch, or is the node itself, not {ref!r:.60}.",
        hint='"0.1", "main", or manager.state.current',
    )


def own(state: ConversationState, node: NodeTree) -> NodeTree:
    """``node``, if it hangs in the tree of ``state``.

    Raises:
        NodeNotFound: It hangs in another: its number means something else there.
    """
    for above in node.upward():
        seq = above.data.seq
        if above is state.message_tree or (seq is not None and seq < len(state.stored) and state.stored[seq] is above):
            return node
        if seq is not None:
            break
    raise NodeNotFound(
        f"The node {place_of(node)} is not of this conversation, {state.conversation_id!r}, as this manager has it.",
        hint="Nodes of another manager, or of another conversation, are named by their ids:  node.data.node_id",
    )


def _own_node(state: ConversationState, node: NodeTree) -> NodeTree:
    # Whether anything above is deleted takes a walk to the root, and mostly nothing is deleted at all.
    return shown_node(own(state, node)) if state.hides_anything() else own(state, node)


def branch_at(state: ConversationState, node: NodeTree) -> str | None:
    """The branch whose head ``node`` is: the current one if it is several, else the first made."""
    names = [branch.name for branch in visible(state).values() if branch.head is node]
    return state.current_branch if state.current_branch in names else next(iter(names), None)


def end_of(state: ConversationState, ref: str | NodeTree) -> tuple[NodeTree, str | None]:
    """The node that a branch, an id or the node itself stands for, and the branch that goes along from there.

    Raises:
        BranchError: There is no branch of that name.
        NodeNotFound: There is no node of that id.
    """
    node = resolve(state, ref)
    if isinstance(ref, str) and parse_node_id(ref) is None:
        return node, ref
    return node, branch_at(state, node)


def plan_new(state: ConversationState, name: str, head: NodeTree) -> Change:
    """Make a branch and be on it."""
    check_name(name)
    refuse_taken(state, name)
    return Change(position=(head, name), new=[Branch(name, head, utc_now())])


def refuse_taken(state: ConversationState, name: str) -> None:
    """Raise `BranchError` if a branch has the name, or had it before it was deleted."""
    known = state.branches.get(name)
    if known is None:
        return
    if known.deletion:
        raise BranchError(
            f"A deleted branch has the name {name!r}.", hint=f"Undelete it (undelete {name}), or take another name."
        )
    raise BranchError(
        f"There is already a branch {name!r}.", hint=f"Switch to it (switch {name}), or take another name."
    )


def plan_rename(state: ConversationState, old: str, new: str) -> Change:
    """Give a branch another name."""
    find_branch(state, old)
    check_name(new)
    refuse_taken(state, new)
    position = (state.current, new) if state.current_branch == old else None
    return Change(position=position, renamed={old: new})
