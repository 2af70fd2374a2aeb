"""Stars and labels, and finding what was said."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..._sync import run
from ...conversations.node import STAR
from ...errors import MagicError, did_you_mean
from ..asking import Talk
from ..places import Node, lies_on
from ..views.hits import FoundNode, hits_bundle
from ..views.text import note
from ..views.tree import node_label
from .here import Command, Here, branch_parser

__all__ = ["COMMANDS"]

_STAR = branch_parser("star", "Give a node a star.")
_UNSTAR = branch_parser("unstar", "Take a star away.")
for _parser in (_STAR, _UNSTAR):
    _parser.add_argument("node", nargs="?", metavar="NODE|BRANCH", help="the node where one is, if nothing is said")
_LABEL = branch_parser("label", "Give a node a label; several nodes may have the same.", "node", "name")
_UNLABEL = branch_parser("unlabel", "Take a label away.", "node", "name")
_SEARCH = branch_parser("search", "Find what was said in this conversation: all of the words, in any order.")
_SEARCH.add_argument("words", nargs="+", metavar="WORD")
_SEARCH.add_argument("--role", help="only what this role said: user, assistant, ...")
_SEARCH.add_argument("--label", action="append", default=[], metavar="NAME", help="only nodes with this label")
_SEARCH.add_argument("--deleted", action="store_true", help="also in what was deleted")
_SEARCH.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many")


def _node(here: Here, ref: str | None) -> Node:
    return here.talk.places.position if ref is None else here.talk.node(ref)[0]


def _star(here: Here, options: Any) -> dict[str, str]:
    node = _node(here, options.node)
    run(here.talk.manager.star(node))
    return note(f"★ node {node_label(node)}")


def _unstar(here: Here, options: Any) -> dict[str, str]:
    node = _node(here, options.node)
    run(here.talk.manager.unstar(node))
    return note(f"node {node_label(node)} has no star")


def _label(here: Here, options: Any) -> dict[str, str]:
    node = _node(here, options.node)
    run(here.talk.manager.label(node, options.name))
    return note(f"node {node_label(node)} is labelled {options.name!r}")


def _unlabel(here: Here, options: Any) -> dict[str, str]:
    node = _node(here, options.node)
    if options.name not in node.data.labels:
        named = ", ".join(sorted(node.data.labels)) or "none"
        raise MagicError(
            f"%branch: node {node_label(node)} has no label {options.name!r}.", hint=f"Its labels: {named}"
        )
    run(here.talk.manager.unlabel(node, options.name))
    return note(f"node {node_label(node)} is not labelled {options.name!r} any more")


def _search(here: Here, options: Any) -> dict[str, str]:
    if options.limit < 1:
        raise MagicError(f"%branch search: --limit is 1 or more, not {options.limit}.")
    text = " ".join(options.words)
    manager = here.talk.manager
    _refuse_unknown(options.label, {label for node in manager.state.stored for label in node.data.labels} - {STAR})
    hits = run(
        manager.search(text, role=options.role, labels=options.label, deleted=options.deleted, limit=options.limit)
    )
    return hits_bundle(text, [_found(here.talk, hit.seq, hit.role, hit.snippet, hit.marks) for hit in hits])


def _refuse_unknown(labels: Sequence[str], known: Collection[str]) -> None:
    for label in labels:
        if label not in known:
            raise MagicError(
                f"%branch search: no node has the label {label!r}.{did_you_mean(label, known)}",
                hint=f"Labels: {', '.join(sorted(known)) or 'none; %branch label NODE NAME gives one'}",
            )


def _found(talk: Talk, seq: int, role: str, snippet: str, marks: tuple[tuple[int, int], ...]) -> FoundNode:
    node = talk.manager.state.stored[seq]
    branches = [
        name
        for name, branch in talk.manager.state.branches.items()
        if not branch.deletion and lies_on(node, talk.head(name))
    ]
    deleted = any(above.data.hidden for above in node.upward())
    return FoundNode(node_label(node), ", ".join(branches), role, snippet, marks, deleted=deleted)


COMMANDS: dict[str, tuple[Any, Command]] = {
    "star": (_STAR, _star),
    "unstar": (_UNSTAR, _unstar),
    "label": (_LABEL, _label),
    "unlabel": (_UNLABEL, _unlabel),
    "search": (_SEARCH, _search),
}
