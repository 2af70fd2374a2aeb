"""The interval that fits a sample: which method covers what it says, by size and kind (tests/bench/bench_coverage.py)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from .curves import Curve, Rate, RatesApart, Resampled, Skewed, Student, Unseen, Widest
from .intervals import hall_bent, mid_p, paired_rates
from .resampling import padded, resampled_means, too_large
from .scores import Score, is_stepped

if TYPE_CHECKING:
    from .items import Floats

__all__ = [
    "Column",
    "Estimate",
    "Settings",
    "bootstrap",
    "estimate_mean",
    "is_binary",
    "is_constant",
    "needs_bootstrap",
]

_Key = TypeVar("_Key", bound=Hashable)
#: Which items there are, and the numbers of these.
Column = tuple[NDArray[np.bool_], NDArray[np.float64]]

#: Below so many items BCa covers too little of skewed scores.
_FEW = 50


@dataclass(frozen=True, slots=True)
class Settings:
    """How to estimate: two-sided confidence, bootstrap resamples, seed of the random numbers."""

    confidence: float = 0.95
    resamples: int = 10_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval, the method that gave it, and its intervals at other levels.

    NaN ends and no curve where there is no interval.
    """

    value: float
    low: float
    high: float
    method: str
    curve: Curve | None = field(default=None, compare=False, repr=False)


def is_binary(sample: Floats) -> bool:
    """Whether there is nothing but 0 and 1 in it."""
    return not ((sample != 0) & (sample != 1)).any()


def is_constant(sample: Floats) -> bool:
    """Whether there is one value, but for rounding."""
    return bool(np.ptp(sample) <= 1e-12 * np.abs(sample).max())


def needs_bootstrap(sample: Floats) -> bool:
    """Whether the interval of its mean is made from resampled means."""
    return len(sample) >= _FEW and not too_large(len(sample)) and not is_stepped(sample)


def bootstrap(columns: Mapping[_Key, Column], settings: Settings) -> dict[_Key, Floats]:
    """Resampled means of the columns of which :func:`needs_bootstrap`."""
    needed = {name: values for name, (_, values) in columns.items() if needs_bootstrap(values)}
    if not needed:
        return {}
    together, items = padded(list(needed.values()))
    means = resampled_means(together, settings.resamples, settings.seed, items)
    return {name: means[:, at] for at, name in enumerate(needed)}


def estimate_mean(
    sample: Floats,
    settings: Settings,
    *,
    bounds: tuple[float, float] | None = None,
    seen_only: bool = False,
    binary: bool = False,
    difference: bool = False,
    reach: float = 0.0,
    drawn: Floats | None = None,
) -> Estimate:
    """The mean of a sample of items with its interval.

    Args:
        sample: One number an item.
        settings: How to estimate.
        bounds: The least and greatest value that there can be.
        seen_only: Whether these are the least and greatest that were seen, so that few items say little of them.
        binary: Whether it is of passes and failures, or with ``difference`` of differences of these.
        difference: Whether it is of differences of two variants on the same items.
        reach: How far apart the scores lie, where differences that are all 0 have no bounds.
        drawn: Resampled means, if :func:`needs_bootstrap`.
    """
    items = len(sample)
    if items < 2:
        return Estimate(float(sample.mean()) if items else np.nan, np.nan, np.nan, "one item" if items else "no items")
    mean = float(sample.mean())
    if binary and difference:
        curve: Curve = RatesApart(int((sample > 0).sum()), int((sample < 0).sum()), items)
        method = "Tango score"
    elif binary:
        curve, method = Rate(int(sample.sum()), items), "mid-P"
    elif is_constant(sample):
        curve, method = _constant(mean, items, bounds, difference, reach)
    else:
        room = bounds
        if seen_only and bounds is not None:
            # A scale may well go on where nobody has been yet: for one step, if there are enough items to say so.
            room = None if items < _FEW else (bounds[0] - 1, bounds[1] + 1)
        curve, method = _of_scores(sample, settings, room, difference, drawn)
    low, high = curve.ends(settings.confidence)
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return Estimate(mean, low, high, method, curve)


def _of_scores(
    sample: Floats, settings: Settings, bounds: tuple[float, float] | None, difference: bool, drawn: Floats | None
) -> tuple[Curve, str]:
    items = len(sample)
    plain = Student(float(sample.mean()), float(sample.std(ddof=1) / np.sqrt(items)), items - 1)
    if is_stepped(sample) and (bounds is not None or items >= _FEW):
        if bounds is not None and not difference:
            return Score(sample, bounds), "likelihood score"
        seen = Score(sample, (float(sample.min()), float(sample.max())), items - 1)
        return Widest(plain, seen), "t or likelihood score, the wider"
    if items < _FEW:
        bent = hall_bent(sample, min(settings.resamples, 4_000), settings.seed)
        return Widest(plain, Skewed(bent, sample)), "t or Hall bootstrap, the wider"
    if drawn is None:
        return plain, "t"
    return Widest(plain, Resampled(drawn, sample)), "t or BCa bootstrap, the wider"


def _constant(
    mean: float, items: int, bounds: tuple[float, float] | None, difference: bool, reach: float
) -> tuple[Curve, str]:
    """All values are the same: what is open are the items that were not seen.

    These may lie at either bound. Where there are none, and of a difference that is the same on all items, they may as
    well have nothing of it, or twice as much: an interval that only says that a constant is not certain.
    """
    if difference and mean == 0 and bounds is not None:
        return Unseen(0.0, -bounds[0], bounds[1], items, _tango_unseen), "Tango score"
    if bounds is not None and not difference:
        return Unseen(mean, mean - bounds[0], bounds[1] - mean, items, _unseen), "mid-P"
    away = abs(mean) or reach
    return Unseen(mean, away, away, items, _unseen), "constant, mid-P of items not seen"


def _unseen(items: int, confidence: float) -> float:
    return mid_p(0, items, confidence)[1]


def _tango_unseen(items: int, confidence: float) -> float:
    return paired_rates(0, 0, items, confidence)[1]
