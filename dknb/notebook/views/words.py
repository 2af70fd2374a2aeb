"""How two texts differ, in words: as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from ...conversations.diff import WordRun
from .text import escape, printable

__all__ = ["words_as_html", "words_as_text"]

# Each colour twice: what JupyterLab shows untrusted keeps a plain one only.
_LEFT = (
    "background-color:#d32f2f38;background-color:color-mix(in srgb, var(--jp-error-color1, #d32f2f) 22%, transparent);"
    "text-decoration:line-through"
)
_RIGHT = (
    "margin-left:2px;"
    "background-color:#388e3c40;background-color:color-mix(in srgb, var(--jp-success-color1, #388e3c) 25%, transparent)"
)


def words_as_text(title: str, words: Sequence[WordRun]) -> str:
    """A title, and the words: ``[-removed-] {+added+}``."""
    marks = {"both": "{}", "left": "[-{}-]", "right": "{{+{}+}}"}
    text = "".join(marks[run.side].format(run.text) for run in words)
    return f"\n{title}\n{printable(text)}"


def words_as_html(title: str, words: Sequence[WordRun]) -> str:
    """The same as HTML, with colours."""
    styles = {"left": _LEFT, "right": _RIGHT}
    tags = {"left": "del", "right": "ins"}
    pieces = [
        escape(run.text)
        if run.side == "both"
        else f'<{tags[run.side]} style="{styles[run.side]}">{escape(run.text)}</{tags[run.side]}>'
        for run in words
    ]
    return (
        f'<div style="margin-top:8px;color:var(--jp-ui-font-color2, #616161);font-size:90%">{escape(title)}</div>'
        f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{"".join(pieces)}</div>'
    )
