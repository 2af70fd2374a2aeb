"""Scores that take the whole frame: made when the run has ended; those that cost something once for the same answers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..design.design import Design
from ..frames import Seen, trials_frame
from ..scoring.base import Scorer
from ..scoring.scored import score_frame
from ..store.rows import Entry
from .run import Run
from .scoring import Scoring, request_text

if TYPE_CHECKING:
    from ..._frames import DataFrame

__all__ = ["score_whole"]


async def score_whole(run: Run, design: Design, scoring: Scoring, baseline: str | None) -> None:
    """Score all trials of a run with the scorers that need them all, and write what they say.

    ``baseline`` is the experiment's: a scorer finds it in the frame's ``attrs``.

    Raises:
        BudgetExceeded: A judge would cost more than is left.
        ReplayMiss: A judge's call is not in the recording that alone may answer.
        StorageError: It could not be written.
    """
    numbers = sorted(run.rows)
    for scorer in scoring.of_frame if numbers else ():
        mark = f"{scorer.identity}@{_digest(run, numbers, baseline)}"
        if all(mark in run.rows[number].scored for number in numbers):
            continue
        frame = whole_frame(run, design, numbers, scoring.metrics)
        frame.attrs["baseline"] = baseline
        await run.write(await _entries(run, scorer, mark, numbers, frame))


async def _entries(run: Run, scorer: Scorer, mark: str, numbers: Sequence[int], frame: DataFrame) -> dict[int, Entry]:
    said = await score_frame([scorer], frame)
    entries: dict[int, Entry] = {}
    marks = [mark] if said.calls else []
    for place, number in enumerate(numbers):
        row = run.rows[number]
        scores = {metric: _number(said.values[metric].iloc[place]) for metric in scorer.metrics}
        reasons = {name: of[place] for name, of in said.errors.items() if place in of}
        kept = {name: reason for name, reason in row.score_errors.items() if name not in scores}
        others = [name for name in row.scored if name.partition(":")[0] != scorer.name]
        entries[number] = Entry(
            replace(
                row,
                scores={**row.scores, **scores},
                score_errors={**kept, **reasons},
                scored=tuple(sorted([*others, *marks])),
            )
        )
    entries[numbers[0]].calls = list(said.calls)
    return {number: entry for number, entry in entries.items() if entry.calls or entry.row != run.rows[number]}


def whole_frame(run: Run, design: Design, numbers: Sequence[int], metrics: Sequence[str]) -> DataFrame:
    """The frame of trials with the columns of the data, and what was sent."""
    import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

    seen = [Seen(run.rows[number], run.parsed.get(number), run.is_cached(number)) for number in numbers]
    frame = trials_frame(seen, metrics, {item.label: item.row for item in design.items})
    sent = [request_text(design.request(number).messages) for number in numbers]
    frame["request"] = pd.Series(sent, dtype=object)
    return frame


def _digest(run: Run, numbers: Sequence[int], baseline: str | None) -> str:
    """A hash of all answers and of what they are compared with, by which it is known what was scored."""
    digest = hashlib.sha256((baseline or "").encode("utf-8", "replace"))
    for number in numbers:
        row = run.rows[number]
        digest.update(f"{row.key}\0{row.item}\0{row.variant}\0{row.output}\0{row.error}\n".encode("utf-8", "replace"))
    return digest.hexdigest()[:12]


def _number(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)
