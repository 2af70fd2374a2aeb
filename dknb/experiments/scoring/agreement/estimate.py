"""A coefficient of agreement with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Agreement", "checked_resampling", "resampled"]

#: Numbers that one step of resampling holds at most.
_AT_ONCE = 4_000_000
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Agreement:
    """A coefficient of agreement: 1 is full agreement, 0 what chance would bring.

    Attributes:
        value: The coefficient; NaN where it is not defined, as where all say the same all the time.
        low: Where its interval begins; NaN where there is none.
        high: Where it ends.
        n: The items that it rests on.
        ratings: The ratings that it rests on.
        observed: The disagreement that was observed, in the weights or squared distances of the coefficient.
        expected: The disagreement that chance would bring; the coefficient is 1 - observed / expected.
        method: What it is, and how its interval was found.
        resamples: How many of the resamples have a value; the interval is theirs.
    """

    value: float
    low: float
    high: float
    n: int
    ratings: int
    observed: float
    expected: float
    method: str
    resamples: int

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return f"{self.method.partition(';')[0]} = {self.value:.3f} [{self.low:.3f}, {self.high:.3f}], n = {self.n:,}"


def checked_resampling(confidence: float, resamples: Any) -> None:
    """Refuse what no interval can be made of.

    Raises:
        ConfigError: It is none.
    """
    if not 0 < confidence < 1:
        raise ConfigError(f"confidence cannot be {confidence!r}.", hint="Give a number between 0 and 1, as 0.95")
    if isinstance(resamples, bool) or not isinstance(resamples, int) or resamples < 100:
        raise ConfigError(f"resamples cannot be {resamples!r}.", hint="Give a whole number from 100 on")


def resampled(
    statistic: Callable[[NDArray[Any]], NDArray[Any]],
    n: int,
    width: int,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[float, float, int]:
    """The percentile interval of a statistic over items drawn anew, and how many draws had a value.

    Args:
        statistic: From how often each item is drawn, shape (draws, items), to the value of each draw; NaN: none.
        n: The items.
        width: Numbers that one draw takes besides.
        confidence: Two-sided.
        resamples: Draws.
        seed: Of the draws.

    Source:
        Items are what is resampled, as A. Zapf et al. found best: Measuring inter-rater reliability for nominal data,
        BMC Medical Research Methodology 16:93 (2016).
    """
    import numpy as np

    if n < _FEWEST:
        return math.nan, math.nan, 0
    generator = np.random.default_rng(seed)
    step = max(1, min(resamples, _AT_ONCE // max(n + width, 1)))
    values = []
    for begin in range(0, resamples, step):
        draws = min(step, resamples - begin)
        counts = generator.multinomial(n, np.full(n, 1.0 / n), size=draws)
        values.append(statistic(counts.astype("float64")))
    whole = np.concatenate(values)
    whole = whole[np.isfinite(whole)]
    if not len(whole):
        return math.nan, math.nan, 0
    tail = (1 - confidence) / 2
    low, high = np.quantile(whole, [tail, 1 - tail])
    return float(low), float(high), len(whole)
