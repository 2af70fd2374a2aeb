"""The frame of trials: one row a trial. Importing this imports pandas: do it at use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

from .store.rows import TrialRow
from .trials import COLUMNS_AFTER, COLUMNS_BEFORE

__all__ = ["Seen", "reasons_frame", "trials_frame"]

_WHOLE = ("prompt_tokens", "completion_tokens")
_NUMBERS = ("cost_usd", "duration_s")


@dataclass(frozen=True, slots=True)
class Seen:
    """A trial as the frame shows it.

    Attributes:
        row: The trial.
        parsed: What was read in the answer.
        cached: Whether it was not paid for in this run.
    """

    row: TrialRow
    parsed: Any
    cached: bool


def trials_frame(
    seen: Iterable[Seen], metrics: Sequence[str], items: Mapping[str, Mapping[str, Any]] | None = None
) -> pd.DataFrame:
    """The frame of trials, in their order.

    Args:
        seen: The trials.
        metrics: The metrics; one that a trial has no number of is NaN there.
        items: The rows of the data by item, whose columns are to follow, as far as the frame has none of their names.
    """
    trials = list(seen)
    columns: dict[str, Any] = {name: _column(trials, name) for name in COLUMNS_BEFORE}
    for metric in metrics:
        scores = [_score(each.row, metric) for each in trials]
        columns[metric] = pd.Series(scores, dtype="float64")
    columns |= {name: _column(trials, name) for name in COLUMNS_AFTER}
    if items is not None and trials:
        names = dict.fromkeys(name for row in items.values() for name in row if name not in columns)
        for name in names:
            columns[name] = pd.Series([items[each.row.item].get(name) for each in trials], dtype=object)
    return pd.DataFrame(columns)


def reasons_frame(rows: Iterable[TrialRow]) -> pd.DataFrame:
    """Why trials have no score, or one that rests on less than it should: a row a trial and metric."""
    told = [
        (row.item, row.variant, row.repeat, metric, row.scores.get(metric), reason)
        for row in rows
        if row.error is None
        for metric, reason in row.score_errors.items()
    ]
    frame = pd.DataFrame(told, columns=["item", "variant", "repeat", "metric", "score", "reason"])
    return frame.astype({"repeat": "int64", "score": "float64"})


def _score(row: TrialRow, metric: str) -> float:
    score = None if row.error is not None else row.scores.get(metric)
    return float("nan") if score is None else float(score)


def _column(trials: Sequence[Seen], name: str) -> pd.Series:
    if name in ("parsed", "cached"):
        values = [getattr(each, name) for each in trials]
        return pd.Series(values, dtype=bool if name == "cached" else object)
    values = [getattr(each.row, name) for each in trials]
    if name in _WHOLE:
        return pd.Series(values, dtype="Int64")
    if name in _NUMBERS:
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype="int64" if name == "repeat" else object)
