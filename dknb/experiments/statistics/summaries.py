"""Plain sums over trials, and trials made fit for a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .items import scores_column

if TYPE_CHECKING:
    from ..._frames import DataFrame

__all__ = ["flat", "summary"]

_TOTALS = ("prompt_tokens", "completion_tokens", "cost_usd")


def summary(frame: DataFrame, metrics: Sequence[str]) -> DataFrame:
    """A row a variant, in the order in which they come up.

    A total is of the trials of which the number is known, and NaN if there is none.

    Returns:
        ``variant, items, trials, errors, cached, prompt_tokens, completion_tokens, cost_usd, cost_per_trial_usd,
        duration_s`` (the median), then the mean of each metric over all trials with a score.
    """
    import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

    codes, variants = pd.factorize(frame["variant"])
    many = len(variants)
    table = {"variant": [str(variant) for variant in variants]}
    columns = {
        "items": _distinct(codes, pd.factorize(frame["item"])[0], many),
        "trials": np.bincount(codes, minlength=many),
    }
    columns["errors"] = _counted(frame, codes, many, "error")
    columns["cached"] = _counted(frame, codes, many, "cached")
    for name in _TOTALS:
        columns[name] = _summed(frame, codes, many, name)[0]
    columns["cost_per_trial_usd"] = _mean(frame, codes, many, "cost_usd")
    by_variant = frame["duration_s"].astype("float64").groupby(codes) if "duration_s" in frame.columns else None
    columns["duration_s"] = (
        np.full(many, np.nan) if by_variant is None else by_variant.median().reindex(range(many)).to_numpy()
    )
    for metric in metrics:
        columns[metric] = _mean(frame, codes, many, metric)
    return pd.DataFrame(table | columns)


def _distinct(codes: np.ndarray, items: np.ndarray, many: int) -> np.ndarray:
    seen = np.zeros((many, int(items.max(initial=0)) + 1), dtype=bool)
    seen[codes, items] = True
    distinct: np.ndarray = seen.sum(axis=1)
    return distinct


def _counted(frame: DataFrame, codes: np.ndarray, many: int, name: str) -> np.ndarray:
    if name not in frame.columns:
        return np.zeros(many, dtype=np.int64)
    held = frame[name].notna() if name == "error" else frame[name].eq(True).fillna(False).astype(bool)
    return np.bincount(codes[held.to_numpy()], minlength=many)


def _summed(frame: DataFrame, codes: np.ndarray, many: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    if name not in frame.columns:
        return np.full(many, np.nan), np.zeros(many, dtype=np.int64)
    values = scores_column(frame, name)
    known = ~np.isnan(values)
    counts = np.bincount(codes[known], minlength=many)
    sums = np.bincount(codes[known], values[known], minlength=many)
    return np.where(counts > 0, sums, np.nan), counts


def _mean(frame: DataFrame, codes: np.ndarray, many: int, name: str) -> np.ndarray:
    sums, counts = _summed(frame, codes, many, name)
    means: np.ndarray = sums / np.maximum(counts, 1)
    return means


def flat(frame: DataFrame) -> DataFrame:
    """The trials with what was parsed as JSON text, since a file's column has one type."""
    if "parsed" not in frame.columns:
        return frame
    parsed = [
        None if value is None else json.dumps(value, default=str, ensure_ascii=False) for value in frame["parsed"]
    ]
    return frame.assign(parsed=parsed)
