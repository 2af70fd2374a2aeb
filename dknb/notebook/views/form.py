"""A form as it stood, for where its widgets cannot be: a saved notebook, a web page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .text import escape, shorten

__all__ = ["FieldLine", "form_html"]

_MUTED = "color:var(--jp-ui-font-color2, #616161)"
_BOX = (
    "border:1px solid var(--jp-border-color1, #bdbdbd);border-radius:3px;padding:1px 6px;min-width:12em;"
    "white-space:pre-wrap;text-align:left"
)


@dataclass(frozen=True)
class FieldLine:
    """A field: its parameter, type, and what stands in it."""

    name: str
    type: str
    required: bool
    value: str
    description: str


def form_html(name: str, fields: Sequence[FieldLine]) -> str:
    """The fields of a form as a table that cannot be typed in."""
    rows = "".join(_row(field) for field in fields)
    caption = f'<caption style="text-align:left">{escape(name)}</caption>'
    return f"<table>{caption}<tbody>{rows}</tbody></table>"


def _row(field: FieldLine) -> str:
    left = 'style="text-align:left"'
    return (
        f"<tr><td {left}>{escape(field.name)}{' *' if field.required else ''}</td>"
        f'<td style="{_BOX}">{escape(shorten(field.value, 500))}</td>'
        f'<td style="text-align:left;{_MUTED}">{escape(field.description or field.type)}</td></tr>'
    )
