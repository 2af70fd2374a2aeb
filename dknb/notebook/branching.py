"""``%branch``: the branches of the conversation, and where one is among them."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any

from .._sync import run
from ..conversations.diff import diff_words
from ..errors import BranchError, MagicError, did_you_mean
from .arguments import LineParser
from .asking import Talk
from .live import show
from .places import Node
from .session import Session
from .views.branches import Tip, branches_bundle, diff_bundle
from .views.said import said
from .views.text import counted, note
from .views.tree import Picture, node_label, tree_bundle

__all__ = ["BRANCH_COMMANDS", "BRANCH_HELP", "branch_line"]


def _parser(name: str, description: str, *words: str) -> LineParser:
    parser = LineParser(f"%branch {name}".rstrip(), description)
    for word in words:
        parser.add_argument(word)
    return parser


_LIST = _parser("list", "List the branches, and the ends of the tree that have no name.")
_NEW = _parser("new", "Make a branch and stand on it.", "name")
_NEW.add_argument("--at", metavar="NODE|BRANCH", help="where it begins; here, if nothing is said")
_SWITCH = _parser("switch", "Stand at the end of a branch, or at a node.", "where")
_RENAME = _parser("rename", "Give a branch another name.", "old", "new")
_TREE = _parser("tree", "Draw the conversation.")
_DIFF = _parser("diff", "Show where two branches or nodes part, and the words that differ after that.", "a", "b")
_DELETE = _parser("delete", "Hide a branch with what only it reaches, or a node with what is below.", "what")
_DELETE.add_argument("--yes", action="store_true", help="really do it")
_UNDELETE = _parser("undelete", "Show again what a deletion hid.", "what")


def branch_line(session: Session, cell: str | None, line: str) -> None:
    """Run ``%branch``.

    Raises:
        MagicError: The line does not parse.
        BranchError: There is no such branch, or it cannot be changed so.
        NodeNotFound: There is no such node.
    """
    command, _, rest = line.strip().partition(" ")
    command = command or "list"
    if command not in BRANCH_COMMANDS:
        raise MagicError(
            f"%branch: no command {command!r}.{did_you_mean(command, BRANCH_COMMANDS)}",
            hint=f"Commands: {', '.join(BRANCH_COMMANDS)}",
        )
    parser, do = BRANCH_COMMANDS[command]
    options = parser.parse(rest)
    talk = session.existing_talk()
    run(talk.manager.refresh())
    talk.stand()
    show(do(talk, options, cell))


def _list(talk: Talk, _: Any, __: str | None) -> dict[str, Any]:
    places, state = talk.places, talk.manager.state
    named = {name: talk.shown_head(name) for name, branch in state.branches.items() if not branch.deletion}
    tips = [
        Tip(name, node_label(node), node.depth, said(node.data.message), name == places.branch)
        for name, node in named.items()
    ]
    reached = {id(node) for head in named.values() for node in head.upward()}
    ends = [node for node in _ends(state.message_tree) if id(node) not in reached]
    tips += [Tip(None, node_label(node), node.depth, said(node.data.message)) for node in ends[-20:]]
    return branches_bundle(talk.name, tips)


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


def _new(talk: Talk, options: Any, cell: str | None) -> dict[str, Any]:
    at = talk.places.position if options.at is None else talk.node(options.at)[0]
    branch = talk.manager.state.branches.get(options.name)
    if branch is not None and branch.deletion and options.name not in talk.made:
        run(talk.manager.undelete_branch(options.name))
    elif branch is None or branch.deletion:
        run(talk.manager.create_branch(options.name, at))
    elif not talk.may_begin_again(options.name, cell):
        raise BranchError(
            f"There is already a branch {options.name!r}, at node {node_label(talk.head(options.name))}.",
            hint=f"Go to it with  %branch switch {options.name}  or take another name",
        )
    talk.made[options.name] = cell
    run(talk.go(at, options.name))
    return note(f"branch {options.name!r} begins at node {node_label(at)}")


def _switch(talk: Talk, options: Any, _: str | None) -> dict[str, Any]:
    node, branch = talk.node(options.where)
    if branch is None:
        ends = [
            name for name, each in talk.manager.state.branches.items() if not each.deletion and talk.head(name) is node
        ]
        branch = talk.places.branch if talk.places.branch in ends else next(iter(ends), None)
    run(talk.go(node, branch))
    on = f", on branch {branch!r}" if branch else ", on no branch: %branch new NAME gives what follows a name"
    return note(f"at node {node_label(node)}{on}")


def _rename(talk: Talk, options: Any, _: str | None) -> dict[str, Any]:
    run(talk.manager.rename_branch(options.old, options.new))
    talk.places.rename(options.old, options.new)
    if options.old in talk.made:
        talk.made[options.new] = talk.made.pop(options.old)
    return note(f"branch {options.old!r} is now {options.new!r}")


def _tree(talk: Talk, _: Any, __: str | None) -> dict[str, Any]:
    return tree_bundle(picture_of(talk))


def picture_of(talk: Talk) -> Picture:
    """What there is to draw of a conversation."""
    state, places = talk.manager.state, talk.places
    heads = {name: talk.shown_head(name) for name, branch in state.branches.items() if not branch.deletion}
    return Picture(talk.name, state.message_tree, places.position, places.branch, heads)


def _diff(talk: Talk, options: Any, _: str | None) -> dict[str, Any]:
    left, right = talk.node(options.a)[0], talk.node(options.b)[0]
    systems = [talk.system_at(node) for node in (left, right)]
    runs = diff_words(*systems) if systems[0] != systems[1] else []
    return diff_bundle(options.a, options.b, talk.manager.diff(left, right), runs)


def _delete(talk: Talk, options: Any, _: str | None) -> dict[str, Any]:
    what = _reference(talk, options.what)
    hidden = talk.manager.would_delete(what)
    if not options.yes:
        return note(
            f"this would hide {counted(len(hidden), 'node')}; do it with  %branch delete {options.what} --yes "
            f"(%branch undelete {options.what} shows them again)"
        )
    run(talk.manager.delete_branch(what))
    gone = f"branch {options.what!r} is deleted, " if options.what in talk.manager.state.branches else ""
    return note(f"{gone}{_nodes_are(hidden)} hidden; %branch undelete {options.what} shows them again")


def _undelete(talk: Talk, options: Any, _: str | None) -> dict[str, Any]:
    shown = run(talk.manager.undelete_branch(_reference(talk, options.what)))
    return note(f"{_nodes_are(shown)} shown again")


def _nodes_are(nodes: Sized) -> str:
    return f"{counted(len(nodes), 'node')} {'is' if len(nodes) == 1 else 'are'}"


def _reference(talk: Talk, ref: str) -> str:
    """``#17`` as the id that the conversation knows."""
    stored = talk.manager.state.stored
    if ref.startswith("#") and ref[1:].isdecimal() and int(ref[1:]) < len(stored):
        return stored[int(ref[1:])].data.node_id
    return ref


_Command = Callable[[Talk, Any, str | None], dict[str, Any]]
BRANCH_COMMANDS: dict[str, tuple[LineParser, _Command]] = {
    "list": (_LIST, _list),
    "new": (_NEW, _new),
    "switch": (_SWITCH, _switch),
    "rename": (_RENAME, _rename),
    "tree": (_TREE, _tree),
    "diff": (_DIFF, _diff),
    "delete": (_DELETE, _delete),
    "undelete": (_UNDELETE, _undelete),
}

BRANCH_HELP = "\n".join(
    f"{' '.join(parser.format_usage().split()[1:])}\n    {parser.description}" for parser, _ in BRANCH_COMMANDS.values()
)
