"""Scores of trials, as far as they are not there yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...conversations.ledger import CallRecord
from ..scoring.base import FrameScorer, Scorer
from ..scoring.kinds import MetricKind
from ..scoring.scored import score_trial
from ..store.rows import Entry, TrialRow
from ..trials import Trial

__all__ = ["Scoring", "request_text", "trial_of", "unbooked", "with_scores", "without_scores"]


class Scoring:
    """The scorers of an experiment.

    Attributes:
        scorers: Those that score a trial at a time.
        of_frame: Those that need all trials.
        metrics: All metrics, in the order of the scorers.
    """

    def __init__(self, scorers: Sequence[Scorer]) -> None:
        self.scorers = [scorer for scorer in scorers if not isinstance(scorer, FrameScorer)]
        self.of_frame = [scorer for scorer in scorers if isinstance(scorer, FrameScorer)]
        self.metrics = [metric for scorer in scorers for metric in scorer.metrics]
        self.kinds: dict[str, MetricKind] = {name: kind for scorer in scorers for name, kind in scorer.kinds.items()}
        self._identities = {id(scorer): scorer.identity for scorer in self.scorers}

    def of_trials(self) -> Scoring:
        """The same without those that need all trials."""
        return Scoring(self.scorers)

    def __reduce__(self) -> tuple[object, ...]:
        return Scoring, ([*self.scorers, *self.of_frame],)

    def missing(self, row: TrialRow, item: Mapping[str, Any], parsed: Any) -> list[Scorer]:
        """The scorers that have had no say about a trial as it is now.

        Args:
            row: The trial.
            item: The item's row of the data.
            parsed: What was read in the answer.
        """
        if row.error is not None:
            return []
        trial = trial_of(row, item, parsed, "", cached=False)
        return [scorer for scorer in self.scorers if self._mark(scorer, trial) not in row.scored]

    def _mark(self, scorer: Scorer, trial: Trial) -> str:
        return scorer.mark(trial, self._identities[id(scorer)])

    async def scored(self, row: TrialRow, trial: Trial, scorers: Sequence[Scorer]) -> Entry:
        """The trial with what ``scorers`` say of it, to be written.

        Raises:
            BudgetExceeded: A judge would cost more than is left.
            ReplayMiss: A judge's call is not in the recording that alone may answer.
        """
        said = await score_trial(scorers, trial)
        marks = [self._mark(scorer, trial) for scorer in scorers if not said.failed.intersection(scorer.metrics)]
        return Entry(with_scores(row, scorers, said.values, said.errors, marks), calls=list(said.calls))


def with_scores(
    row: TrialRow,
    scorers: Sequence[Scorer],
    values: Mapping[str, float | None],
    reasons: Mapping[str, str],
    marks: Sequence[str],
) -> TrialRow:
    """A trial with what these scorers say of it, in the place of what they said before.

    Args:
        row: The trial.
        scorers: The scorers.
        values: Their numbers, by metric.
        reasons: Why there are none, by metric.
        marks: That they have had their say.
    """
    anew = {metric for scorer in scorers for metric in scorer.metrics}
    others = [mark for mark in row.scored if not any(scorer.is_of(mark) for scorer in scorers)]
    return replace(
        row,
        scores={**{name: score for name, score in row.scores.items() if name not in anew}, **values},
        score_errors={**{name: told for name, told in row.score_errors.items() if name not in anew}, **reasons},
        scored=tuple(sorted({*others, *marks})),
    )


def without_scores(row: TrialRow, scorers: Sequence[Scorer]) -> TrialRow:
    """A trial without the numbers of these scorers, which were given to something else; itself where it has none."""
    stale = any(row.scores.get(metric) is not None for scorer in scorers for metric in scorer.metrics)
    return with_scores(row, scorers, {}, {}, ()) if stale else row


def unbooked(ended: Sequence[CallRecord], told: Sequence[CallRecord]) -> list[CallRecord]:
    """The calls that have ended, except for those that a scorer tells of itself."""
    known = {id(call) for call in told}
    return [call for call in ended if id(call) not in known]


def trial_of(row: TrialRow, item: Mapping[str, Any], parsed: Any, request: str, *, cached: bool) -> Trial:
    """The trial that a scorer sees."""
    return Trial(
        item=row.item,
        row=item,
        variant=row.variant,
        prompt=row.prompt,
        version=row.version,
        model=row.model,
        repeat=row.repeat,
        output=row.output,
        parsed=parsed,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        cached=cached,
        cost_usd=row.cost_usd,
        duration_s=row.duration_s,
        error=row.error,
        node_id=row.node_id,
        request=request,
    )


def request_text(messages: Sequence[Any]) -> str:
    """What was sent, as text: that of the one message, or of all with who says them."""
    if len(messages) == 1:
        return str(messages[0].content)
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in messages)
