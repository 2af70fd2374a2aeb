"""Which parentheses of a text are the marks of optional ``((sections))``."""

from __future__ import annotations

from collections.abc import Collection, Iterable

MARK = 2
"""Characters of a section's opening and of its closing mark."""

_Run = tuple[int, str]  # offset, equal parentheses
_Pair = tuple[int, int]  # offsets of an opening and a closing mark


def match_sections(runs: Iterable[_Run]) -> list[_Pair]:
    """Pair the ``((`` that open a section with the ``))`` that close it.

    Two ``(`` in a row open a section. Inside a section a single ``(`` is text, and the ``)`` that belongs
    to it is text too; after that ``))`` closes. What finds no partner is in no pair: it is text. Of an odd number of
    ``(`` in a row the last is the single one; only if that leaves the first mark unclosed, and it would close
    otherwise, the first is: ``(((a)) b)`` is ``(a b)``.

    Args:
        runs: Each run of equal parentheses in the text (``"(("``, ``")))"``) with its offset, in order.

    Returns:
        Offsets of the marks ``((`` and ``))`` of each complete section, inner ones first.
        Takes time linear in the number of parentheses, and no recursion.
    """
    runs = list(runs)
    pairs, unclosed = _match(runs, ())
    doubtful = {offset for offset, run in runs if len(run) > MARK and len(run) % MARK and offset in unclosed}
    if not doubtful:
        return pairs
    closing = dict(_match(runs, doubtful)[0])
    return _match(runs, {offset for offset in doubtful if offset + 1 in closing})[0]


def _match(runs: list[_Run], single_first: Collection[int]) -> tuple[list[_Pair], set[int]]:
    """The pairs, and the offsets of opening marks without a partner.

    The runs at the offsets ``single_first`` begin with their single parenthesis, all others end with it.
    """
    pairs: list[_Pair] = []
    unclosed: list[list[int]] = []  # [offset of the "((", single parentheses now open inside it]
    for offset, run in runs:
        if run[0] == ")":
            _close(offset, offset + len(run), unclosed, pairs)
            continue
        first = offset in single_first
        if first and unclosed:
            unclosed[-1][1] += 1
        unclosed.extend([at, 0] for at in range(offset + first, offset + len(run) - 1, MARK))
        if len(run) % MARK and not first and unclosed:
            unclosed[-1][1] += 1
    return pairs, {offset for offset, _ in unclosed}


def _close(at: int, end: int, unclosed: list[list[int]], pairs: list[_Pair]) -> None:
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
