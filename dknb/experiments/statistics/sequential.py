"""Verdicts that may be looked at after every item, so that an experiment can stop as soon as all of them are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, log

from ...errors import ConfigError
from .wealth import Bets, RunningInterval

__all__ = ["VerdictWatch", "Watch"]

#: A difference that does not matter, as a share of the scale (as in a comparison).
_OF_SCALE = 0.02
#: Items that the interval of values without bounds needs before it may exclude anything.
_WARM_UP = 100


class VerdictWatch:
    """Verdicts on variants while the items come in, with errors bounded over all looks together.

    Each variant is compared with the baseline by item. With bounds the evidence is the wealth of bets, which is exact;
    without, it is an asymptotic confidence sequence, which says nothing before 100 items. The allowed error is shared
    between the variants. A verdict that was given stays.

    Items have to come in an order that does not depend on their scores.
    """

    def __init__(
        self,
        metric: str,
        baseline: str,
        variants: Sequence[str],
        *,
        confidence: float = 0.95,
        bounds: tuple[float, float] | None = None,
        minimum: int = 10,
        margin: float | None = None,
        higher_is_better: bool = True,
    ) -> None:
        """Watch a metric.

        Args:
            metric: Its name.
            baseline: The variant that the others are compared with.
            variants: All variants, with or without the baseline.
            confidence: One minus the probability of any false verdict.
            bounds: The least and the greatest score that there can be.
            minimum: Items before which no verdict is given.
            margin: The largest difference that does not matter; 2 % of the bounds if it is not given, and without
                bounds nothing is tied then.
            higher_is_better: Which way is better.

        Raises:
            ConfigError: There is nothing to compare, or an argument is none.
        """
        others = [variant for variant in dict.fromkeys(variants) if variant != baseline]
        if not others:
            raise ConfigError("There is one variant only, and nothing to decide.", hint="Give at least two variants.")
        if not 0.5 <= confidence < 1:
            raise ConfigError(f"A confidence of {confidence!r} is none.", hint="Give one from 0.5 to below 1, as 0.95")
        if bounds is not None and not isfinite(bounds[1] - bounds[0]):
            bounds = None
        if margin is None and bounds is not None:
            margin = _OF_SCALE * (bounds[1] - bounds[0])
        self.metric, self.baseline = metric, baseline
        self._bounds, self._minimum = bounds, minimum if bounds else max(minimum, _WARM_UP)
        self._better, self._worse = ("better", "worse") if higher_is_better else ("worse", "better")
        error = (1 - confidence) / len(others)
        reach = None if bounds is None else bounds[1] - bounds[0]
        self._evidence: dict[str, _Bounded | _Unbounded] = {
            variant: _Unbounded(error, margin) if reach is None else _Bounded(error, reach, margin or 0.0)
            for variant in others
        }
        self._pairs = dict.fromkeys(others, 0)
        self._verdicts = dict.fromkeys(others, "undecided")

    @property
    def verdicts(self) -> dict[str, str]:
        """By variant: better, worse, tied or undecided."""
        return dict(self._verdicts)

    @property
    def decided(self) -> bool:
        """Whether there is a verdict on every variant."""
        return "undecided" not in self._verdicts.values()

    def add(self, item: str, scores: Mapping[str, float | None]) -> None:
        """One more item, with the mean score of each variant over its repeats; None or NaN is "no score".

        Raises:
            ConfigError: A score is out of bounds, which would make the verdicts void.
        """
        base = self._checked(item, scores.get(self.baseline))
        for variant, evidence in self._evidence.items():
            score = self._checked(item, scores.get(variant))
            if base is None or score is None or self._verdicts[variant] != "undecided":
                continue
            evidence.add(score - base)
            self._pairs[variant] += 1
            if self._pairs[variant] >= self._minimum:
                self._verdicts[variant] = self._word(evidence.found())

    def _word(self, found: int | None) -> str:
        if found is None:
            return "undecided"
        return "tied" if found == 0 else self._better if found > 0 else self._worse

    def _checked(self, item: str, score: float | None) -> float | None:
        if score is None or score != score:  # NaN is not equal to itself
            return None
        if not isfinite(score) or (self._bounds is not None and not self._bounds[0] <= score <= self._bounds[1]):
            raise ConfigError(
                f"Item {item!r} has a {self.metric} of {score!r}, outside of its bounds {self._bounds!r}.",
                hint="Mend the scorer's bounds.",
            )
        return float(score)


#: Its short name, where nothing else watches.
Watch = VerdictWatch


class _Bounded:
    """Evidence on differences within ±reach. A tie is shown by bets against a difference of the margin, on both sides.

    Who bets that the mean is below the margin wins at least as much as who bets that it is below 0, so a false tie
    and a verdict of the wrong sign together are as rare as one of them.
    """

    def __init__(self, error: float, reach: float, margin: float) -> None:
        self._two_sided, self._one_sided = log(2 / error), log(1 / error)
        self._above, self._below = Bets(0.0, 1, reach), Bets(0.0, -1, reach)
        self._inside = (Bets(-margin, 1, reach), Bets(margin, -1, reach)) if margin else ()

    def add(self, difference: float) -> None:
        for bets in (self._above, self._below, *self._inside):
            bets.add(difference)

    def found(self) -> int | None:
        """1 above, -1 below, 0 within the margin, None if that is open."""
        if self._above.log_wealth() >= self._two_sided:
            return 1
        if self._below.log_wealth() >= self._two_sided:
            return -1
        return 0 if self._inside and all(bets.log_wealth() >= self._one_sided for bets in self._inside) else None


class _Unbounded:
    """Evidence on differences without bounds."""

    def __init__(self, error: float, margin: float | None) -> None:
        self._interval, self._margin = RunningInterval(error), margin

    def add(self, difference: float) -> None:
        self._interval.add(difference)

    def found(self) -> int | None:
        """1 above, -1 below, 0 within the margin, None if that is open."""
        if sign := self._interval.excludes(0.0):
            return sign
        margin = self._margin
        if margin and self._interval.excludes(-margin) == 1 and self._interval.excludes(margin) == -1:
            return 0
        return None
