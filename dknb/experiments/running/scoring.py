"""Scores of trials, as far as they are not there yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..scoring.base import FrameScorer, Scorer
from ..scoring.kinds import MetricKind
from ..scoring.scored import score_trial
from ..store.rows import Entry, TrialRow
from ..trials import Trial

__all__ = ["Scoring", "request_text", "trial_of"]


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

    def missing(self, row: TrialRow) -> list[Scorer]:
        """The scorers that have had no say about a trial."""
        if row.error is not None:
            return []
        return [scorer for scorer in self.scorers if self._identities[id(scorer)] not in row.scored]

    async def scored(self, row: TrialRow, trial: Trial, scorers: Sequence[Scorer]) -> Entry:
        """The trial with what ``scorers`` say of it, to be written.

        Raises:
            BudgetExceeded: A judge would cost more than is left.
            ReplayMiss: A judge's call is not in the recording that alone may answer.
        """
        said = await score_trial(scorers, trial)
        anew = {metric for scorer in scorers for metric in scorer.metrics}
        kept = {name: reason for name, reason in row.score_errors.items() if name not in anew}
        names = {self._identities[id(scorer)] for scorer in scorers}
        done = replace(
            row,
            scores={**row.scores, **said.values},
            score_errors={**kept, **said.errors},
            scored=tuple(sorted({*row.scored, *names})),
        )
        return Entry(done, calls=list(said.calls))


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
