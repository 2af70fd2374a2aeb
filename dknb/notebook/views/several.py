"""Several answers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..markdown import markdown_to_html
from .answer import Reply, status_bundle
from .text import bordered, chip, escape, printable, verbatim

__all__ = ["AnswerCard", "answers_bundle"]

_BORDER = bordered("var(--jp-border-color2, #bdbdbd)", "#808080")


@dataclass(frozen=True)
class AnswerCard:
    """One of several answers.

    Attributes:
        branch: The branch that it is on, where that tells it from the others.
        reply: The answer, or what had arrived of it; None if nothing had.
        error: Why the call failed; None if it did not.
    """

    branch: str | None
    reply: Reply | None
    error: str | None = None


def answers_bundle(title: str, cards: Sequence[AnswerCard]) -> dict[str, str]:
    """The answers in columns as HTML, one below the other as text."""
    columns = "".join(
        f'<div style="min-width:0;{_BORDER};border-radius:4px;padding:4px 8px">{_html(card)}</div>' for card in cards
    )
    grid = f'<div style="display:grid;grid-template-columns:repeat(auto-fit,minmax(260px,1fr));gap:8px">{columns}</div>'
    return {
        "text/plain": "\n\n".join([printable(title), *map(_plain, cards)]),
        "text/html": f'<div style="font-weight:600;margin-bottom:4px">{escape(title)}</div>{grid}',
    }


def _plain(card: AnswerCard) -> str:
    lines = [f"[{printable(card.branch)}]"] if card.branch else []
    if card.reply is not None:
        lines += [printable(card.reply.content), status_bundle(card.reply)["text/plain"]]
    if card.error is not None:
        lines.append(printable(card.error))
    return "\n".join(lines)


def _html(card: AnswerCard) -> str:
    blocks = [chip(card.branch)] if card.branch else []
    if card.reply is not None:
        blocks += [markdown_to_html(printable(card.reply.content)), status_bundle(card.reply)["text/html"]]
    if card.error is not None:
        blocks.append(
            verbatim(
                f'<div style="color:var(--jp-error-color1, #d32f2f);white-space:pre-wrap">{escape(card.error)}</div>'
            )
        )
    return "".join(blocks)
