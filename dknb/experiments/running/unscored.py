"""Scores that are missing at the end of a run, in words: why, and whether another run makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..amounts import counted
from ..scoring.base import Scorer
from ..scoring.rowwise import RowwiseScorer
from .run import Run

__all__ = ["score_notes"]

#: Characters of a reason in a note.
_LONGEST = 200


@dataclass
class _Missing:
    """The trials that a scorer gave no number.

    Attributes:
        failed: Those that it could not score, and may another time.
        waiting: Those that it was not asked about.
        without: Those that it has no number for.
        reason: Why it failed, of one.
    """

    failed: int = 0
    waiting: int = 0
    without: int = 0
    reason: str = ""


def score_notes(run: Run) -> list[str]:
    """A sentence for each scorer that has not scored all answers."""
    goes_on = "run() with a larger budget goes on" if run.ended.reason == "budget" else "run() goes on"
    return [sentence for scorer in run.scorers for sentence in _told(scorer, _missing(run, scorer), goes_on)]


def _missing(run: Run, scorer: Scorer) -> _Missing:
    missing = _Missing()
    for number, row in run.rows.items():
        if row.error is not None or all(row.scores.get(metric) is not None for metric in scorer.metrics):
            continue
        reason = next((row.score_errors[metric] for metric in scorer.metrics if metric in row.score_errors), None)
        if not _is_open(run, number, scorer):
            missing.without += reason is not None
        elif reason is None:
            missing.waiting += 1
        else:
            missing.failed += 1
            missing.reason = missing.reason or reason
    return missing


def _is_open(run: Run, number: int, scorer: Scorer) -> bool:
    """Whether a scorer is still to have its say about a trial."""
    if isinstance(scorer, RowwiseScorer):
        return not any(scorer.is_of(mark) for mark in run.rows[number].scored)
    return any(each is scorer for each in run.unscored(number))


def _told(scorer: Scorer, missing: _Missing, goes_on: str) -> Iterator[str]:
    if missing.failed:
        reason = missing.reason if len(missing.reason) <= _LONGEST else f"{missing.reason[:_LONGEST]}…"
        yield f"{scorer.name} could not score {counted(missing.failed, 'trial')}: {reason}; run() tries again."
    if missing.waiting:
        yield f"{counted(missing.waiting, 'trial')} {_be(missing.waiting)} not scored by {scorer.name} yet; {goes_on}."
    if missing.without:
        yield f"{scorer.name} has no score for {counted(missing.without, 'trial')}; score_errors says why."


def _be(count: int) -> str:
    return "is" if count == 1 else "are"
