"""The picture of a conversation's tree.

Straight-line turns stay at one indent. Where the ways part, all of them are drawn one step further in, below what they
answer: the one to the current node comes last, so that it goes on where one reads on. A talk that parts very often is drawn
no further in: then the way to the current node goes on straight, so that it still fits on a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...conversations.node import STAR, ConversationNode
from ...conversations.tree import Tree, calculate_node_id
from .said import said
from .text import MIME, chip, counted, escape, one_line, printable, shorten, verbatim

__all__ = ["Picture", "node_label", "tree_bundle"]

Node = Tree[ConversationNode]

_SHOWN = 400  # rows of the picture
_TOP = 5  # of them, those that are always its first
_KEPT = 2_000  # nodes in the data behind it
_STEPS = 20  # how far in the way to the current node goes
_TEXT = 2_000  # characters of a node in either
_ROLE_COLOURS = {
    "system": "var(--jp-ui-font-color2, #616161)",
    "user": "var(--jp-brand-color1, #1565c0)",
    "assistant": "var(--jp-success-color0, #1b5e20)",
}


@dataclass(frozen=True)
class Picture:
    """What a picture of a conversation shows.

    Attributes:
        conversation_id: The name of the conversation.
        root: Its tree.
        current: Where one stands.
        branch: The branch one is on.
        heads: The branches, by name, and the nodes they point at.
        deleted: Whether what was deleted is shown too.
    """

    conversation_id: str
    root: Node
    current: Node
    branch: str | None
    heads: Mapping[str, Node]
    deleted: bool = False

    def children(self, node: Node) -> list[Node]:
        """The nodes below one that are shown."""
        return [child for child in node.children if self.deleted or not child.data.hidden]


@dataclass(frozen=True)
class _Row:
    node: Node
    lines: str
    on_path: bool
    labels: tuple[str, ...]


def node_label(node: Node) -> str:
    """A node's id as it is shown and can be typed: the dotted path while that is short, else ``#`` and its number."""
    if node.depth <= 8:
        return calculate_node_id(node) or "root"
    return f"#{node.data.seq}" if node.data.seq is not None else f"(not stored, depth {node.depth})"


def tree_bundle(picture: Picture) -> dict[str, Any]:
    """The picture as a MIME bundle: our own type, HTML and text."""
    rows = list(_rows(picture))
    shown = _around(rows, picture.current)
    left_out = len(rows) - len(shown)
    return {
        MIME["conversation"]: payload(picture),
        "text/html": verbatim(_html(picture, shown, left_out)),
        "text/plain": _plain(picture, shown, left_out),
    }


def payload(picture: Picture) -> dict[str, Any]:
    """The data of the picture, as ``conversation.schema.json`` has it."""
    nodes = list(_shown_nodes(picture))
    if len(nodes) > _KEPT:
        near = {id(node) for node in picture.current.upward()} | {id(node) for node in nodes[:_KEPT]}
        kept = [node for node in nodes if id(node) in near]
    else:
        kept = nodes
    index = {id(node): number for number, node in enumerate(kept)}
    data = [node.data for node in kept]
    return {
        "version": 1,
        "conversation_id": picture.conversation_id,
        "nodes": {
            "parent": [index[id(node.parent)] if node.parent is not None else -1 for node in kept],
            "ordinal": [node.ordinal for node in kept],
            "number": [node.seq for node in data],
            "role": [node.role for node in data],
            "text": [shorten(printable(said(node.message)), _TEXT) for node in data],
            "branch": [node.branch_name for node in data],
            "system": [node.metadata.get("system") if node.role == "user" else None for node in data],
            "state": [node.state for node in data],
            "starred": [node.starred for node in data],
            "labels": [_labels(node) for node in data],
            "deleted": [node.hidden for node in data],
            "model": [node.metadata.get("model") for node in data],
            "tokens": [(node.metadata.get("usage") or {}).get("total_tokens") for node in data],
            "cost_usd": [node.metadata.get("cost_usd") for node in data],
        },
        "current": index.get(id(picture.current)),
        "branches": [
            {"name": name, "head": index[id(head)], "current": name == picture.branch}
            for name, head in picture.heads.items()
            if id(head) in index
        ],
        "truncated": len(nodes) - len(kept),
    }


def _shown_nodes(picture: Picture) -> Iterator[Node]:
    waiting = [picture.root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(picture.children(node)))


def _labels(node: ConversationNode) -> list[str]:
    return sorted(node.labels - {STAR})


