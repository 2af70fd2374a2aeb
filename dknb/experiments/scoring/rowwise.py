"""Scorers that look at the whole frame and score each row by itself: each score is kept as it is made, and made once."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import BudgetExceeded, ReplayMiss
from .base import FrameMarks, FrameScorer, Marks, NoScore, checked_values
from .calls import all_ended
from .reasons import reason_of

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]  # its stubs are a package of their own

__all__ = ["RowTask", "RowwiseScorer", "each_of", "row_marks"]

#: Rows that are scored at a time; a judge's own limits may allow fewer.
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class RowTask:
    """A row that is to be scored.

    Attributes:
        seen: What its score rests on, the answers included.
        score: Makes the score.
    """

    seen: Any
    score: Callable[[], Awaitable[Marks]]


class RowwiseScorer(FrameScorer):
    """Scores rows one by one, each by other rows, too."""

    def tasks(self, frame: DataFrame) -> list[RowTask]:
        """What is to be done for each row of the frame.

        Raises:
            NoScore: The frame has not what it takes.
        """
        raise NotImplementedError

    def report_on(self, marks: Sequence[Marks]) -> None:
        """Take in what came of all rows, also of those that were scored before."""

    async def frame_marks(self, frame: DataFrame) -> FrameMarks:
        """Score all rows.

        Raises:
            NoScore: The frame has not what it takes.
            BudgetExceeded: A call may cost more than is left.
        """
        import pandas as pd

        tasks = self.tasks(frame)
        done: dict[int, Marks] = {}

        async def score(place: int) -> None:
            done[place] = await row_marks(self, tasks[place])

        await each_of(range(len(tasks)), score)
        whole = [done[place] for place in range(len(tasks))]
        self.report_on(whole)
        values = {metric: [each.values[metric] for each in whole] for metric in self.metrics}
        reasons = {place: next(iter(each.reasons.values())) for place, each in enumerate(whole) if each.reasons}
        calls = [call for each in whole for call in each.calls]
        return FrameMarks(pd.DataFrame(values, index=frame.index, dtype="float64"), reasons, calls)


async def row_marks(scorer: RowwiseScorer, task: RowTask) -> Marks:
    """What a scorer says of a row, checked; a failure as a reason.

    Raises:
        BudgetExceeded: A call may cost more than is left.
        ReplayMiss: A call is not in the recording that alone may answer.
    """
    try:
        marks = await task.score()
        marks.values = checked_values(marks.values, scorer.metrics)
    except (BudgetExceeded, ReplayMiss):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the other rows are scored all the same
        return failed_marks(scorer, error)
    return marks


def failed_marks(scorer: FrameScorer, error: BaseException) -> Marks:
    """No score, and why; it may be another time, unless the scorer itself says that there is none."""
    reasons = dict.fromkeys(scorer.metrics, reason_of(error))
    return Marks(dict.fromkeys(scorer.metrics), reasons, failed=not isinstance(error, NoScore))


async def each_of(places: Sequence[int], work: Callable[[int], Awaitable[None]]) -> None:
    """Do the work for each, so many at a time; when it fails for one, no other is begun, and those that run end.

    Raises:
        Exception: That of the first that failed.
        asyncio.CancelledError: It was cancelled, and so were those that ran.
    """
    queue = deque(places)

    async def some() -> None:
        while queue:
            try:
                await work(queue.popleft())
            except BaseException:
                queue.clear()
                raise

    await all_ended(some() for _ in range(min(_AT_ONCE, len(queue))))


def facts_of(scores: Mapping[str, float | None], metric: str) -> dict[str, float]:
    """The facts that are kept beside a metric."""
    return {
        name.removeprefix(f"{metric}/"): value
        for name, value in scores.items()
        if name.startswith(f"{metric}/") and value is not None
    }
