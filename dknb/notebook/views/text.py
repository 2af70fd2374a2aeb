"""Small pieces of text and HTML that the views share."""

from __future__ import annotations

import html
from collections.abc import Mapping

from ..._text import printable

__all__ = [
    "MIME",
    "bordered",
    "chip",
    "counted",
    "escape",
    "folded",
    "money",
    "note",
    "one_line",
    "printable",
    "seconds",
    "shorten",
    "tokens",
    "verbatim",
]

#: The MIME types of dknb; ``dknb/notebook/schemas`` says what is in them.
MIME = {
    "prompt": "application/vnd.dknb.prompt+json",
    "conversation": "application/vnd.dknb.conversation+json",
    "comparison": "application/vnd.dknb.comparison+json",
}

_MUTED = "color:var(--jp-ui-font-color2, #616161)"


def escape(text: object) -> str:
    """``text`` as HTML text or attribute value."""
    return html.escape(printable(str(text)), quote=True)


def one_line(text: str, most: int) -> str:
    """The beginning of ``text`` on one line of at most ``most`` characters."""
    return shorten(printable(" ".join(text[: 4 * most].split())), most)


def shorten(text: str, most: int) -> str:
    """``text``, cut to ``most`` characters with an ellipsis where it is longer."""
    return text if len(text) <= most else text[: most - 1] + "…"


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 entry``, ``2 entries``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def money(usd: float | None) -> str:
    """A price for a person: as many digits as it takes; an unknown one is called so."""
    if usd is None:
        return "price unknown"
    if usd == 0:
        return "$0"
    if usd >= 0.995:
        return f"${usd:,.2f}"
    return f"${usd:.{max(4, 1 - _magnitude(usd))}f}"


def _magnitude(value: float) -> int:
    return int(f"{value:e}".split("e")[1])


def tokens(usage: Mapping[str, int] | None) -> str:
    """Tokens in and out."""
    if not usage:
        return "tokens unknown"
    return f"{usage.get('prompt_tokens', 0):,} + {usage.get('completion_tokens', 0):,} tokens"


def seconds(duration: float) -> str:
    """A time for a person."""
    return f"{duration:.2f} s" if duration < 10 else f"{duration:,.0f} s"


def chip(text: str, *, strong: bool = False) -> str:
    """A small label."""
    colour = "var(--jp-brand-color1, #1976d2)" if strong else "var(--jp-ui-font-color2, #616161)"
    border = bordered(colour, "#1976d2" if strong else "#808080")
    return f'<span style="{border};color:{colour};border-radius:8px;padding:0 6px;font-size:85%">{escape(text)}</span>'


def bordered(colour: str, plain: str) -> str:
    """A border's style, said twice: what JupyterLab shows untrusted keeps no ``var(...)``, so it has the plain colour."""
    return f"border:1px solid {plain};border:1px solid {colour}"


def verbatim(markup: str) -> str:
    """HTML in which dollars are dollars: elsewhere JupyterLab sets what stands between two of them as mathematics."""
    return f'<div class="mathjax_ignore tex2jax_ignore">{markup}</div>'


def note(text: str) -> dict[str, str]:
    """One quiet line, as a MIME bundle."""
    return {
        "text/plain": printable(text),
        "text/html": verbatim(f'<div style="{_MUTED};font-size:90%;white-space:pre-wrap">{escape(text)}</div>'),
    }


def folded(title: str, text: str) -> dict[str, str]:
    """A longer text below its title, closed until one opens it, as a MIME bundle."""
    return {
        "text/plain": printable(f"{title}: {text}"),
        "text/html": verbatim(
            f'<details style="{_MUTED};font-size:90%"><summary>{escape(title)}</summary>'
            f'<div style="white-space:pre-wrap">{escape(text)}</div></details>'
        ),
    }
