"""Which parentheses of a text are the marks of optional ``((sections))``."""

from __future__ import annotations

from collections.abc import Iterable

MARK = 2
"""Characters of a section's opening and of its closing mark."""


def match_sections(runs: Iterable[tuple[int, str]]) -> list[tuple[int, int]]:
    """Pair the ``((`` that open a section with the ``))`` that close it.

    Two ``(`` in a row open a section. Inside a section a single ``(`` is text, and the ``)`` that belongs
    to it is text too; after that ``))`` closes. What finds no partner is in no pair: it is text.

    Args:
        runs: Each run of equal parentheses in the text (``"(("``, ``")))"``) with its offset, in order.

    Returns:
        Offsets of the marks ``((`` and ``))`` of each complete section, inner ones first.
        Takes time linear in the number of parentheses, and no recursion.
    """
    pairs: list[tuple[int, int]] = []
    unclosed: list[list[int]] = []  # [offset of the "((", single parentheses now open inside it]
    for offset, run in runs:
        if run[0] == ")":
            _close(offset, offset + len(run), unclosed, pairs)
            continue
        unclosed.extend([at, 0] for at in range(offset, offset + len(run) - 1, MARK))
        if len(run) % MARK and unclosed:
            unclosed[-1][1] += 1
    return pairs


def _close(at: int, end: int, unclosed: list[list[int]], pairs: list[tuple[int, int]]) -> None:
    """Spend a run of ``)``: first on single parentheses, then on sections; a lone one is text."""
    while at < end and unclosed:
        innermost = unclosed[-1]
        if innermost[1]:
            innermost[1] -= 1
            at += 1
        elif end - at >= MARK:
            unclosed.pop()
            pairs.append((innermost[0], at))
            at += MARK
        else:
            return
