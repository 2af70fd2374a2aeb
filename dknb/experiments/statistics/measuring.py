"""All variants on one metric: the interval of each, and how it differs from the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .best import probability_best
from .contrasts import Contrast, flips_signs, paired_contrast, paired_differences, unpaired_contrast
from .estimates import Estimate, Settings, bootstrap, estimate_mean, is_binary
from .resampling import EXACT, padded, sign_flip_p

if TYPE_CHECKING:
    from .estimates import Column
    from .items import Floats, ItemScores

__all__ = ["Measured", "measure"]

Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measured:
    """A variant on one metric.

    Attributes:
        at: Its column in the scores.
        mean: Its mean with the interval.
        error: The standard error of the mean.
        items: Items with a score.
        contrast: How it differs from the baseline; None of the baseline itself, and where there are too few items.
        usable: Items that a comparison with the baseline could rest on.
        dropped: Items that have a score with one of the two only.
        shared: Items that have a score with both.
        best: The probability that it is the best.
    """

    at: int
    mean: Estimate
    error: float
    items: int
    contrast: Contrast | None
    usable: int
    dropped: int
    shared: int
    best: float


@dataclass(frozen=True, slots=True)
class _Pairing:
    """The items that two variants share."""

    rows: Rows
    usable: int
    dropped: int
    paired: bool


def measure(
    scores: ItemScores, baseline: int, settings: Settings, *, paired: bool | None, test: str, minimum: int
) -> list[Measured]:
    """Estimate every variant and compare it with the baseline.

    Args:
        scores: One number an item and variant.
        baseline: The column of the baseline.
        settings: How to estimate.
        paired: Whether to compare by item; None decides by what the items are.
        test: One of ``contrasts.TESTS``.
        minimum: Below so many items nothing is compared.
    """
    there = ~np.isnan(scores.means)
    many = range(len(scores.variants))
    pairings = {at: _pairing(there[:, at], there[:, baseline], paired, minimum) for at in many if at != baseline}
    sides: dict[int, Column] = {at: (there[:, at], scores.means[there[:, at], at]) for at in many}
    differences = {
        at: (pairing.rows, paired_differences(scores.means[pairing.rows, at], scores.means[pairing.rows, baseline]))
        for at, pairing in pairings.items()
        if pairing.paired and pairing.usable >= minimum
    }
    drawn = _drawn(scores, sides, differences, settings)
    flipped = _flipped(scores, differences, settings, test)
    means = {at: _mean(scores, sides[at][1], drawn.get(("mean", at)), settings) for at in many}
    contrasts: dict[int, Contrast] = {}
    for at, pairing in pairings.items():
        if at in differences:
            pair = scores.means[pairing.rows, at], scores.means[pairing.rows, baseline]
            given = drawn.get(("difference", at)), flipped.get(at)
            contrasts[at] = paired_contrast(pair, scores.kind, settings, test, *given)
        elif pairing.usable >= minimum:
            each = [(sides[side][1], means[side]) for side in (at, baseline)]
            contrasts[at] = unpaired_contrast(each[0], each[1], scores.kind, settings, test)
    best = probability_best(
        scores.means, settings.resamples, settings.seed, higher_is_better=scores.kind.higher_is_better
    )
    return [
        Measured(
            at=at,
            mean=means[at],
            error=_error(sides[at][1]),
            items=len(sides[at][1]),
            contrast=contrasts.get(at),
            usable=pairings[at].usable if at in pairings else 0,
            dropped=pairings[at].dropped if at in pairings else 0,
            shared=int(pairings[at].rows.sum()) if at in pairings else 0,
            best=float(best[at]),
        )
        for at in many
    ]


def _pairing(first: Rows, second: Rows, paired: bool | None, minimum: int) -> _Pairing:
    """By item wherever the design is: where most items of the smaller side are on the other one too."""
    both = first & second
    pairs, smaller = int(both.sum()), int(min(first.sum(), second.sum()))
    by_item = paired if paired is not None else pairs >= min(minimum, smaller) and 2 * pairs >= smaller
    if not by_item:
        return _Pairing(both, smaller, 0, False)
    return _Pairing(both, pairs, int((first ^ second).sum()), True)


def _drawn(
    scores: ItemScores, sides: dict[int, Column], differences: dict[int, Column], settings: Settings
) -> dict[tuple[str, int], Floats]:
    """Resampled means of everything whose interval is made from them: all at once, which shares the resamples."""
    columns = {("mean", at): side for at, side in sides.items()}
    columns |= {("difference", at): difference for at, difference in differences.items()}
    if scores.kind.kind == "pass/fail":
        columns = {key: column for key, column in columns.items() if (column[1] % 1).any()}
    return bootstrap(columns, settings)


def _flipped(scores: ItemScores, differences: dict[int, Column], settings: Settings, test: str) -> dict[int, float]:
    needed = {
        at: values
        for at, (_, values) in differences.items()
        if flips_signs(values, scores.kind, test, repeated=scores.repeated)
    }
    found: dict[int, float] = {}
    for few in (True, False):
        columns = {at: values for at, values in needed.items() if (len(values) <= EXACT) == few}
        if columns:
            p_values = sign_flip_p(padded(list(columns.values()))[0], settings.resamples, settings.seed)
            found |= dict(zip(columns, map(float, p_values), strict=True))
    return found


def _mean(scores: ItemScores, sample: Floats, drawn: Floats | None, settings: Settings) -> Estimate:
    binary = scores.kind.kind == "pass/fail" and is_binary(sample)
    seen_only = scores.kind.kind == "ordinal" and not scores.is_told
    return estimate_mean(sample, settings, bounds=scores.kind.bounds, seen_only=seen_only, binary=binary, drawn=drawn)


def _error(sample: Floats) -> float:
    return float(sample.std(ddof=1) / np.sqrt(len(sample))) if len(sample) > 1 else np.nan