def _rows(picture: Picture) -> Iterator[_Row]:
    path = {id(node) for node in picture.current.upward()}
    names: dict[int, list[str]] = {}
    for name, head in picture.heads.items():
        names.setdefault(id(head), []).append(name)
    waiting = [(picture.root, "", "")]
    while waiting:
        node, first, rest = waiting.pop()
        if not (node is picture.root and node.data.is_empty and node.children):
            yield _Row(node, first, id(node) in path, tuple(names.get(id(node), ())))
        children = picture.children(node)
        if not children:
            continue
        straight = next((child for child in children if id(child) in path), children[-1])
        parts = len(children) > 1 and len(rest) < 2 * _STEPS
        waiting.append((straight, rest + "└─", rest + "  ") if parts else (straight, rest, rest))
        beside = [(child, rest + "├─", rest + "│ ") for child in children if child is not straight]
        waiting.extend(reversed(beside))


def _around(rows: list[_Row], current: Node) -> list[_Row]:
    """The rows to show: all, or the first few and those around the current one."""
    if len(rows) <= _SHOWN:
        return rows
    at = next((number for number, row in enumerate(rows) if row.node is current), 0)
    first = max(_TOP, min(at - _SHOWN * 3 // 4, len(rows) - _SHOWN + _TOP))
    return rows[:_TOP] + rows[first : first + _SHOWN - _TOP]


def _headline(picture: Picture, left_out: int) -> str:
    total = sum(1 for node in _shown_nodes(picture) if not node.data.is_empty)
    on = f"on {picture.branch}, " if picture.branch is not None else ""
    cut = f" ({left_out:,} left out)" if left_out else ""
    return f"{picture.conversation_id} · {counted(total, 'node')}{cut} · {on}at {node_label(picture.current)}"


def _system_label(node: Node) -> list[str]:
    """Where a question was asked with another system prompt than what is above it: how that begins."""
    system = node.data.metadata.get("system") if node.data.role == "user" else None
    return [f"system: {one_line(system, 50)}"] if system else []


def _states(node: ConversationNode) -> list[str]:
    """What a reader should know of a node that is not simply there."""
    return [*([] if node.state == "complete" else [node.state]), *(["deleted"] if node.hidden else [])]


def _glyph(row: _Row) -> str:
    if row.node.data.hidden:
        return "✕"
    if row.node.data.state != "complete":
        return "◌"
    return "●" if row.on_path else "○"


def _plain(picture: Picture, rows: list[_Row], left_out: int) -> str:
    lines = [printable(_headline(picture, left_out))]
    for row in rows:
        data = row.node.data
        labels = "".join(f" [{printable(name)}]" for name in (*row.labels, *_system_label(row.node)))
        labels += "".join(f" #{printable(name)}" for name in _labels(data))
        states = "".join(f" ({state})" for state in _states(data))
        here = " ← here" if row.node is picture.current else ""
        star = " ★" if data.starred else ""
        head = f"{row.lines}{_glyph(row)} {node_label(row.node)}{star}  {data.role}: "
        lines.append(f"{head}{one_line(said(data.message), max(20, 100 - len(head)))}{labels}{states}{here}")
    return "\n".join(lines)


def _html(picture: Picture, rows: list[_Row], left_out: int) -> str:
    body = "\n".join(_html_row(picture, row) for row in rows)
    return (
        '<div style="font-size:90%;overflow-x:auto">'
        f'<div style="font-weight:600;margin-bottom:4px">{escape(_headline(picture, left_out))}</div>\n{body}</div>'
    )


def _html_row(picture: Picture, row: _Row) -> str:
    data = row.node.data
    text = said(data.message)
    here = row.node is picture.current
    labels = " ".join(chip(name, strong=name == picture.branch) for name in (*row.labels, *_system_label(row.node)))
    labels += "".join(f" {chip('#' + name)}" for name in _labels(data))
    lines = escape(row.lines).replace(" ", "&nbsp;")
    weight = "600" if here else "400"
    fade = "0.5" if data.hidden else "1" if row.on_path else "0.75"
    summary = (
        f'<span style="font-family:monospace;white-space:pre">{lines}{_glyph(row)}&nbsp;</span>'
        f'<span style="font-family:monospace">{escape(node_label(row.node))}</span> '
        f"{'★ ' if data.starred else ''}"
        f'<span style="color:{_ROLE_COLOURS.get(data.role, "inherit")}">{escape(data.role)}</span> '
        f'<span style="font-weight:{weight}">{escape(one_line(text, 110))}</span> {labels}'
        + (" <b>← here</b>" if here else "")
        + "".join(f" <i>{escape(state)}</i>" for state in _states(data))
    )
    style = f"line-height:1.35;opacity:{fade};white-space:nowrap"
    if len(text) <= 100 and "\n" not in text.strip():
        return f'<div style="{style}">{summary}</div>'
    full = escape(shorten(text, _TEXT))
    return (
        f'<details style="{style}"><summary style="list-style:none;cursor:pointer">{summary}</summary>'
        f'<div style="white-space:pre-wrap;margin:2px 0 6px 28px">{full}</div></details>'
    )
