"""A rendered prompt as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from .retrieved import RetrievedPassage, SearchDone, passage_said, search_said, segments
from .text import escape, printable, shorten

if TYPE_CHECKING:
    from .prompt import RenderedPrompt

__all__ = ["prompt_html", "shown_origin", "shown_value"]

_ORIGINS = {"line": "this line"}
_MUTED = "color:var(--jp-ui-font-color2, #616161)"
_WARNING = "color:var(--jp-warn-color0, #a35200)"
_TEXT = (
    "border-left:3px solid var(--jp-brand-color1, #1976d2);padding:4px 10px;white-space:pre-wrap;overflow-wrap:anywhere"
)
_FENCE = (
    "display:inline-block;box-sizing:border-box;width:100%;vertical-align:top;border:1px dashed var(--jp-border-color1, #bdbdbd);"
    "border-radius:4px;padding:2px 8px;margin:2px 0;"
    "background:color-mix(in srgb, var(--jp-info-color1, #0097a7) 8%, transparent)"
)


def shown_value(value: Any) -> str:
    """A value as text, shortened; of a function its name, for its address is another in each kernel."""
    if isinstance(value, FunctionType | MethodType):
        return f"{value.__name__}()"
    return printable(shorten(str(value), 500))


def shown_origin(origin: str | None) -> str:
    """Where a value came from, for a person: ``adapter:docs`` is ``adapter docs``."""
    return _ORIGINS.get(origin or "caller", printable((origin or "caller").replace(":", " ", 1)))


def prompt_html(prompt: RenderedPrompt, facts: str) -> str:
    """The text with its passages fenced, the line of facts, the parameters, the searches and the warnings."""
    text = "".join(
        escape(stretch) if passage is None else _fenced(stretch, passage)
        for stretch, passage in segments(prompt.content, prompt.retrieved)
    )
    warnings = "".join(f'<div style="{_WARNING}">⚠ {escape(warning)}</div>' for warning in prompt.warnings)
    return (
        f'<div style="{_TEXT}">{text}</div>'
        f'<div style="{_MUTED};font-size:90%;margin-top:4px">{escape(facts)}</div>'
        f"{_parameters(prompt)}{_searches(prompt.retrieved)}{warnings}"
    )


def _fenced(text: str, passage: RetrievedPassage) -> str:
    """A passage as data: in a frame, below where it came from."""
    label = f'<span style="display:block;{_MUTED};font-size:80%">{escape(passage_said(passage))}</span>'
    return f'<span style="{_FENCE}">{label}{escape(text)}</span>'


def _parameters(prompt: RenderedPrompt) -> str:
    rows = [
        f'<tr><td style="text-align:left"><code>{escape(name)}</code></td>'
        f'<td style="text-align:left;white-space:pre-wrap">{escape(shorten(shown_value(value), 160))}</td>'
        f'<td style="text-align:left;{_MUTED}">{escape(shown_origin(prompt.origins.get(name)))}</td></tr>'
        for name, value in prompt.used.items()
    ]
    rows += [
        f'<tr><td style="text-align:left"><code>{escape(name)}</code></td>'
        f'<td style="text-align:left;{_WARNING}" colspan="2">missing'
        + (f" · did you mean <code>{escape(near)}</code>?" if near else "")
        + "</td></tr>"
        for name, near in prompt.missing.items()
    ]
    return f'<table style="margin:4px 0">{"".join(rows)}</table>' if rows else ""


def _searches(retrievals: Sequence[SearchDone]) -> str:
    return "".join(f'<div style="{_MUTED};font-size:90%">{escape(search_said(each))}</div>' for each in retrievals)
