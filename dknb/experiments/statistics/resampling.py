"""Resampling of items, for many columns at once: a matrix product instead of a loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .items import Floats

__all__ = ["EXACT", "padded", "resampled_means", "sign_flip_p", "sign_flips", "too_large"]

#: Cells of a chunk of weights: 16 MB.
_CHUNK = 2_000_000
#: Up to so many items all sign flips are counted.
EXACT = 15
_MOST_ITEMS = 2_000


def too_large(items: int) -> bool:
    """Whether resampling so many items tells nothing that the normal distribution does not."""
    return items > _MOST_ITEMS


def padded(columns: Sequence[Floats]) -> tuple[Floats, NDArray[np.int64]]:
    """Columns of different lengths side by side, with zeros below, and their lengths."""
    lengths = np.array([len(column) for column in columns])
    together = np.zeros((int(lengths.max()), len(columns)))
    for at, column in enumerate(columns):
        together[: len(column), at] = column
    return together, lengths


def resampled_means(columns: Floats, resamples: int, seed: int, lengths: NDArray[np.int64] | None = None) -> Floats:
    """Means of bootstrap resamples of the rows, the same rows for all columns.

    A column that is shorter has the mean of those rows of a resample that are its own, however many these are.

    Args:
        columns: Shape (items, columns), without NaN.
        resamples: How many.
        seed: Of the random generator.
        lengths: How many rows a column has; zeros follow. All rows if it is not given.

    Returns:
        Shape (resamples, columns).
    """
    items = len(columns)
    several, which = np.unique(np.full(columns.shape[1], items) if lengths is None else lengths, return_inverse=True)
    rows = (np.arange(items)[:, None] < several).astype(np.float64)
    both = np.hstack([columns, rows])
    rng = np.random.default_rng(seed)
    means = np.empty((resamples, columns.shape[1]))
    for begin, many in _chunks(resamples, items):
        drawn = rng.integers(0, items, size=(many, items), dtype=np.int32)
        drawn += np.arange(0, many * items, items, dtype=np.int32)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=many * items).reshape(many, items)
        sums = weights.astype(np.float64) @ both
        counts = np.maximum(sums[:, columns.shape[1] :], 1.0)
        means[begin : begin + many] = sums[:, : columns.shape[1]] / counts[:, which]
    return means


def sign_flips(items: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Chunks of signs, of shape (flips, items): all of them for few items, random ones for many."""
    if items <= EXACT:
        yield _signs((np.arange(2**items)[:, None] >> np.arange(items)) & 1)
        return
    rng = np.random.default_rng(seed)
    for _, many in _chunks(resamples, items):
        bits = rng.integers(0, 256, size=(many, -(-items // 8)), dtype=np.uint8)
        yield _signs(np.unpackbits(bits, axis=1, count=items))


def _signs(bits: NDArray[Any]) -> Floats:
    return 1.0 - 2.0 * bits.astype(np.float64)


def sign_flip_p(differences: Floats, resamples: int, seed: int) -> Floats:
    """Two-sided p of each column's mean, by flipping signs (Fisher, The Design of Experiments, 1935, section 21).

    Exact for at most 15 items; for more, of random flips and the data themselves, so that it is never 0 and never too
    small (Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 9, 2010, 39).

    Args:
        differences: Shape (items, columns), without NaN; rows of zeros change nothing.
        resamples: Number of random flips.
        seed: Of the random generator.
    """
    observed = np.abs(differences.sum(axis=0))
    # Sums of the same numbers in another order differ in their last digits.
    enough = observed - 1e-9 * np.abs(differences).sum(axis=0)
    extreme, flips = np.zeros(differences.shape[1]), 0
    for signs in sign_flips(len(differences), resamples, seed):
        extreme += (np.abs(signs @ differences) >= enough).sum(axis=0)
        flips += len(signs)
    exact = len(differences) <= EXACT
    return extreme / flips if exact else (extreme + 1) / (flips + 1)


def _chunks(resamples: int, items: int) -> Iterator[tuple[int, int]]:
    step = max(1, _CHUNK // items)
    for begin in range(0, resamples, step):
        yield begin, min(step, resamples - begin)
