"""A form for where its widgets cannot be: a saved notebook, a web page; and a render that what is typed has left behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .text import escape

__all__ = ["FieldLine", "form_html", "outdated"]

_MUTED = "color:var(--jp-ui-font-color2, #616161)"


@dataclass(frozen=True)
class FieldLine:
    """A field: its parameter, and what that is."""

    name: str
    type: str
    required: bool
    description: str


def form_html(name: str, fields: Sequence[FieldLine]) -> str:
    """The parameters of a form as a table; their values stand below the render."""
    rows = "".join(_row(field) for field in fields)
    caption = f'<caption style="text-align:left">{escape(name)}</caption>'
    return f"<table>{caption}<tbody>{rows}</tbody></table>"


def _row(field: FieldLine) -> str:
    left = 'style="text-align:left"'
    return (
        f"<tr><td {left}>{escape(field.name)}{' *' if field.required else ''}</td>"
        f"<td {left}>{escape(field.type)}</td>"
        f'<td style="text-align:left;{_MUTED}">{escape(field.description)}</td></tr>'
    )


def outdated(told: str, before: str) -> str:
    """Why there is no new render, above the last one, which is greyed where it is HTML; both of one MIME type."""
    if not told.startswith("<"):
        return f"{told}\n\nthe render before:\n{before}"
    return f'{told}<div style="opacity:0.45" aria-label="the render before">{before}</div>'
