"""Scores that take the whole frame: made when the run has ended; those that cost something once for the same answers."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import ReplayMiss
from ..design.design import Design
from ..frames import Seen, trials_frame
from ..scoring.base import FrameScorer, Marks
from ..scoring.identity import mark_of_seen
from ..scoring.rowwise import RowwiseScorer, each_of, facts_of, failed_marks, row_marks
from ..scoring.scored import score_frame
from ..store.rows import Entry, TrialRow
from .run import Run
from .scoring import Scoring, request_text, unbooked, with_scores, without_scores

if TYPE_CHECKING:
    from ..._frames import DataFrame

__all__ = ["score_whole"]


async def score_whole(run: Run, design: Design, scoring: Scoring, baseline: str | None) -> None:
    """Score all trials of a run with the scorers that need them all, and write what they say.

    ``baseline`` is the experiment's: a scorer finds it in the frame's ``attrs``.

    Raises:
        BudgetExceeded: A judge would cost more than is left; what was scored before is kept.
        ReplayMiss: A judge's call is not in the recording that alone may answer.
        StorageError: It could not be written.
        asyncio.CancelledError: It was cancelled; what was scored before is kept.
    """
    numbers = sorted(run.rows)
    for scorer in scoring.of_frame if numbers else ():
        frame = whole_frame(run, design, numbers, scoring.metrics)
        frame.attrs["baseline"] = baseline
        try:
            if isinstance(scorer, RowwiseScorer):
                await _score_rows(run, scorer, numbers, frame)
            else:
                await _score_frame(run, scorer, numbers, frame, _digest(run, design, numbers, baseline))
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                run.interrupt()
            await run.put_away()
            raise


async def _score_rows(run: Run, scorer: RowwiseScorer, numbers: Sequence[int], frame: DataFrame) -> None:
    """Score those rows that the scorer has had no say about; each is written as it is scored."""
    try:
        tasks = scorer.tasks(frame)
    except Exception as error:  # noqa: BLE001 - the answers have been paid for
        marks = failed_marks(scorer, error)
        await run.write({number: Entry(_with_marks(run.rows[number], scorer, marks, "")) for number in numbers})
        return
    identity = scorer.identity
    names = [scorer.mark_of(task.seen, identity) for task in tasks]
    todo = [at for at, number in enumerate(numbers) if _is_open(run.rows[number], names[at])]
    stale = {numbers[at]: without_scores(run.rows[numbers[at]], [scorer]) for at in todo}
    await run.write({number: Entry(row) for number, row in stale.items() if row is not run.rows[number]})

    async def score(at: int) -> None:
        number = numbers[at]
        try:
            with run.scoring() as ended:
                marks = await row_marks(scorer, tasks[at])
        except ReplayMiss:
            run.ended.missed += 1
            return
        name = "" if marks.failed else names[at]
        calls = [*marks.calls, *unbooked(ended, marks.calls)]
        await run.write({number: Entry(_with_marks(run.rows[number], scorer, marks, name), calls=calls)})

    try:
        await each_of(todo, score)
    finally:
        scorer.report_on([_marks_in(run.rows[number], scorer) for number in numbers])


def _is_open(row: TrialRow, name: str) -> bool:
    return row.error is None and name not in row.scored


def _with_marks(row: TrialRow, scorer: FrameScorer, marks: Marks, name: str) -> TrialRow:
    """The trial with a say about it; ``name`` is empty where it has to be said again."""
    facts = {f"{scorer.metrics[0]}/{fact}": number for fact, number in marks.facts.items()}
    return with_scores(row, [scorer], {**marks.values, **facts}, marks.reasons, [name] if name else [])


def _marks_in(row: TrialRow, scorer: FrameScorer) -> Marks:
    """What was said about a trial, as it is kept."""
    values = {metric: row.scores.get(metric) for metric in scorer.metrics}
    return Marks(values, facts=facts_of(row.scores, scorer.metrics[0]) if row.error is None else {})


async def _score_frame(run: Run, scorer: FrameScorer, numbers: Sequence[int], frame: DataFrame, seen: str) -> None:
    """Score all rows at once, unless that was paid for before."""
    mark = scorer.mark_of(seen)
    if all(mark in run.rows[number].scored for number in numbers):
        return
    with run.scoring() as ended:
        said = await score_frame([scorer], frame)
    calls = [*said.calls, *unbooked(ended, said.calls)]
    marks = [mark] if said.calls and not said.failed else []
    entries: dict[int, Entry] = {}
    for place, number in enumerate(numbers):
        row = run.rows[number]
        scores = {metric: _number(said.values[metric].iloc[place]) for metric in scorer.metrics}
        reasons = {name: of[place] for name, of in said.errors.items() if place in of}
        entries[number] = Entry(with_scores(row, [scorer], scores, reasons, marks))
    entries[numbers[0]].calls = calls
    await run.write(
        {number: entry for number, entry in entries.items() if entry.calls or entry.row != run.rows[number]}
    )


def whole_frame(run: Run, design: Design, numbers: Sequence[int], metrics: Sequence[str]) -> DataFrame:
    """The frame of trials with the columns of the data, and what was sent."""
    import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

    seen = [Seen(run.rows[number], run.parsed.get(number), run.is_cached(number)) for number in numbers]
    frame = trials_frame(seen, metrics, {item.label: item.row for item in design.items})
    sent = [request_text(design.request(number).messages) for number in numbers]
    frame["request"] = pd.Series(sent, dtype=object)
    return frame


def _digest(run: Run, design: Design, numbers: Sequence[int], baseline: str | None) -> str:
    """A hash of all answers, of the data, and of what they are compared with, by which it is known what was scored."""
    digest = hashlib.sha256((baseline or "").encode("utf-8", "replace"))
    for number in numbers:
        row = run.rows[number]
        digest.update(f"{row.key}\0{row.item}\0{row.variant}\0{row.output}\0{row.error}\n".encode("utf-8", "replace"))
    for item in design.items:
        digest.update(mark_of_seen(item.label, "", item.row).encode("utf-8", "replace"))
    return digest.hexdigest()


def _number(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)
