"""Cohen's kappa, plain and weighted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError
from ..targets import is_missing
from .estimate import Agreement, checked_resampling, resampled

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cohen_kappa"]

_MOST_LABELS = 200
_NAMED = ("linear", "quadratic")


def cohen_kappa(
    one: Iterable[Any],
    other: Iterable[Any],
    *,
    weights: str | Sequence[Sequence[float]] | None = None,
    labels: Sequence[Any] | None = None,
    confidence: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> Agreement:
    """Cohen's kappa of two raters, with a bootstrap interval over items.

    Args:
        one: The ratings of one rater.
        other: Those of the other, in the same order; items that one of them has not rated (None, NaN) are left out.
        weights: How grave a disagreement is: None, all alike; ``"linear"`` or ``"quadratic"`` in the distance of the
            labels' values where they are numbers, else of their places; or a matrix, 0 on the diagonal.
        labels: The labels in their order; else all that occur, sorted.
        confidence: Of the interval.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        ConfigError: The raters have not rated the same number of items, a label is not in ``labels``, or an option is
            wrong.

    Source:
        J. Cohen, A coefficient of agreement for nominal scales, 1960; Weighted kappa, Psychological Bulletin 70 (1968).
        The values are those of statsmodels' ``cohens_kappa``, which takes one table at a time: too slow for a bootstrap.
    """
    import numpy as np

    checked_resampling(confidence, resamples)
    pairs = _pairs(one, other)
    known = _known(pairs, labels)
    if len(known) > _MOST_LABELS:
        raise ConfigError(
            f"There are {len(known):,} different ratings; kappa is for classes, at most {_MOST_LABELS}.",
            hint='For numbers:  krippendorff_alpha([one, other], level="interval")',
        )
    grave = _disagreement(weights, known)
    places = {label: place for place, label in enumerate(known)}
    rows = np.array([places[a] for a, _ in pairs], dtype=int)
    columns = np.array([places[b] for _, b in pairs], dtype=int)
    each_row = np.eye(len(known))[rows]
    each_column = np.eye(len(known))[columns]
    each_grave = grave[rows, columns]

    def parts(counts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The disagreement that was observed and that of chance, for each draw."""
        n = counts.sum(axis=1)
        by_chance = ((counts @ each_row) @ grave * (counts @ each_column)).sum(axis=1) / n**2
        return counts @ each_grave / n, by_chance

    def kappa(counts: NDArray[Any]) -> NDArray[Any]:
        observed, by_chance = parts(counts)
        some = by_chance > 1e-15
        values: NDArray[Any] = np.where(some, 1 - observed / np.where(some, by_chance, 1.0), np.nan)
        return values

    n = len(pairs)
    named = (
        "Cohen's kappa"
        if weights is None
        else f"Cohen's kappa, {weights if isinstance(weights, str) else 'given'} weights"
    )
    method = f"{named}; percentile bootstrap over items"
    if not n:
        return Agreement(math.nan, math.nan, math.nan, 0, 0, math.nan, math.nan, method, 0)
    whole = np.ones((1, n))
    observed, by_chance = parts(whole)
    low, high, drawn = resampled(kappa, n, 4 * len(known), confidence=confidence, resamples=resamples, seed=seed)
    value = float(kappa(whole)[0])
    return Agreement(value, low, high, n, 2 * n, float(observed[0]), float(by_chance[0]), method, drawn)


def _pairs(one: Iterable[Any], other: Iterable[Any]) -> list[tuple[Any, Any]]:
    first, second = list(one), list(other)
    if len(first) != len(second):
        raise ConfigError(
            f"One rater has {len(first):,} ratings and the other {len(second):,}.",
            hint="Give both in one order, with None for gaps",
        )
    return [(a, b) for a, b in zip(first, second, strict=True) if not (is_missing(a) or is_missing(b))]


def _known(pairs: Sequence[tuple[Any, Any]], labels: Sequence[Any] | None) -> list[Any]:
    seen = {each for pair in pairs for each in pair}
    if labels is not None:
        if unknown := [each for each in seen if each not in labels]:
            raise ConfigError(
                f"{unknown[0]!r} is not among the labels.", hint=f"labels: {', '.join(map(repr, labels))}"
            )
        return list(dict.fromkeys(labels))
    try:
        return sorted(seen)
    except TypeError:
        return sorted(seen, key=lambda each: (type(each).__name__, str(each)))


def _disagreement(weights: str | Sequence[Sequence[float]] | None, labels: Sequence[Any]) -> NDArray[Any]:
    """How grave it is where one says the one label and the other the other one."""
    import numpy as np

    if weights is None:
        return 1.0 - np.eye(len(labels))
    if isinstance(weights, str):
        if weights not in _NAMED:
            raise ConfigError(f"weights cannot be {weights!r}.", hint="None, 'linear', 'quadratic', or a matrix")
        are_numbers = all(isinstance(each, int | float) or hasattr(each, "__float__") for each in labels)
        values = np.array(labels if are_numbers else range(len(labels)), dtype="float64")
        distance: NDArray[Any] = np.abs(values[:, None] - values[None, :])
        return distance if weights == "linear" else distance**2
    matrix = np.asarray(weights, dtype="float64")
    if matrix.shape != (len(labels), len(labels)) or (matrix < 0).any() or np.diag(matrix).any():
        raise ConfigError(
            f"weights must be a matrix of {len(labels)} by {len(labels)} with 0 on its diagonal.",
            hint="And say labels=[...]",
        )
    return matrix
