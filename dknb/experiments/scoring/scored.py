"""Trials through scorers: what fails has no number and a reason, and never costs the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...conversations.ledger import CallRecord
from ...errors import BudgetExceeded, ReplayMiss
from .base import FrameMarks, FrameScorer, Marks, NoScore, Scorer, checked_values
from .calls import all_ended
from .columns import columns_of
from .reasons import reason_of

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]  # its stubs are a package of their own

    from ..trials import Trial

__all__ = ["FrameScored", "Scored", "score_frame", "score_trial"]

#: What concerns the run and not one score.
_OF_THE_RUN = (BudgetExceeded, ReplayMiss)


@dataclass(slots=True)
class Scored:
    """The scores of a trial.

    Attributes:
        values: The number of each metric; None: no score.
        errors: Why a metric has none (or rests on less than it should), by metric.
        cost_usd: What the calls of the scorers cost; 0 where there were none, None where a price is not known.
        calls: Those calls, for the ledger.
        failed: The metrics whose scorer could not have its say, and may another time.
    """

    values: dict[str, float | None] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    cost_usd: float | None = 0.0
    calls: list[CallRecord] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)


@dataclass(slots=True)
class FrameScored:
    """The scores that take the whole frame.

    Attributes:
        values: A DataFrame with the frame's index and a column for each metric; NaN: no score.
        errors: Why rows have no score: by metric, by the row's place.
        cost_usd: As of `Scored`.
        calls: As of `Scored`.
        failed: As of `Scored`.
    """

    values: DataFrame
    errors: dict[str, dict[int, str]] = field(default_factory=dict)
    cost_usd: float | None = 0.0
    calls: list[CallRecord] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)


async def score_trial(scorers: Sequence[Scorer], trial: Trial) -> Scored:
    """The scores of one trial, several scorers side by side; a trial without an answer has none.

    What a scorer raises is the reason why its metrics have no number.

    Raises:
        BudgetExceeded: A judge would cost more than is left.
        ReplayMiss: A judge's call is not in the recording that alone may answer.
    """
    scored = Scored()
    if trial.output is None or trial.error is not None:
        scored.values = {metric: None for scorer in scorers for metric in scorer.metrics}
        return scored
    if len(scorers) == 1:
        marks: Iterable[Marks] = [await _marks(scorers[0], trial)]
    else:
        marks = await all_ended(_marks(scorer, trial) for scorer in scorers)
    for each in marks:
        scored.failed |= each.values.keys() if each.failed else set()
        scored.values |= each.values
        scored.errors |= each.reasons
        scored.calls += each.calls
    scored.cost_usd = cost_of(scored.calls)
    return scored


async def _marks(scorer: Scorer, trial: Trial) -> Marks:
    """What a scorer says, checked; a failure as a reason."""
    try:
        marks = await scorer.marks(trial)
        marks.values = checked_values(marks.values, scorer.metrics)
    except _OF_THE_RUN:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the answer has been paid for
        reasons = dict.fromkeys(scorer.metrics, reason_of(error))
        return Marks(dict.fromkeys(scorer.metrics), reasons, failed=not isinstance(error, NoScore))
    return marks


async def score_frame(scorers: Sequence[Scorer], frame: DataFrame) -> FrameScored:
    """The scores of those scorers that take the whole frame, one after the other; the others are passed over.

    Args:
        scorers: The scorers.
        frame: The frame of trials with the columns of the data, and ``request``: what was sent.

    Raises:
        BudgetExceeded: A judge would cost more than is left.
        ReplayMiss: A judge's call is not in the recording that alone may answer.
    """
    import pandas as pd

    done = FrameScored(pd.DataFrame(index=frame.index))
    for scorer in scorers:
        if not isinstance(scorer, FrameScorer):
            continue
        marks = await _frame_marks(scorer, frame)
        for metric in scorer.metrics:
            done.values[metric] = marks.values[metric]
            if marks.reasons:
                done.errors[metric] = marks.reasons
        done.calls += marks.calls
        done.failed |= set(scorer.metrics) if marks.failed else set()
    done.cost_usd = cost_of(done.calls)
    return done


async def _frame_marks(scorer: FrameScorer, frame: DataFrame) -> FrameMarks:
    import pandas as pd

    try:
        marks = await scorer.frame_marks(frame)
        marks.values = columns_of(marks.values, scorer.metrics, frame)
    except _OF_THE_RUN:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
        nothing = pd.DataFrame({metric: float("nan") for metric in scorer.metrics}, index=frame.index)
        reasons = dict.fromkeys(range(len(frame)), reason_of(error))
        return FrameMarks(nothing, reasons, failed=not isinstance(error, NoScore))
    return marks


def cost_of(calls: Iterable[CallRecord]) -> float | None:
    """What calls cost that were answered; None where the price of one is not known."""
    costs = [call.cost_usd for call in calls if call.outcome in ("complete", "replayed", "cached")]
    return None if None in costs else sum(cost for cost in costs if cost is not None)
