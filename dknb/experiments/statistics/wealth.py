"""Evidence that may be looked at after every item: wealth of bets, and an interval that holds at all times."""

from __future__ import annotations

from math import exp, log, log1p, sqrt

__all__ = ["Bets", "RunningInterval"]

#: Shares of the largest bet that cannot be ruined; the wealth is the mean over all of them.
_STAKES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


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

    def add(self, value: float) -> None:
        """Settle the bets on one more value."""
        won = self._sign * (value - self._null)
        self._logs = [each + log1p(stake * won) for each, stake in zip(self._logs, self._stakes, strict=True)]

    def log_wealth(self) -> float:
        """Natural logarithm of the wealth."""
        most = max(self._logs)
        return most + log(sum(exp(each - most) for each in self._logs) / len(self._logs))


class RunningInterval:
    """Asymptotic confidence sequence of a mean, for values without bounds.

    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Annals of Statistics 52 (2024), 2613-2640, tightest at about
    ``best_at`` values. Where the values are skewed it excludes too much too early; so what it excludes has to be
    excluded after Hall's transformation (1992) of the ratio, too.
    """

    def __init__(self, error: float, *, best_at: int = 100) -> None:
        self._error = error
        self._width = (-2 * log(error) + log(-2 * log(error) + 1)) / best_at
        self._count, self._mean, self._second, self._third = 0, 0.0, 0.0, 0.0

    def add(self, value: float) -> None:
        """One more value (central moments by Pébay, Sandia report SAND2008-6212)."""
        self._count += 1
        n, delta = self._count, value - self._mean
        step = delta / n
        term = delta * step * (n - 1)
        self._mean += step
        self._third += term * step * (n - 2) - 3 * step * self._second
        self._second += term

    def excludes(self, value: float) -> int:
        """1 if the mean is above ``value``, -1 if it is below, 0 if that is open."""
        n = self._count
        if n < 2:
            return 0
        deviation = sqrt(self._second / n)
        away = self._mean - value
        if deviation <= 1e-12 * abs(away):
            return 0 if away == 0 else (1 if away > 0 else -1)
        ratio, skew = away / deviation, self._third / n / deviation**3
        bent = ratio + skew * ratio**2 / 3 + skew**2 * ratio**3 / 27 + skew / (6 * n)
        r = self._width
        reach = sqrt(2 * (n * r + 1) / (n * n * r) * log(sqrt(n * r + 1) / self._error))
        if min(ratio, bent) > reach:
            return 1
        return -1 if max(ratio, bent) < -reach else 0
