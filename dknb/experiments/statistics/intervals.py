"""Intervals for a rate, for a difference of paired rates, and for a mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .items import Floats

__all__ = [
    "Interval",
    "bca",
    "bca_bend",
    "bca_ends",
    "bisect",
    "hall_bent",
    "hall_ends",
    "mid_p",
    "paired_rates",
    "student",
    "tango_score",
]

Interval = tuple[float, float]


def bisect(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where ``holds`` turns from true (at ``low``) to false (at ``high``)."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2


def mid_p(successes: int, items: int, confidence: float = 0.95) -> Interval:
    """Mid-P interval of a rate.

    Lancaster, JASA 56 (1961), 223-234; recommended by Berry and Armitage, The Statistician 44 (1995), 417-423. Wilson's
    covers too much or too little near 0 and 1 where this one does not.
    """
    from scipy.special import bdtrc  # type: ignore[import-untyped]

    tail = (1 - confidence) / 2

    def lower(x: int) -> float:
        if x == 0:
            return 0.0
        # P(X >= x) - P(X = x) / 2, by the ufuncs behind scipy's binomial distribution.
        return bisect(lambda p: (bdtrc(x - 1, items, p) + bdtrc(x, items, p)) / 2 < tail, 0.0, x / items)

    return lower(successes), 1 - lower(items - successes)


def paired_rates(gained: int, lost: int, items: int, confidence: float = 0.95) -> Interval:
    """Score interval of the difference of two rates on the same items.

    Tango, Statistics in Medicine 17 (1998), 891-908.

    Args:
        gained: Items that pass with the first variant only.
        lost: Items that pass with the second only.
        items: All of them.
        confidence: Two-sided coverage.
    """
    from scipy.stats import norm  # type: ignore[import-untyped]

    z = float(norm.ppf((1 + confidence) / 2))
    difference = (gained - lost) / items

    def score(delta: float) -> float:
        return tango_score(gained, lost, items, delta)

    low = -1.0 if difference == -1 else bisect(lambda delta: score(delta) > z, -1.0, difference)
    high = 1.0 if difference == 1 else bisect(lambda delta: score(delta) > -z, difference, 1.0)
    return low, high


def tango_score(gained: int, lost: int, items: int, delta: float) -> float:
    """Tango's score of a difference ``delta``: what is seen above it, in standard errors under it."""
    b = -gained - lost + (2 * items - gained + lost) * delta
    c = -lost * delta * (1 - delta)
    q = (np.sqrt(max(b * b - 8 * items * c, 0.0)) - b) / (4 * items)
    variance = items * (2 * q + delta * (1 - delta))
    above = gained - lost - items * delta
    if variance <= 0:
        return float(np.copysign(np.inf, above)) if above else 0.0
    return float(above / np.sqrt(variance))


def student(mean: float, error: float, freedom: float, confidence: float = 0.95) -> Interval:
    """Student's interval of a mean with this standard error."""
    from scipy.special import stdtrit

    half = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    return mean - half, mean + half


def bca(means: Floats, sample: Floats, confidence: float = 0.95, *, expanded: bool = True) -> Interval:
    """BCa bootstrap interval of a mean.

    Efron, JASA 82 (1987), 171-185. ``expanded`` takes Student's quantiles for the normal ones, without which bootstrap
    intervals of small samples are too short (Hesterberg, The American Statistician 69, 2015, 371-386, section 4.5).

    Args:
        means: Means of the resamples.
        sample: What was resampled.
        confidence: Two-sided coverage.
        expanded: Whether the quantiles are Student's.
    """
    return bca_ends(np.sort(means), *bca_bend(means, sample), len(sample), confidence, expanded=expanded)


def bca_bend(means: Floats, sample: Floats) -> tuple[float, float]:
    """How far the resampled means are shifted, and how fast their spread grows with the mean (Efron's z0 and a)."""
    from scipy.special import ndtri

    estimate = sample.mean()
    spread = 1e-12 * np.abs(sample).max()
    below = ((means < estimate - spread).mean() + (means <= estimate + spread).mean()) / 2
    centred = sample - estimate
    acceleration = (centred**3).sum() / (6 * (centred**2).sum() ** 1.5)
    return float(ndtri(np.clip(below, 1 / len(means), 1 - 1 / len(means)))), float(acceleration)


def bca_ends(
    means: Floats, shift: float, acceleration: float, items: int, confidence: float, *, expanded: bool = True
) -> Interval:
    """The interval from sorted means."""
    from scipy.special import ndtr, ndtri, stdtrit

    tail = (1 + confidence) / 2
    reach = float(stdtrit(items - 1, tail) * np.sqrt(items / (items - 1)) if expanded else ndtri(tail))
    low, high = (float(ndtr(shift + (shift + end) / (1 - acceleration * (shift + end)))) for end in (-reach, reach))
    return _quantile(means, low), _quantile(means, high)


def _quantile(ordered: Floats, share: float) -> float:
    """As ``numpy.quantile``, which sorts first."""
    place = share * (len(ordered) - 1)
    below = min(int(place), len(ordered) - 2)
    return float(ordered[below] + (ordered[below + 1] - ordered[below]) * (place - below))


def hall_bent(sample: Floats, resamples: int, seed: int) -> Floats:
    """Student's ratios of resamples with the skewness transformed away, in their order, for :func:`hall_ends`.

    Hall, Journal of the Royal Statistical Society B 54 (1992), 221-228: a cubic, monotone transformation.
    """
    items, scaled = len(sample), (sample - sample.mean()) / sample.std()
    drawn = scaled[np.random.default_rng(seed).integers(0, items, size=(resamples, items))]
    centre = drawn.mean(axis=1)
    drawn -= centre[:, None]
    # A resample of almost equal values has no scale of its own.
    spread = np.maximum(drawn.std(axis=1), 0.02)
    skew = (drawn**3).mean(axis=1) / spread**3
    ratio = centre / spread
    bent: Floats = np.sort(ratio + skew * ratio**2 / 3 + skew**2 * ratio**3 / 27 + skew / (6 * items))
    return bent


def hall_ends(bent: Floats, sample: Floats, confidence: float = 0.95) -> Interval:
    """Hall's bootstrap interval of a mean, for small samples: his transformation of Student's ratio, taken back."""
    items, mean, deviation = len(sample), float(sample.mean()), float(sample.std())
    skewness = float((((sample - mean) / deviation) ** 3).mean())
    low, high = _quantile(bent, (1 - confidence) / 2), _quantile(bent, (1 + confidence) / 2)
    return mean - deviation * _straight(high, skewness, items), mean - deviation * _straight(low, skewness, items)


def _straight(bent: float, skewness: float, items: int) -> float:
    """Student's ratio that Hall's transformation takes to ``bent``."""
    if abs(skewness) < 1e-4:
        return bent
    return float((np.cbrt(1 + skewness * (bent - skewness / (6 * items))) - 1) * 3 / skewness)
