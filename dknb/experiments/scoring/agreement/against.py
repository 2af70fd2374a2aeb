"""A judge against people: how far they agree, and how far people agree among themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....errors import ConfigError, did_you_mean
from ..labels import HumanLabels
from .alpha import AlphaLevel, krippendorff_alpha
from .estimate import Agreement
from .kappa import cohen_kappa

if TYPE_CHECKING:
    from pandas import DataFrame, Series  # type: ignore[import-untyped]  # its stubs are a package of their own

__all__ = ["judge_agreement"]

_LEVELS: tuple[AlphaLevel, ...] = ("nominal", "ordinal", "interval")


def judge_agreement(
    trials: Any,
    metric: str,
    human: HumanLabels | str | list[str],
    *,
    confidence: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> DataFrame:
    """How far a judge agrees with people: Cohen's kappa and Krippendorff's alpha, with bootstrap intervals over trials.

    Kappa is that of the judge with each annotator; a judge's mean is rounded to the nearest whole step for it. Alpha is
    that of all together as it is, and where there are several annotators that of the people alone, which a judge can
    hardly exceed.

    Args:
        trials: The frame of trials, or a result with one.
        metric: The judge's metric.
        human: Labels, or the frame's column (or columns) with them.
        confidence: Of the intervals.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Returns:
        A row for each coefficient: ``between``, ``coefficient``, ``value``, ``low``, ``high``, ``n`` (trials), ``observed``, ``expected``.

    Raises:
        ConfigError: There is no such column, or no trial has both.
    """
    import pandas as pd

    frame = getattr(trials, "frame", trials)
    judge = _column(frame, metric)
    if isinstance(human, HumanLabels):
        ratings = human.ratings(frame)
        ratings.columns = [str(each) or "human" for each in ratings.columns]
    else:
        ratings = pd.DataFrame({each: _column(frame, each) for each in ([human] if isinstance(human, str) else human)})
    if not (ratings.notna().any(axis=1) & judge.notna()).any():
        raise ConfigError(f"No trial has both {metric!r} and a label.", hint="Label some first")
    options: dict[str, Any] = {"confidence": confidence, "resamples": resamples, "seed": seed}
    rows = []
    steps = _rounded(judge)
    for name in ratings.columns:
        for weights in (None, "linear", "quadratic"):
            found = cohen_kappa(steps, ratings[name], weights=weights, **options)
            rows.append(_row(f"{metric} ~ {name}", f"kappa{'' if weights is None else f' ({weights})'}", found))
    several = len(ratings.columns) > 1
    both = pd.concat([ratings, judge], axis=1)
    groups = {f"{metric} ~ {'all' if several else ratings.columns[0]}": both[judge.notna()]}
    if several:
        groups["people"] = ratings
    for between, table in groups.items():
        for level in _LEVELS:
            alpha = krippendorff_alpha(table, level=level, **options)
            rows.append(_row(between, f"alpha ({level})", alpha))
    return pd.DataFrame(rows)


def _rounded(values: Series) -> Series:
    import numpy as np

    return np.floor(values + 0.5)


def _column(frame: Any, name: str) -> Series:
    if name not in frame:
        known = list(map(str, frame.columns))
        raise ConfigError(
            f"The frame has no column {name!r}.{did_you_mean(name, known)}", hint=f"It has: {', '.join(known)}"
        )
    return frame[name].astype("float64")


def _row(between: str, coefficient: str, found: Agreement) -> dict[str, Any]:
    facts = {name: getattr(found, name) for name in ("value", "low", "high", "n", "observed", "expected")}
    return {"between": between, "coefficient": coefficient, **facts}
