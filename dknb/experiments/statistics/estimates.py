"""The interval that fits a sample: which method covers what it says, by size and kind (tests/bench/bench_coverage.py)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from .intervals import bca, hall, mid_p, paired_rates, student
from .resampling import resampled_means, too_large

if TYPE_CHECKING:
    from .items import Floats

__all__ = ["Column", "Estimate", "Settings", "bootstrap", "by_rows", "estimate_mean", "is_binary", "needs_bootstrap"]

_Key = TypeVar("_Key", bound=Hashable)
#: Which items there are, and the numbers of these.
Column = tuple[NDArray[np.bool_], NDArray[np.float64]]

#: Below so many items BCa covers too little of skewed scores.
_FEW = 50
#: A sample with more different values than that is taken for continuous.
_STEPS = 12


@dataclass(frozen=True, slots=True)
class Settings:
    """How to estimate: two-sided confidence, bootstrap resamples, seed of the random numbers."""

    confidence: float = 0.95
    resamples: int = 10_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval, and the method that gave it; NaN ends where there is none."""

    value: float
    low: float
    high: float
    method: str


def is_binary(sample: Floats) -> bool:
    """Whether there is nothing but 0 and 1 in it."""
    return not ((sample != 0) & (sample != 1)).any()


def needs_bootstrap(sample: Floats) -> bool:
    """Whether the interval of its mean is made from resampled means."""
    return len(sample) >= _FEW and not too_large(len(sample)) and bool(np.ptp(sample) > 0)


def by_rows(columns: Mapping[_Key, Column], statistic: Callable[[Floats], Floats]) -> dict[_Key, Floats]:
    """A statistic of many columns, called once for all columns that are of the same rows.

    Args:
        columns: By name, the mask of the rows and the values in them.
        statistic: From values of shape (rows, columns) to an array whose last axis is the columns.
    """
    groups: dict[bytes, list[_Key]] = {}
    for name, (rows, _) in columns.items():
        groups.setdefault(np.packbits(rows).tobytes(), []).append(name)
    found: dict[_Key, Floats] = {}
    for names in groups.values():
        together = statistic(np.column_stack([columns[name][1] for name in names]))
        found.update({name: together[..., at] for at, name in enumerate(names)})
    return found


def bootstrap(columns: Mapping[_Key, Column], settings: Settings) -> dict[_Key, Floats]:
    """Resampled means of the columns of which :func:`needs_bootstrap`."""
    needed = {name: column for name, column in columns.items() if needs_bootstrap(column[1])}
    return by_rows(needed, lambda values: resampled_means(values, settings.resamples, settings.seed))


def estimate_mean(
    sample: Floats,
    settings: Settings,
    *,
    bounds: tuple[float, float] | None = None,
    binary: bool = False,
    difference: bool = False,
    drawn: Floats | None = None,
) -> Estimate:
    """The mean of a sample of items with its interval.

    Args:
        sample: One number an item.
        settings: How to estimate.
        bounds: The least and greatest value that there can be.
        binary: Whether it is of passes and failures, or with ``difference`` of differences of these.
        difference: Whether it is of differences of two variants on the same items.
        drawn: Resampled means, if :func:`needs_bootstrap`.
    """
    items = len(sample)
    if items < 2:
        return Estimate(float(sample.mean()) if items else np.nan, np.nan, np.nan, "one item" if items else "no items")
    mean = float(sample.mean())
    if binary and difference:
        gained, lost = int((sample > 0).sum()), int((sample < 0).sum())
        return Estimate(mean, *paired_rates(gained, lost, items, settings.confidence), "Tango score")
    if binary:
        return Estimate(mean, *mid_p(int(sample.sum()), items, settings.confidence), "mid-P")
    if np.ptp(sample) <= 1e-12 * np.abs(sample).max():
        return _constant(mean, items, settings, bounds, difference)
    low, high, method = _of_scores(sample, settings, drawn)
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return Estimate(mean, low, high, method)


def _of_scores(sample: Floats, settings: Settings, drawn: Floats | None) -> tuple[float, float, str]:
    items, confidence = len(sample), settings.confidence
    plain = student(float(sample.mean()), float(sample.std(ddof=1) / np.sqrt(items)), items - 1, confidence)
    if items < _FEW:
        bent = hall(sample, min(settings.resamples, 4_000), settings.seed, confidence)
        return min(plain[0], bent[0]), max(plain[1], bent[1]), "t or Hall bootstrap, the wider"
    if drawn is None:
        return *plain, "t"
    low, high = bca(drawn, sample, confidence)
    if len(np.unique(sample)) <= _STEPS:
        return low, high, "BCa bootstrap"
    return min(low, plain[0]), max(high, plain[1]), "t or BCa bootstrap, the wider"


def _constant(
    mean: float, items: int, settings: Settings, bounds: tuple[float, float] | None, difference: bool
) -> Estimate:
    """All values are the same: the interval is of the items that were not seen, which may lie at either bound."""
    if bounds is None or (difference and mean != 0):
        return Estimate(mean, mean, mean, "constant")
    unseen = (paired_rates if difference else _unseen)(0, 0, items, settings.confidence)[1]
    low, high = mean - unseen * (mean - bounds[0]), mean + unseen * (bounds[1] - mean)
    return Estimate(mean, low, high, "Tango score" if difference else "mid-P")


def _unseen(_: int, __: int, items: int, confidence: float) -> tuple[float, float]:
    return mid_p(0, items, confidence)
