"""Evidence that may be looked at after every item: wealth of bets, and an interval that holds at all times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import exp, inf, log, log1p, sqrt

from .intervals import Interval, bisect

__all__ = ["Bets", "RunningInterval", "bets_interval"]

#: Shares of the largest bet that cannot be ruined; the wealth is the mean over all of them.
_STAKES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
#: Items before which values without bounds say nothing: what 1 % of the items have is among them 19 times of 20.
_WARM_UP = 300
#: Where all are the same, nothing else would show it: there, what 1 % have is among these 49 times of 50.
_CONSTANT = 400
#: And so many of them have to make up the variance: a few rare ones tell nothing of how many there are.
_EFFECTIVE = 20


class Bets:
    """Wealth of bets against "the mean is at most ``null``" (or at least, with ``sign=-1``).

    If that is true, the wealth exceeds 1/a with a probability of at most a, however often one looks and whenever one
    stops: Waudby-Smith and Ramdas, Journal of the Royal Statistical Society B 86 (2024), 1-27, with a fixed mixture of
    stakes. It needs values within ±``reach``, and nothing else.
    """

    def __init__(self, null: float, sign: int, reach: float) -> None:
        self._null, self._sign = null, sign
        self._stakes = [stake / (reach + abs(null)) for stake in _STAKES]
        self._logs = [0.0] * len(_STAKES)

    def add(self, value: float, times: int = 1) -> None:
        """Settle the bets on one more value, or on several that are the same."""
        won = self._sign * (value - self._null)
        self._logs = [each + times * log1p(stake * won) for each, stake in zip(self._logs, self._stakes, strict=True)]

    def log_wealth(self) -> float:
        """Natural logarithm of the wealth."""
        most = max(self._logs)
        return most + log(sum(exp(each - most) for each in self._logs) / len(self._logs))


def bets_interval(values: Counter[float], reach: float, error: float) -> Interval:
    """The means against which no bets have won: those that the evidence leaves open, however often one looked.

    Args:
        values: What was seen, and how often.
        reach: Their bound on both sides.
        error: Probability that the mean is ever outside.
    """
    needed = log(2 / error)

    def excluded(null: float, sign: int) -> bool:
        bets = Bets(null, sign, reach)
        for value, times in values.items():
            bets.add(value, times)
        return bets.log_wealth() >= needed

    mean = sum(value * times for value, times in values.items()) / max(values.total(), 1)
    # The wealth falls as the null rises: an end is where it is just too little.
    low = bisect(lambda null: excluded(null, 1), -reach, mean) if excluded(-reach, 1) else -reach
    high = bisect(lambda null: not excluded(null, -1), mean, reach) if excluded(reach, -1) else reach
    return low, high


class RunningInterval:
    """Asymptotic confidence sequence of a mean, for values without bounds.

    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Annals of Statistics 52 (2024), 2613-2640, tightest at about
    ``best_at`` values. Where the values are skewed it excludes too much too early; so what it excludes has to be
    excluded after Hall's transformation (1992) of the ratio, too. And it says nothing as long as rare values may not
    have been seen, or too few of them: before 300 values, and before the variance is that of 20 or more. Values that are
    all the same, and not 0, are a difference after 400 of them, with an interval of those not seen.
    """

    def __init__(self, error: float, *, best_at: int = 100) -> None:
        self._error = error
        self._width = (-2 * log(error) + log(-2 * log(error) + 1)) / best_at
        self._count, self._mean = 0, 0.0
        self._second, self._third, self._fourth = 0.0, 0.0, 0.0

    def add(self, value: float) -> None:
        """One more value (central moments by Pébay, Sandia report SAND2008-6212)."""
        self._count += 1
        n, delta = self._count, value - self._mean
        step = delta / n
        term = delta * step * (n - 1)
        self._mean += step
        self._fourth += step**2 * (term * (n * n - 3 * n + 3) + 6 * self._second) - 4 * step * self._third
        self._third += term * step * (n - 2) - 3 * step * self._second
        self._second += term

    @property
    def is_open(self) -> bool:
        """Whether it says nothing yet."""
        if self._is_constant:
            return self._count < _CONSTANT or self._mean == 0
        return self._count < _WARM_UP or self._second**2 < _EFFECTIVE * self._fourth

    @property
    def _is_constant(self) -> bool:
        return self._second <= self._count * (1e-12 * self._mean) ** 2

    def excludes(self, value: float) -> int:
        """1 if the mean is above ``value``, -1 if it is below, 0 if that is open."""
        if self.is_open:
            return 0
        if self._is_constant:
            low, high = self._unseen()
            return 1 if low > value else -1 if high < value else 0
        low, high = self._ratios(value)
        reach = self._reach(self._error)
        return 1 if low > reach else -1 if high < -reach else 0

    def ends(self) -> Interval:
        """The means that are open; infinite where all are."""
        if self.is_open:
            return -inf, inf
        if self._is_constant:
            return self._unseen()
        away = 4 * sqrt(self._second / self._count)
        low = _edge(lambda value: self.excludes(value) == 1, self._mean, -away)
        return low, _edge(lambda value: self.excludes(value) == -1, self._mean, away)

    def p(self, value: float) -> float:
        """Two-sided p of a value, that may be looked at whenever one likes."""
        if self.is_open:
            return 1.0
        if self._is_constant:
            # No less than what it is judged at: there is no spread to compute one from.
            return self._error if self.excludes(value) else 1.0
        low, high = self._ratios(value)
        ratio = max(low, -high, 0.0)
        grown = self._count * self._width + 1
        return min(1.0, sqrt(grown) * exp(-(ratio**2) * self._count**2 * self._width / (2 * grown)))

    def _unseen(self) -> Interval:
        """Items that were not seen may have nothing of a constant, or twice as much."""
        share = 1 - (self._error / 2) ** (1 / self._count)
        away = share * abs(self._mean)
        return self._mean - away, self._mean + away

    def _ratios(self, value: float) -> tuple[float, float]:
        """Student's ratio and Hall's, the smaller first."""
        n, deviation = self._count, sqrt(self._second / self._count)
        ratio, skew = (self._mean - value) / deviation, self._third / n / deviation**3
        bent = ratio + skew * ratio**2 / 3 + skew**2 * ratio**3 / 27 + skew / (6 * n)
        return min(ratio, bent), max(ratio, bent)

    def _reach(self, error: float) -> float:
        n, r = self._count, self._width
        return sqrt(2 * (n * r + 1) / (n * n * r) * log(sqrt(n * r + 1) / error))


def _edge(is_excluded: Callable[[float], bool], mean: float, away: float) -> float:
    """Where values begin to be excluded, from the mean outwards; infinite if they do not."""
    if not is_excluded(mean + away):
        return inf if away > 0 else -inf
    return bisect(lambda value: not is_excluded(value), mean, mean + away)
