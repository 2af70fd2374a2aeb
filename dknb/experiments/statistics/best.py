"""The probability that a variant is the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .items import Floats

__all__ = ["probability_best"]


def probability_best(means: Floats, draws: int, seed: int, *, higher_is_better: bool = True) -> Floats:
    """How often each variant has the best mean, in draws from the joint distribution of all means.

    The distribution is Student's, with the covariances of the items that variants share: the posterior of the means
    under a prior that says nothing. Variants that tie in a draw share it.

    Args:
        means: Scores of shape (items, variants); NaN where there are none.
        draws: Number of draws.
        seed: Of the random generator.
        higher_is_better: Which way is better.

    Returns:
        One probability a variant, together 1; NaN for one with fewer than 2 items.
    """
    there = ~np.isnan(means)
    usable = there.sum(axis=0) >= 2
    best = np.full(means.shape[1], np.nan)
    if not usable.any():
        return best
    means, there = means[:, usable], there[:, usable]
    counts = there.sum(axis=0)
    centres = np.where(there, means, 0.0).sum(axis=0) / counts
    centred = np.where(there, means - centres, 0.0)
    shared = there.astype(np.float64).T @ there.astype(np.float64)
    covariance = (centred.T @ centred) / np.outer(counts, counts) * shared / np.maximum(shared - 1, 1)
    values, vectors = np.linalg.eigh(covariance)
    rng = np.random.default_rng(seed)
    spread = rng.standard_normal((draws, len(values))) * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    freedom = float(counts.min() - 1)
    # From the middle of the means, since an offset that all share leaves few digits for what differs.
    middle = float(centres.mean())
    drawn = centres - middle + spread / np.sqrt(rng.chisquare(freedom, size=(draws, 1)) / freedom)
    if not higher_is_better:
        drawn = -drawn
    # Variants with the same scores differ by what rounding leaves.
    rounding = max(1e-9 * float(np.abs(drawn).max()), 1e-15 * abs(middle))
    top = drawn >= drawn.max(axis=1, keepdims=True) - rounding
    best[usable] = (top / top.sum(axis=1, keepdims=True)).mean(axis=0)
    return best
