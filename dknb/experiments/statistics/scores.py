"""The score interval of a mean of few different values: steps of a scale, means of repeats, items that do not differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .curves import Curve
from .intervals import Interval

if TYPE_CHECKING:
    from .items import Floats

__all__ = ["Score", "is_stepped", "value_counts"]

#: A sample of so many different values is of steps; so is one that has one value on that share of the items.
_STEPS, _SHARE = 12, 0.2

#: Of a shift of the mean and the score of the sample there.
Condition = Callable[[float, float], bool]


def is_stepped(sample: Floats) -> bool:
    """Whether few values make up the sample, or one of them much of it."""
    counts = value_counts(sample)[1]
    return len(counts) <= _STEPS or bool(counts.max() >= _SHARE * len(sample))


def value_counts(sample: Floats) -> tuple[Floats, Floats]:
    """The different values and how often each is there; what differs by rounding is the same."""
    least = float(sample.min())
    unit = max(1e-10 * float(np.ptp(sample)), 1e-15 * float(np.abs(sample).max())) or 1.0
    _, first, counts = np.unique(np.round((sample - least) / unit), return_index=True, return_counts=True)
    return sample[first], counts.astype(np.float64)


class Score(Curve):
    """Score interval of a mean, with the variance that the values would have if another mean were true.

    Those values' shares are their maximum likelihood under that mean: Owen's empirical likelihood (Biometrika 75,
    1988, 237-249), in which a bound that no item reached may get a share, too. For two values it is Wilson's interval
    (JASA 22, 1927, 209-212), for differences of passes and failures Tango's (Statistics in Medicine 17, 1998, 891-908).
    Student's variance is too small where the values that make the tail are rare.
    """

    def __init__(self, sample: Floats, bounds: tuple[float, float], freedom: float | None = None) -> None:
        """Sort the values.

        Args:
            sample: One number an item.
            bounds: The least and greatest value that gets a share.
            freedom: Degrees of freedom, for Student's quantiles instead of normal ones.
        """
        self._items, self._mean, self._freedom = len(sample), float(sample.mean()), freedom
        values, self._counts = value_counts(sample)
        self._away = values - self._mean
        self._reach = max(self._mean - bounds[0], 0.0), max(bounds[1] - self._mean, 0.0)

    def ends(self, confidence: float) -> Interval:
        """The two-sided interval."""
        from scipy.special import ndtri, stdtrit  # type: ignore[import-untyped]

        tail = (1 + confidence) / 2
        beyond = float(ndtri(tail) if self._freedom is None else stdtrit(self._freedom, tail))
        below, above = (self._shift(sign, lambda _, score: score <= beyond) for sign in (-1, 1))
        return self._mean - below, self._mean + above

    def p(self, value: float) -> float:
        """Two-sided p of a value."""
        from scipy.special import ndtr, stdtr

        away = abs(value - self._mean)
        sign = 1 if value > self._mean else -1
        if away == 0:
            return 1.0
        if away > self._reach[sign > 0]:
            return 0.0
        step = self._step(sign, lambda shift, _: shift <= away)
        score = self._at(sign, step)[1]
        return float(2 * (ndtr(-score) if self._freedom is None else stdtr(self._freedom, -score)))

    def _shift(self, sign: int, holds: Condition) -> float:
        reach = self._reach[sign > 0]
        return 0.0 if reach <= 0 else self._at(sign, self._step(sign, holds))[0]

    def _step(self, sign: int, holds: Condition) -> float:
        low, high = 0.0, 2.0
        for _ in range(45):
            middle = (low + high) / 2
            low, high = (middle, high) if holds(*self._at(sign, middle)) else (low, middle)
        return (low + high) / 2

    def _at(self, sign: int, step: float) -> tuple[float, float]:
        """How far the mean moves, and the score of the sample under it.

        Up to a step of 1 the shares of the values that were seen are tilted; from there to 2 the bound takes from them.
        """
        reach, away = self._reach[sign > 0], self._away * sign
        weights = self._counts / (1 - min(step, 1 - 1e-12) / reach * away)
        shares = weights / weights.sum()
        bound = max(step - 1, 0.0)
        shares *= 1 - bound
        shift = float(shares @ away) + bound * reach
        variance = float(shares @ away**2) + bound * reach**2 - shift**2
        return shift, shift * (self._items / variance) ** 0.5 if variance > 0 else (0.0 if shift <= 0 else np.inf)
