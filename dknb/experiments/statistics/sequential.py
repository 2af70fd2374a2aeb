"""Verdicts that may be looked at after every item, so that an experiment can stop as soon as all of them are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from ...errors import ConfigError
from .asking import is_real
from .evidence import Bounded, Evidence, Unbounded, WatchFinding
from .intervals import Interval

__all__ = ["VerdictWatch", "Watch"]

#: A difference that does not matter, as a share of the scale (as in a comparison).
_OF_SCALE = 0.02
#: Scores are means of repeats, which may be beyond a bound by a rounding; as a share of the scale.
_ROUNDING = 1e-9


class VerdictWatch:
    """Verdicts on variants while the items come in, with errors bounded over all looks together.

    Each variant is compared with the baseline by item. With bounds the evidence is the wealth of bets, which is exact;
    without, it is an asymptotic confidence sequence, which says nothing before 300 items, nor as long as a few rare
    scores make up the variance: so give bounds, where there are any. The allowed error is shared between the variants. A
    verdict that was given stays.

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
        if not is_real(confidence) or not 0.5 <= confidence < 1:
            raise ConfigError(f"A confidence of {confidence!r} is none.", hint="Give one from 0.5 to below 1, as 0.95")
        if margin is not None and not (is_real(margin) and margin >= 0):
            raise ConfigError(f"A margin of {margin!r} is none.", hint="Give 0 or more, in units of the metric.")
        if bounds is not None and not isfinite(bounds[1] - bounds[0]):
            bounds = None
        if margin is None and bounds is not None:
            margin = _OF_SCALE * (bounds[1] - bounds[0])
        self.metric, self.baseline, self.confidence, self.margin = metric, baseline, confidence, margin
        self._bounds, self._minimum = bounds, minimum
        self._better, self._worse = ("better", "worse") if higher_is_better else ("worse", "better")
        error = (1 - confidence) / len(others)
        reach = None if bounds is None else bounds[1] - bounds[0]
        self._evidence: dict[str, Evidence] = {
            variant: Unbounded(error, margin) if reach is None else Bounded(error, reach, margin or 0.0)
            for variant in others
        }
        self._decided_with: dict[str, Interval] = {}
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
            if base is None or score is None:
                continue
            evidence.add(score - base)
            self._pairs[variant] += 1
            if self._pairs[variant] >= self._minimum and self._verdicts[variant] == "undecided":
                self._judge(variant, evidence)

    def _judge(self, variant: str, evidence: Evidence) -> None:
        found = evidence.found()
        if found is not None:
            self._verdicts[variant] = self._word(found)
            self._decided_with[variant] = evidence.ends()

    def finding(self, variant: str) -> WatchFinding:
        """What is known of a variant, with an interval that holds at all times.

        Raises:
            KeyError: It is not watched.
        """
        evidence = self._evidence[variant]
        low, high = evidence.ends()
        decided = self._decided_with.get(variant, (low, high))
        # Both hold together; where they do not meet, that of the verdict is the one that was acted on.
        both = max(low, decided[0]), min(high, decided[1])
        low, high = both if both[0] <= both[1] else decided
        p = evidence.p()
        together = min(1.0, p * len(self._evidence))
        return WatchFinding(self._verdicts[variant], low, high, p, together, self._pairs[variant], evidence.method)

    def _word(self, found: int) -> str:
        return "tied" if found == 0 else self._better if found > 0 else self._worse

    def _checked(self, item: str, score: float | None) -> float | None:
        if score is None or score != score:  # NaN is not equal to itself
            return None
        low, high = self._bounds or (score, score)
        rounding = _ROUNDING * (high - low)
        if not isfinite(score) or not low - rounding <= score <= high + rounding:
            raise ConfigError(
                f"Item {item!r} has a {self.metric} of {score!r}, outside of its bounds {self._bounds!r}.",
                hint="Mend the scorer's bounds.",
            )
        return float(min(max(score, low), high))


#: Its short name, where nothing else watches.
Watch = VerdictWatch
