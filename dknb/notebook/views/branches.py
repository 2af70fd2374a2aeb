"""Branches as a list, and two of them side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...conversations.diff import MessageDiff, PathDiff, PathFigures, WordRun
from .table import table_bundle
from .text import chip, counted, escape, money, one_line, printable, seconds, verbatim
from .tree import node_label
from .words import words_as_html, words_as_text

__all__ = ["Tip", "branches_bundle", "diff_bundle"]

_MOST = 50  # messages shown on each side


@dataclass(frozen=True)
class Tip:
    """An end of the tree, for a list of them.

    Attributes:
        name: The branch that ends there; None for an end that has no name.
        node: The node, as it is shown.
        messages: Number of messages up to there.
        said: What is said last.
        current: Whether one is on it.
    """

    name: str | None
    node: str
    messages: int
    said: str
    current: bool = False


def branches_bundle(conversation: str, tips: Sequence[Tip]) -> dict[str, str]:
    """The list of branches, then the ends without a name."""
    rows, lines = [], [f"{printable(conversation)}: branches"]
    width = max((len(tip.name or "") for tip in tips), default=0)
    for tip in tips:
        mark = "*" if tip.current else " "
        said = one_line(tip.said, 60)
        lines.append(
            f"{mark} {printable(tip.name or ''):{width}}  {printable(tip.node):>8}  {counted(tip.messages, 'message'):>13}  {said}"
        )
        name = chip(tip.name, strong=tip.current) if tip.name else "<i>no name</i>"
        rows.append(
            f'<tr><td style="text-align:left">{name}</td><td style="text-align:left"><code>{escape(tip.node)}</code></td>'
            f'<td>{counted(tip.messages, "message")}</td><td style="text-align:left">{escape(one_line(tip.said, 90))}</td></tr>'
        )
    return {"text/plain": "\n".join(lines), "text/html": verbatim(f"<table>{''.join(rows)}</table>")}


def diff_bundle(left: str, right: str, diff: PathDiff, systems: Sequence[WordRun] = ()) -> dict[str, str]:
    """Where two paths part, and the words that differ after that; ``systems`` is how their system prompts differ."""
    same = len(diff.fork.path()) - 1
    head = f"{left} and {right} part after node {node_label(diff.fork)} ({counted(same, 'message')} in common)"
    if not diff.messages:
        head = f"{left} and {right} are the same place: node {node_label(diff.fork)}"
    elif not diff.left or not diff.right:
        short, long = (left, right) if not diff.left else (right, left)
        head = f"{long} goes on where {short} ends, at node {node_label(diff.fork)}"
    lines = [printable(head)]
    blocks = [f'<div style="font-weight:600">{escape(head)}</div>']
    if systems:
        lines.append(words_as_text("system", systems))
        blocks.append(words_as_html("system", systems))
    if diff.messages:
        figures = _figures(left, right, diff)
        lines.append(f"\n{figures['text/plain']}")
        blocks.append(figures["text/html"])
    for message in diff.messages[:_MOST]:
        lines.append(words_as_text(_title(message), message.words))
        blocks.append(words_as_html(_title(message), message.words))
    if (left_out := len(diff.messages) - _MOST) > 0:
        lines.append(f"\n… and {counted(left_out, 'further message')}")
        blocks.append(f"<div>… and {counted(left_out, 'further message')}</div>")
    return {"text/plain": "\n".join(lines), "text/html": verbatim("".join(blocks))}


def _figures(left: str, right: str, diff: PathDiff) -> dict[str, str]:
    """What each side has after the fork, and how much more the right one has."""
    rows = [
        _figure_row(left, diff.left_figures, ""),
        _figure_row(right, diff.right_figures, ""),
        _figure_row("difference", diff.difference, "+"),
    ]
    return table_bundle(("after the fork", "messages", "tokens", "price", "time"), rows, title="what it took")


def _figure_row(name: str, figures: PathFigures, sign: str) -> tuple[str, ...]:
    cost, time = figures.cost_usd, figures.duration_s
    return (
        name,
        f"{figures.messages:{sign},}",
        f"{figures.prompt_tokens:{sign},} + {figures.completion_tokens:{sign},}",
        _signed(cost, money, sign),
        _signed(time, seconds, sign),
    )


def _signed(value: float, shown: Callable[[float], str], sign: str) -> str:
    """A value with its sign; what is shown as nothing has none."""
    text = shown(abs(value))
    return text if text == shown(0.0) else ("-" if value < 0 else sign) + text


def _title(message: MessageDiff) -> str:
    ids = [
        node_label(side.tree) for side in (message.left, message.right) if side is not None and side.tree is not None
    ]
    sides = [side for side in (message.left, message.right) if side is not None]
    roles = dict.fromkeys(side.role for side in sides)
    models = [side.metadata.get("model") for side in sides]
    differing = [" | ".join(map(str, models))] if len(set(models)) > 1 else []
    return "  ".join([" | ".join(roles), " | ".join(ids), *differing])
