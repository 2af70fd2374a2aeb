"""What a deletion hides, and what undoing it shows again. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

from ..errors import BranchError, did_you_mean
from .branches import branch_at, find_branch, own, resolve, text_of, visible
from .node import ConversationNode, place_of
from .state import Branch, ConversationState
from .steps import Change
from .tree import Tree, get_node_by_id, parse_node_id

__all__ = ["plan_delete", "plan_remove", "plan_undelete"]

NodeTree = Tree[ConversationNode]


def plan_delete(state: ConversationState, ref: str | NodeTree) -> Change:
    """Hide a branch with what only it reaches, or a node with what is below it.

    Raises:
        BranchError: One is on it or in it, or another branch ends below the node.
    """
    if not _is_name(ref):
        return _plan_delete_node(state, resolve(state, ref))
    branch = find_branch(state, ref)
    if state.current_branch == ref:
        raise BranchError(f"You are on the branch {ref!r}.", hint="Switch to another branch or node first.")
    top = _top_of_its_own(state, branch)
    return Change(hide=_below(state, top) if top else (), hide_branches=[ref])


def _plan_delete_node(state: ConversationState, node: NodeTree) -> Change:
    if node.parent is None:
        raise _no_root()
    inside = {id(each) for each in node.walk()}
    if ending := [branch.name for branch in visible(state).values() if id(branch.head) in inside]:
        raise BranchError(
            f"The branch {ending[0]!r} ends at or below node {place_of(node)}.",
            hint=f"Delete it first: delete {ending[0]}",
        )
    return Change(hide=_below(state, node))


def _top_of_its_own(state: ConversationState, branch: Branch) -> NodeTree | None:
    """The first node on the way to ``branch`` that no other branch reaches; None when there is none."""
    shared: set[int] = {id(state.message_tree)}
    for other in visible(state).values():
        if other.name != branch.name:
            _mark(shared, other.head.upward())
    top = None
    for node in branch.head.upward():
        if id(node) in shared:
            break
        top = node
    return top


def _mark(marked: set[int], nodes: Iterable[NodeTree]) -> None:
    for node in nodes:
        if id(node) in marked:
            # What is above was marked with it; only the root is there from the start, and it is the last.
            return
        marked.add(id(node))


def _below(state: ConversationState, top: NodeTree) -> list[NodeTree]:
    nodes = [node for node in top.walk() if not node.data.deletion]
    if any(node is state.current for node in nodes):
        raise BranchError(
            f"You are at node {place_of(state.current)}, which would be deleted.",
            hint="Switch to another branch or node first.",
        )
    return nodes


def plan_remove(state: ConversationState, node: NodeTree) -> Change:
    """Hide a node with all below it, and the branches that end there.

    Who is inside moves to the node above; so does the branch that one is on.

    Raises:
        BranchError: It is the root.
    """
    parent = node.parent
    if parent is None:
        raise _no_root()
    inside = {id(each) for each in node.walk()}
    ending = [branch.name for branch in visible(state).values() if id(branch.head) in inside]
    mine = state.current_branch if state.current_branch in ending else None
    position = None
    if id(state.current) in inside:
        position = (parent, mine or branch_at(state, parent))
    return Change(
        position=position,
        hide=[each for each in node.walk() if not each.data.deletion],
        hide_branches=[name for name in ending if name != mine],
        heads={mine: parent} if mine is not None else {},
    )


def plan_undelete(state: ConversationState, ref: str | NodeTree) -> Change:
    """Show again what one deletion hid, and what lies on the way to it.

    Raises:
        BranchError: There is nothing deleted of that name or id.
    """
    node, deletion = _deleted_branch(state, ref) if _is_name(ref) else _deleted_node(state, ref)
    if node is None or not deletion:
        raise BranchError(f"The node {ref!r} is not a deleted one.")
    again = [each for each in state.message_tree.walk() if each.data.deletion == deletion]
    above = [each for each in node.upward() if each.data.deletion not in (0, deletion)]
    names = [branch.name for branch in state.branches.values() if branch.deletion == deletion]
    return Change(unhide=[*above, *again], unhide_branches=names)


def _is_name(ref: str | NodeTree) -> TypeGuard[str]:
    return not isinstance(ref, Tree) and parse_node_id(text_of(ref)) is None


def _deleted_node(state: ConversationState, ref: str | NodeTree) -> tuple[NodeTree | None, int]:
    """The node, and the deletion that hid it or the nearest above it."""
    node = get_node_by_id(state.message_tree, ref) if isinstance(ref, str) else own(state, ref)
    deletions = (each.data.deletion for each in node.upward()) if node is not None else ()
    return node, next((deletion for deletion in deletions if deletion), 0)


def _deleted_branch(state: ConversationState, name: str) -> tuple[NodeTree, int]:
    deleted = {name: branch for name, branch in state.branches.items() if branch.deletion}
    branch = deleted.get(name)
    if branch is None:
        raise BranchError(
            f"There is no deleted branch {name!r}.{did_you_mean(name, deleted)}",
            hint=f"Deleted branches: {', '.join(deleted) or 'none'}.",
        )
    return branch.head, branch.deletion


def _no_root() -> BranchError:
    return BranchError("The root of a conversation cannot be deleted.", hint="Delete a node below it, or a branch.")
