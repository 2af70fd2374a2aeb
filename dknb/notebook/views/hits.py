"""What a search found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .text import counted, escape, printable, verbatim

__all__ = ["FoundNode", "hits_bundle"]


@dataclass(frozen=True)
class FoundNode:
    """A message that was found.

    Attributes:
        node: Its node, as it is shown and can be typed.
        where: The branches whose ways go through it, or the conversation that it is part of.
        role: Who said it.
        snippet: The part of it with the words.
        marks: Where in the snippet the words are: pairs of start and end.
        deleted: Whether it was deleted.
    """

    node: str
    where: str
    role: str
    snippet: str
    marks: Sequence[tuple[int, int]]
    deleted: bool = False


def hits_bundle(text: str, found: Sequence[FoundNode], *, where: str = "branch") -> dict[str, str]:
    """The messages with the words marked: ``*word*`` in text."""
    title = f"{counted(len(found), 'message')} with {text!r}" if found else f"nothing was said with {text!r}"
    widths = [max((len(printable(part)) for part in column), default=0) for column in _columns(found)]
    lines = [printable(title)]
    rows = []
    for hit in found:
        node, place, role = (
            printable(part).ljust(width) for part, width in zip((hit.node, hit.where, hit.role), widths, strict=True)
        )
        gone = "  (deleted)" if hit.deleted else ""
        lines.append(f"{node}  {place}  {role}  {_marked(hit, '*', '*', printable)}{gone}")
        rows.append(
            f"<tr><td {_LEFT}><code>{escape(hit.node)}</code></td><td {_LEFT}>{escape(hit.where)}</td>"
            f"<td {_LEFT}>{escape(hit.role)}</td><td {_LEFT}>{_marked(hit, '<mark>', '</mark>', escape)}"
            f"{'<i> deleted</i>' if hit.deleted else ''}</td></tr>"
        )
    head = "".join(f"<th {_LEFT}>{escape(name)}</th>" for name in ("node", where, "role", "said"))
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>" if rows else ""
    html = verbatim(f"<table><caption {_LEFT}>{escape(title)}</caption>{body}</table>")
    return {"text/plain": "\n".join(lines), "text/html": html}


_LEFT = 'style="text-align:left"'


def _columns(found: Sequence[FoundNode]) -> list[list[str]]:
    return [[hit.node for hit in found], [hit.where for hit in found], [hit.role for hit in found]]


def _marked(hit: FoundNode, before: str, after: str, shown: Callable[[str], str]) -> str:
    """The snippet, with what is in it as ``shown`` makes it, and marks around the words."""
    pieces, at = [], 0
    for start, end in hit.marks:
        pieces += [shown(hit.snippet[at:start]), before, shown(hit.snippet[start:end]), after]
        at = end
    return "".join([*pieces, shown(hit.snippet[at:])])
