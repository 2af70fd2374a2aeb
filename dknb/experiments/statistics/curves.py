"""Confidence curves: the interval of a mean at any level, and with it the p of any value of that mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .intervals import Interval, bca_bend, bca_ends, hall_ends, mid_p, paired_rates, student, tango_score

if TYPE_CHECKING:
    from .items import Floats

__all__ = ["Apart", "Curve", "Ends", "Rate", "RatesApart", "Resampled", "Skewed", "Student", "Unseen", "Widest"]

#: Where a p is looked for: a confidence above this is certainty.
_CERTAIN = 1 - 1e-9


class Curve(ABC):
    """The intervals of one mean at all levels of confidence."""

    @abstractmethod
    def ends(self, confidence: float) -> Interval:
        """The two-sided interval."""

    def p(self, value: float) -> float:
        """Two-sided p of a value: one minus the confidence at which the interval just reaches it."""
        low, high = 0.0, _CERTAIN
        if not _holds(self.ends(high), value):
            return 0.0
        for _ in range(25):
            middle = (low + high) / 2
            low, high = (low, middle) if _holds(self.ends(middle), value) else (middle, high)
        return 1 - low


def _holds(ends: Interval, value: float) -> bool:
    return ends[0] <= value <= ends[1]


@dataclass(frozen=True, slots=True)
class Student(Curve):
    """Student's t."""

    mean: float
    error: float
    freedom: float

    def ends(self, confidence: float) -> Interval:
        """The two-sided interval."""
        return student(self.mean, self.error, self.freedom, confidence)

    def p(self, value: float) -> float:
        """Two-sided p of a value."""
        from scipy.stats import t  # type: ignore[import-untyped]

        if self.error == 0:
            return float(value == self.mean)
        return float(2 * t.sf(abs(self.mean - value) / self.error, self.freedom))


@dataclass(frozen=True, slots=True)
class Rate(Curve):
    """Mid-P of a rate."""

    successes: int
    items: int

    def ends(self, confidence: float) -> Interval:
        """The two-sided interval."""
        return mid_p(self.successes, self.items, confidence)


@dataclass(frozen=True, slots=True)
class RatesApart(Curve):
    """Tango's score interval of two rates on the same items."""

    gained: int
    lost: int
    items: int

    def ends(self, confidence: float) -> Interval:
        """The two-sided interval."""
        return paired_rates(self.gained, self.lost, self.items, confidence)

    def p(self, value: float) -> float:
        """Two-sided p of a value."""
        from scipy.special import ndtr  # type: ignore[import-untyped]

        return float(2 * ndtr(-abs(tango_score(self.gained, self.lost, self.items, value))))


@dataclass(frozen=True, slots=True)
class Unseen(Curve):
    """A mean of equal values: what it leaves open is the share of other items, none of which was seen.

    Attributes:
        mean: The value.
        below: How far below it the other items may be.
        above: How far above it.
        items: How many were seen.
        share: From items and confidence, the largest share of others.
    """

    mean: float
    below: float
    above: float
    items: int
    share: Callable[[int, float], float]

    def ends(self, confidence: float) -> Interval:
        """The two-sided interval."""
        share = self.share(self.items, confidence)
        return self.mean - share * self.below, self.mean + share * self.above


class Resampled(Curve):
    """BCa bootstrap."""

    def __init__(self, means: Floats, sample: Floats) -> None:
        """Sort the resampled means of the sample."""
        self._means, self._items = np.sort(means), len(sample)
        self._bend = bca_bend(means, sample)

    def ends(self, confidence: float) -> Interval:
        """The two-sided interval."""
        return bca_ends(self._means, *self._bend, self._items, confidence)


@dataclass(frozen=True, slots=True)
class Skewed(Curve):
    """Hall's bootstrap, from its transformed and sorted ratios."""

    bent: Floats
    sample: Floats

    def ends(self, confidence: float) -> Interval:
        """The two-sided interval."""
        return hall_ends(self.bent, self.sample, confidence)


@dataclass(frozen=True, slots=True)
class Ends(Curve):
    """Any interval that a function gives for a confidence."""

    interval: Callable[[float], Interval]

    def ends(self, confidence: float) -> Interval:
        """The two-sided interval."""
        return self.interval(confidence)


@dataclass(frozen=True, slots=True)
class Apart(Curve):
    """A difference of two means from the curves of both (MOVER: Zou and Donner, Statistics in Medicine 27, 2008, 1693)."""

    first: tuple[float, Curve]
    second: tuple[float, Curve]

    def ends(self, confidence: float) -> Interval:
        """The two-sided interval."""
        (first, of_first), (second, of_second) = self.first, self.second
        (low, high), (lower, upper) = of_first.ends(confidence), of_second.ends(confidence)
        difference = first - second
        below, above = np.hypot(first - low, upper - second), np.hypot(high - first, second - lower)
        return float(difference - below), float(difference + above)


@dataclass(frozen=True, slots=True)
class Widest(Curve):
    """Two curves, of which the one that says less counts, on each side."""

    one: Curve
    other: Curve

    def ends(self, confidence: float) -> Interval:
        """The two-sided interval."""
        one, other = self.one.ends(confidence), self.other.ends(confidence)
        return min(one[0], other[0]), max(one[1], other[1])

    def p(self, value: float) -> float:
        """Two-sided p of a value."""
        return max(self.one.p(value), self.other.p(value))
