"""Tests of a difference, of a tie, and the correction for making many of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from .items import Floats

__all__ = ["adjusted", "fisher", "mcnemar", "permutation", "two_sided"]

#: Cells of labels that are shuffled at a time.
_CHUNK = 2_000_000


def adjusted(p_values: Sequence[float], correction: str) -> list[float]:
    """P values corrected for their number; NaN stays NaN and does not count.

    Raises:
        ConfigError: There is no such correction.
    """
    if correction not in (*_METHODS, "none"):
        known = ("holm", "benjamini-hochberg", "none")
        raise ConfigError(
            f"There is no correction {correction!r}.{did_you_mean(str(correction), known)}",
            hint=f"Corrections: {', '.join(known)}",
        )
    values = np.asarray(p_values, dtype=np.float64)
    known_ones = ~np.isnan(values)
    if correction != "none" and known_ones.any():
        values[known_ones] = _METHODS[correction](values[known_ones])
    return [float(value) for value in values]


def _holm(p_values: Floats) -> Floats:
    """Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.

    By hand, since each call of statsmodels' ``multipletests`` collects the garbage of the whole process (0.2 s).
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(steps, 1.0)
    return corrected


def _benjamini_hochberg(p_values: Floats) -> Floats:
    from scipy.stats import false_discovery_control  # type: ignore[import-untyped]

    corrected: Floats = false_discovery_control(p_values)
    return corrected


_METHODS: dict[str, Callable[[Floats], Floats]] = {
    "holm": _holm,
    "benjamini-hochberg": _benjamini_hochberg,
    "bh": _benjamini_hochberg,
    "fdr_bh": _benjamini_hochberg,
}


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided p of McNemar's test (Psychometrika 12, 1947, 153-157)."""
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def fisher(passes: tuple[int, int], items: tuple[int, int]) -> float:
    """Fisher's exact test of two rates on different items."""
    from scipy.stats import fisher_exact

    return float(fisher_exact([[passed, of - passed] for passed, of in zip(passes, items, strict=True)]).pvalue)


def two_sided(difference: float, error: float, freedom: float) -> float:
    """P of Student's t; 1 for no difference and 0 for any other, where nothing varies."""
    from scipy.stats import t

    if error == 0:
        return float(difference == 0)
    return float(2 * t.sf(abs(difference) / error, freedom))


def permutation(first: Floats, second: Floats, resamples: int, seed: int) -> float:
    """Two-sided p of a difference of means on different items, by shuffling who has which item.

    The statistic is Welch's, so that it also holds where the variances differ: Janssen, Statistics and Probability
    Letters 36 (1997), 9-21; Chung and Romano, Annals of Statistics 41 (2013), 484-507.
    """
    both = np.concatenate([first, second])
    both = both - both.mean()
    powers = np.column_stack([both, both**2])
    labels = np.arange(len(both)) < len(first)
    enough = _studentised(labels[None, :].astype(np.float64) @ powers, powers.sum(axis=0), len(first), len(both))[0]
    rng, extreme, done = np.random.default_rng(seed), 0, 0
    while done < resamples:
        many = min(resamples - done, max(1, _CHUNK // len(both)))
        shuffled = rng.permuted(np.broadcast_to(labels, (many, len(both))), axis=1).astype(np.float64)
        extreme += int(
            (_studentised(shuffled @ powers, powers.sum(axis=0), len(first), len(both)) >= enough - 1e-9).sum()
        )
        done += many
    return (extreme + 1) / (resamples + 1)


def _studentised(sums: Floats, total: Floats, first: int, both: int) -> Floats:
    """Absolute value of Welch's t, from the first group's sums of values and of squares."""
    second = both - first
    means = sums[:, 0] / first, (total[0] - sums[:, 0]) / second
    variances = (
        (sums[:, 1] - first * means[0] ** 2) / (first * (first - 1)),
        (total[1] - sums[:, 1] - second * means[1] ** 2) / (second * (second - 1)),
    )
    floor = 1e-12 * max(float(total[1]), 1e-300) / both
    ratio: Floats = np.abs(means[0] - means[1]) / np.sqrt(np.maximum(variances[0] + variances[1], floor))
    return ratio
