"""A small table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .text import escape, printable, verbatim

__all__ = ["table_bundle"]


def table_bundle(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str,
    tips: Mapping[tuple[int, int], str] | None = None,
) -> dict[str, str]:
    """Rows of text as a MIME bundle, HTML and text; ``tips`` are said to a pointer that rests on that row and column."""
    cells = [[printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    left = 'style="text-align:left"'
    header = "".join(f"<th {left}>{escape(cell)}</th>" for cell in head)
    told = {place: f' title="{escape(tip)}"' for place, tip in (tips or {}).items()}
    body = "".join(
        "<tr>"
        + "".join(f"<td {left}{told.get((at, column), '')}>{escape(cell)}</td>" for column, cell in enumerate(row))
        + "</tr>"
        for at, row in enumerate(rows)
    )
    caption = f"<caption {left}>{escape(title)}</caption>"
    return {
        "text/plain": "\n".join([printable(title), *lines]),
        "text/html": verbatim(f"<table>{caption}<thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"),
    }
