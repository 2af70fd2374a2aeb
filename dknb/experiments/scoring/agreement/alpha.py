"""Krippendorff's alpha, for any number of raters and with gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from ....errors import ConfigError
from ..targets import chosen, is_missing
from .estimate import Agreement, checked_resampling, resampled

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AlphaLevel", "krippendorff_alpha"]

AlphaLevel = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(
    ratings: Any,
    *,
    level: AlphaLevel = "nominal",
    confidence: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> Agreement:
    """Krippendorff's alpha of any number of raters, with a bootstrap interval over items.

    Args:
        ratings: A DataFrame with a row for each item and a column for each rater, or a list of raters, each with a rating
            for each item; None or NaN where one has not rated. Items with less than two ratings do not count.
        level: What the ratings are: ``"nominal"``, names; ``"ordinal"``, ranks; ``"interval"``, numbers.
        confidence: Of the interval.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        ConfigError: It is no table of ratings, or ratings that must be numbers are none.

    Source:
        K. Krippendorff, Computing Krippendorff's Alpha-Reliability, University of Pennsylvania, 2011.
    """
    import numpy as np
    from scipy.sparse import csr_array  # type: ignore[import-untyped]

    checked_resampling(confidence, resamples)
    chosen("level", level, get_args(AlphaLevel))
    items = [item for item in _items(ratings) if len(item) > 1]
    method = f"Krippendorff's alpha, {level}; percentile bootstrap over items"
    pairable = sum(map(len, items))
    if not items:
        return Agreement(math.nan, math.nan, math.nan, 0, 0, math.nan, math.nan, method, 0)
    values = _values(items, level)
    places = {value: place for place, value in enumerate(values)}
    rows = [place for place, item in enumerate(items) for _ in item]
    columns = [places[value] for item in items for value in item]
    # Each item has few of all values. Where two raters give the same, the entries are added up.
    counts = csr_array((np.ones(pairable), (rows, columns)), shape=(len(items), len(values)))
    alpha = _Alpha(counts, values, level)
    low, high, drawn = resampled(
        lambda draws: alpha.of(draws)[0],
        len(items),
        4 * len(values),
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )
    value, observed, by_chance = (float(each[0]) for each in alpha.of(np.ones((1, len(items)))))
    return Agreement(value, low, high, len(items), pairable, observed, by_chance, method, drawn)


class _Alpha:
    """The coefficient for items drawn any number of times.

    Attributes:
        counts: How often each value was given to each item, a sparse array of the shape (items, values).
    """

    def __init__(self, counts: Any, values: Sequence[Any], level: str) -> None:
        import numpy as np

        self.counts = counts
        self._level = level
        self._numbers = np.array(values if level == "interval" else range(len(values)), dtype="float64")
        self._raters = counts.sum(axis=1)

    def of(self, draws: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Alpha, the disagreement that was observed, and that of chance, for each draw, shape (draws, items)."""
        import numpy as np

        totals = draws @ self.counts  # how often each value was given, shape (draws, values)
        n = totals.sum(axis=1)
        observed, by_chance = {"nominal": self._nominal, "interval": self._interval, "ordinal": self._ordinal}[
            self._level
        ](draws, totals)
        observed, by_chance = observed / n, by_chance / (n * (n - 1))
        some = by_chance > 1e-15
        return np.where(some, 1 - observed / np.where(some, by_chance, 1.0), np.nan), observed, by_chance

    def _nominal(self, draws: NDArray[Any], totals: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        within = (self._raters**2 - self.counts.power(2).sum(axis=1)) / (self._raters - 1)
        return draws @ within, totals.sum(axis=1) ** 2 - (totals**2).sum(axis=1)

    def _interval(self, draws: NDArray[Any], totals: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        # The sum of squared differences over all ordered pairs of m numbers is 2 (m Σx² - (Σx)²).
        numbers = self._numbers - self._numbers.mean()
        within = 2 * (self._raters * (self.counts @ numbers**2) - (self.counts @ numbers) ** 2) / (self._raters - 1)
        between = 2 * (totals.sum(axis=1) * (totals @ numbers**2) - (totals @ numbers) ** 2)
        return draws @ within, between

    def _ordinal(self, draws: NDArray[Any], totals: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        # The distance of two ranks is the square of the ratings that lie between them, half of those on them included:
        # that of the middles of the ranks, so that ranks are numbers that depend on the draw.
        middles = totals.cumsum(axis=1) - totals / 2
        moments = draws * (1 / (self._raters - 1))
        per_value = (moments * self._raters) @ self.counts
        square = (per_value * middles**2).sum(axis=1)
        sums = (moments * (middles @ self.counts.T) ** 2).sum(axis=1)
        n = totals.sum(axis=1)
        between = 2 * (n * (totals * middles**2).sum(axis=1) - (totals * middles).sum(axis=1) ** 2)
        return 2 * (square - sums), between


def _items(ratings: Any) -> list[list[Any]]:
    """The ratings of each item, without gaps."""
    if hasattr(ratings, "to_numpy"):
        rows = ratings.to_numpy(dtype=object).tolist()
    else:
        raters = list(ratings.values()) if isinstance(ratings, Mapping) else list(ratings)
        lists = [list(each) if not isinstance(each, str) else None for each in raters]
        if any(each is None for each in lists) or len({len(each) for each in lists if each is not None}) > 1:
            raise ConfigError(
                "Each rater must have a rating or a gap for each item.",
                hint="Give lists of one length, with None for gaps",
            )
        rows = list(zip(*[each for each in lists if each is not None], strict=True))
    return [[value for value in row if not is_missing(value)] for row in rows]


def _values(items: Sequence[Sequence[Any]], level: str) -> list[Any]:
    """All values in their order."""
    seen = {value for item in items for value in item}
    if level != "nominal" and not all(isinstance(each, int | float) or hasattr(each, "__float__") for each in seen):
        wrong = next(each for each in seen if not (isinstance(each, int | float) or hasattr(each, "__float__")))
        raise ConfigError(f"{wrong!r} is no number, which {level} ratings are.", hint='level="nominal"')
    return list(seen) if level == "nominal" else sorted(seen)
