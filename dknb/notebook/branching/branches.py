"""The branches of a conversation, where one is among them, and how two of them differ."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from ..._sync import run
from ...conversations.diff import diff_words
from ...errors import BranchError
from ..asking import Talk
from ..places import Node
from ..views.branches import Tip, branches_bundle, diff_bundle
from ..views.said import said
from ..views.text import counted, note
from ..views.tree import Picture, node_label, tree_bundle
from .here import Here, branch_parser

__all__ = ["COMMANDS"]

_LIST = branch_parser("list", "List the branches, and the ends of the tree that have no name.")
_NEW = branch_parser("new", "Make a branch and stand on it.", "name")
_NEW.add_argument("--at", metavar="NODE|BRANCH", help="where it begins; here, if nothing is said")
_SWITCH = branch_parser("switch", "Stand at the end of a branch, or at a node.", "where")
_RENAME = branch_parser("rename", "Give a branch another name.", "old", "new")
_TREE = branch_parser("tree", "Draw the conversation.")
_TREE.add_argument("--deleted", action="store_true", help="with what was deleted")
_DIFF = branch_parser(
    "diff", "Show where two branches or nodes part, how they differ after that, and what each cost.", "a", "b"
)
_DELETE = branch_parser("delete", "Hide a branch with what only it reaches, or a node with what is below.", "what")
_DELETE.add_argument("--yes", action="store_true", help="really do it")
_UNDELETE = branch_parser("undelete", "Show again what a deletion hid.", "what")


def _list(here: Here, _: Any) -> dict[str, Any]:
    places, state = here.talk.places, here.talk.manager.state
    named = {name: here.talk.head(name) for name, branch in state.branches.items() if not branch.deletion}
    tips = [
        Tip(name, node_label(node), node.depth, said(node.data.message), name == places.branch)
        for name, node in named.items()
    ]
    reached = {id(node) for head in named.values() for node in head.upward()}
    ends = [node for node in _ends(state.message_tree) if id(node) not in reached]
    tips += [Tip(None, node_label(node), node.depth, said(node.data.message)) for node in ends[-20:]]
    return branches_bundle(here.talk.name, tips)


def _ends(root: Node) -> list[Node]:
    """The visible nodes with nothing visible below, in the order of writing."""
    ends = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        below = [child for child in node.children if not child.data.hidden]
        waiting.extend(below)
        if not below and node is not root:
            ends.append(node)
    return sorted(ends, key=lambda node: node.data.seq or 0)


def _new(here: Here, options: Any) -> dict[str, Any]:
    at, of_branch = (here.talk.places.position, None) if options.at is None else here.talk.node(options.at)
    branch = here.talk.manager.state.branches.get(options.name)
    if branch is not None and branch.deletion and options.name not in here.talk.made:
        run(here.talk.manager.undelete_branch(options.name))
    elif branch is not None and branch.deletion and here.talk.may_begin_again(options.name, here.cell):
        # Run All passes again: what this kernel said on it and deleted stays so.
        run(here.talk.begin_deleted(options.name, at))
    elif branch is None or branch.deletion:
        run(here.talk.manager.create_branch(options.name, at))
    elif not here.talk.may_begin_again(options.name, here.cell):
        raise BranchError(
            f"There is already a branch {options.name!r}, at node {node_label(here.talk.head(options.name))}.",
            hint=f"Go to it with  %branch switch {options.name}  or take another name",
        )
    here.talk.made[options.name] = here.cell
    run(here.talk.go(at, options.name))
    if options.at is not None and of_branch is None:
        here.talk.places.pin()
    return note(f"branch {options.name!r} begins at node {node_label(at)}")


def _switch(here: Here, options: Any) -> dict[str, Any]:
    node, branch = here.talk.node(options.where)
    if by_id := branch is None:
        ends = [
            name
            for name, each in here.talk.manager.state.branches.items()
            if not each.deletion and here.talk.head(name) is node
        ]
        branch = here.talk.places.branch if here.talk.places.branch in ends else next(iter(ends), None)
    run(here.talk.go(node, branch))
    if by_id:
        here.talk.places.pin()
    on = f", on branch {branch!r}" if branch else ", on no branch: %branch new NAME gives what follows a name"
    return note(f"at node {node_label(node)}{on}")


def _rename(here: Here, options: Any) -> dict[str, Any]:
    run(here.talk.manager.rename_branch(options.old, options.new))
    here.talk.follow_renames()
    return note(f"branch {options.old!r} is now {options.new!r}")


def _tree(here: Here, options: Any) -> dict[str, Any]:
    return tree_bundle(_picture(here.talk, deleted=options.deleted))


def _picture(talk: Talk, *, deleted: bool) -> Picture:
    state, places = talk.manager.state, talk.places
    heads = {name: talk.head(name) for name, branch in state.branches.items() if not branch.deletion}
    return Picture(talk.name, state.message_tree, places.position, places.branch, heads, deleted)


def _diff(here: Here, options: Any) -> dict[str, Any]:
    left, right = here.talk.node(options.a)[0], here.talk.node(options.b)[0]
    systems = [here.talk.system_at(node) for node in (left, right)]
    runs = diff_words(*systems) if systems[0] != systems[1] else []
    return diff_bundle(options.a, options.b, here.talk.manager.diff(left, right), runs)


def _delete(here: Here, options: Any) -> dict[str, Any]:
    what = _reference(here.talk, options.what)
    hidden = here.talk.manager.would_delete(what)
    if not options.yes:
        return note(
            f"this would hide {counted(len(hidden), 'node')}; do it with  %branch delete {options.what} --yes "
            f"(%branch undelete {options.what} shows them again)"
        )
    run(here.talk.manager.delete_branch(what))
    gone = f"branch {options.what!r} is deleted, " if options.what in here.talk.manager.state.branches else ""
    return note(f"{gone}{_nodes_are(hidden)} hidden; %branch undelete {options.what} shows them again")


def _undelete(here: Here, options: Any) -> dict[str, Any]:
    shown = run(here.talk.manager.undelete_branch(_reference(here.talk, options.what)))
    return note(f"{_nodes_are(shown)} shown again")


def _nodes_are(nodes: Sized) -> str:
    return f"{counted(len(nodes), 'node')} {'is' if len(nodes) == 1 else 'are'}"


def _reference(talk: Talk, ref: str) -> str:
    """``#17`` as the id that the conversation knows."""
    stored = talk.manager.state.stored
    number = ref[1:]
    if ref.startswith("#") and number.isascii() and number.isdecimal() and int(number) < len(stored):
        return stored[int(number)].data.node_id
    return ref


COMMANDS = {
    "list": (_LIST, _list),
    "new": (_NEW, _new),
    "switch": (_SWITCH, _switch),
    "rename": (_RENAME, _rename),
    "tree": (_TREE, _tree),
    "diff": (_DIFF, _diff),
    "delete": (_DELETE, _delete),
    "undelete": (_UNDELETE, _undelete),
}
