"""From numbers to a word, and how far an open one is from an answer."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .contrasts import Contrast

__all__ = ["Chances", "Margin", "items_for", "items_needed", "verdict_of"]

_POWER = 0.8


@dataclass(frozen=True, slots=True)
class Margin:
    """A difference that does not matter.

    Attributes:
        width: How large it is, in units of the metric.
        chosen: Whether somebody said so; a default does not overrule a difference that was found.
    """

    width: float
    chosen: bool


@dataclass(frozen=True, slots=True)
class Chances:
    """P values, corrected for the number of comparisons.

    Attributes:
        test: Of no difference, by the test.
        interval: Of no difference, by the interval's method.
        tie: Of a difference beyond the margin.
    """

    test: float
    interval: float
    tie: float


def verdict_of(
    contrast: Contrast, chances: Chances, margin: Margin, *, confidence: float, higher_is_better: bool
) -> str:
    """``better``, ``worse``, ``tied`` or ``undecided``.

    Tied: the whole interval lies within the margin, and so does that of the corrected level. Better or worse: the
    corrected p excludes no difference, and so does the interval of the corrected level, without which a permutation
    would take skewness for a difference. Undecided: everything else, however alike the means are.

    Args:
        contrast: The difference.
        chances: The corrected p values.
        margin: What does not matter.
        confidence: One minus the share of errors that is allowed.
        higher_is_better: Which way is better.
    """
    low, high, allowed = contrast.difference.low, contrast.difference.high, 1 - confidence
    found = chances.test <= allowed and chances.interval <= allowed and (low > 0 or high < 0)
    within = -margin.width <= low and high <= margin.width and chances.tie <= allowed
    if within and (margin.chosen or not found):
        return "tied"
    if found:
        return "better" if (low > 0) == higher_is_better else "worse"
    return "undecided"


def items_for(effect: float, deviation: float, *, error: float = 0.05, power: float = _POWER) -> float:
    """Items that find an effect of this size, or exclude one if ``error`` and ``power`` are those of a tie."""
    from scipy.stats import norm  # type: ignore[import-untyped]

    if effect <= 0:
        return inf
    return float(((norm.isf(error / 2) + norm.ppf(power)) * deviation / effect) ** 2)


def items_needed(contrast: Contrast, margin: Margin, *, family: int, confidence: float) -> float:
    """Further items that probably settle it (80 %), if the truth is what was seen; NaN where none would.

    It is settled by a difference that is found or by a tie, whichever comes first; the error is shared between the
    ``family`` of comparisons (Bonferroni, which is what Holm asks of the first).
    """
    size, error = abs(contrast.difference.value), (1 - confidence) / family
    if contrast.deviation == 0:
        return _until_short(contrast, margin, 1 - error)
    found = items_for(size, contrast.deviation, error=error)
    tied = items_for(margin.width - size, contrast.deviation, error=error, power=(1 + _POWER) / 2)
    needed = min(found, tied)
    return nan if needed == inf else max(1.0, ceil(needed) - contrast.items)


def _until_short(contrast: Contrast, margin: Margin, confidence: float) -> float:
    """Items until an interval that no item has widened yet lies within the margin (it is ``z² / (n + z²)`` of a scale)."""
    from scipy.stats import norm

    if margin.width == 0 or contrast.difference.value != 0 or contrast.within is None:
        return nan
    square = float(norm.isf((1 - confidence) / 2)) ** 2
    low, high = contrast.within.ends(confidence)
    reach = max(high, -low) * (contrast.items + square)
    return max(1.0, ceil(reach / margin.width - square) - contrast.items)
