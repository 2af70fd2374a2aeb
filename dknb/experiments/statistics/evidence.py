"""What the items so far say of a variant against the baseline, however often one looks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import exp, inf, log
from typing import Protocol

from .intervals import Interval
from .wealth import Bets, RunningInterval, bets_interval

__all__ = ["Bounded", "Evidence", "Unbounded", "WatchFinding"]


@dataclass(frozen=True, slots=True)
class WatchFinding:
    """A verdict that looking often has not spoilt.

    Attributes:
        verdict: better, worse, tied or undecided.
        low: Lower end of the difference, of an interval that holds at all times and for all variants together; minus
            infinity as long as nothing is known.
        high: Upper end.
        p: P of no difference, for all looks together.
        p_adjusted: The same for all variants, too.
        items: Pairs that it rests on.
        method: What it was found by.
    """

    verdict: str
    low: float
    high: float
    p: float
    p_adjusted: float
    items: int
    method: str


class Evidence(Protocol):
    """What collects differences."""

    method: str

    def add(self, difference: float) -> None:
        """One more item."""

    def found(self) -> int | None:
        """1 above, -1 below, 0 within the margin, None if that is open."""

    def ends(self) -> Interval:
        """The differences that are open."""

    def p(self) -> float:
        """P of no difference, the least at any look."""


class Bounded:
    """Evidence on differences within ±reach. A tie is shown by bets against a difference of the margin, on both sides.

    Who bets that the mean is below the margin wins at least as much as who bets that it is below 0, so a false tie
    and a verdict of the wrong sign together are as rare as one of them.
    """

    method = "anytime-valid bets"

    def __init__(self, error: float, reach: float, margin: float) -> None:
        self._error, self._reach, self._needed, self._most = error, reach, log(2 / error), -inf
        self._above, self._below = Bets(0.0, 1, reach), Bets(0.0, -1, reach)
        self._inside = (Bets(-margin, 1, reach), Bets(margin, -1, reach)) if margin else ()
        self._seen: Counter[float] = Counter()

    def add(self, difference: float) -> None:
        """One more item."""
        self._seen[difference] += 1
        for bets in (self._above, self._below, *self._inside):
            bets.add(difference)

    def found(self) -> int | None:
        """1 above, -1 below, 0 within the margin, None if that is open."""
        above, below = self._above.log_wealth(), self._below.log_wealth()
        self._most = max(self._most, above, below)
        if above >= self._needed:
            return 1
        if below >= self._needed:
            return -1
        return 0 if self._inside and all(bets.log_wealth() >= self._needed for bets in self._inside) else None

    def ends(self) -> Interval:
        """The differences that are open."""
        return bets_interval(self._seen, self._reach, self._error)

    def p(self) -> float:
        """P of no difference, the least at any look."""
        return min(1.0, 2 * exp(-max(self._most, 0.0)))


class Unbounded:
    """Evidence on differences without bounds."""

    method = "anytime-valid, asymptotic"

    def __init__(self, error: float, margin: float | None) -> None:
        self._interval, self._margin, self._least = RunningInterval(error), margin, 1.0

    def add(self, difference: float) -> None:
        """One more item."""
        self._interval.add(difference)

    def found(self) -> int | None:
        """1 above, -1 below, 0 within the margin, None if that is open."""
        self._least = min(self._least, self._interval.p(0.0))
        if sign := self._interval.excludes(0.0):
            return sign
        margin = self._margin
        if margin and self._interval.excludes(-margin) == 1 and self._interval.excludes(margin) == -1:
            return 0
        return None

    def ends(self) -> Interval:
        """The differences that are open."""
        return self._interval.ends()

    def p(self) -> float:
        """P of no difference, the least at any look."""
        return self._least
