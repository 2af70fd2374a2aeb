"""How many items it takes, or what a number of items can find."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan, nan, sqrt
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ConfigError
from .asking import is_real, is_whole
from .baselines import variant_named
from .intervals import bisect
from .items import ItemScores, item_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..._frames import DataFrame
    from ..scoring.kinds import MetricKind

__all__ = ["Pilot", "PowerPlan", "pilot_of", "plan_power"]

#: Beyond this noncentrality there is no doubt, and the distribution has no digits left.
_CERTAIN = 30.0
_MOST = 100_000_000


@dataclass(frozen=True, slots=True)
class PowerPlan:
    """A plan for comparing one variant with a baseline.

    Attributes:
        n: Items (for each variant, where the design is not paired).
        effect: The difference of means, in units of the metric; in standard deviations where there is no pilot.
        power: The probability of finding it.
        deviation: Standard deviation of an item's difference (of an item, where the design is not paired).
        paired: Whether both variants get the same items.
        repeats: Trials of each item.
        alpha: The error allowed for one comparison, after its share of the ``comparisons``.
        comparisons: How many are made.
        cost_usd: Price of all trials of both variants; None where no price is known.
    """

    n: int
    effect: float
    power: float
    deviation: float
    paired: bool
    repeats: int
    alpha: float
    comparisons: int
    cost_usd: float | None

    def __str__(self) -> str:
        price = "" if self.cost_usd is None else f", for about ${self.cost_usd:.2g}"
        design = "the same items for both" if self.paired else "items for each"
        return f"{self.n:,} items ({design}) find a difference of {self.effect:.3g} with a power of {self.power:.0%}{price}"


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a first run tells about the next.

    Attributes:
        between: Variance of an item's difference, without the noise of its repeats.
        within: Variance of one repeat's noise in that difference.
        changed: Share of items on which the variants differ; None unless it is pass/fail with one repeat.
        price: Mean price of a trial of the variant and of one of the baseline together; NaN if it is not known.
        repeats: Trials of each item.
        paired: Whether both have the same items.
    """

    between: float
    within: float
    changed: float | None
    price: float
    repeats: int
    paired: bool

    def deviation(self, repeats: int, effect: float) -> float:
        """Standard deviation of an item's difference with so many repeats, if that is the effect."""
        if self.changed is not None and repeats == 1:
            # Where a share of items flips, one way more than the other: McNemar's variance under this effect.
            return sqrt(max(max(self.changed, abs(effect)) - effect**2, 1e-12))
        return sqrt(self.between + self.within / repeats)


def pilot_of(
    frame: DataFrame, metric: str, baseline: str | None, variant: str | None, kinds: Mapping[str, MetricKind] | None
) -> Pilot:
    """Read variances and prices out of a table of trials.

    Raises:
        ConfigError: It has fewer than two variants, or too few items to see how much they vary.
    """
    scores = item_scores(frame, metric, kinds)
    names = scores.variants
    base = names.index(names[0] if baseline is None else variant_named(baseline, frame, names))
    others = [at for at in range(len(names)) if at != base]
    if not others:
        raise ConfigError("The pilot has one variant only.", hint="Plan from a run of at least two variants.")
    at = others[0] if variant is None else names.index(variant_named(variant, frame, names))
    first, second = scores.means[:, at], scores.means[:, base]
    both = ~np.isnan(first) & ~np.isnan(second)
    paired = int(both.sum()) >= 2
    noise = _noise(frame, scores, metric, (at, base))
    repeats = max(1, round(scores.repeats))
    if paired:
        total, changed = float((first - second)[both].var(ddof=1)), float((first != second)[both].mean())
    else:
        sides = [side[~np.isnan(side)] for side in (first, second)]
        if min(map(len, sides)) < 2:
            raise ConfigError(
                "The pilot has too few items to see how much they vary.", hint="Run at least 2, better 20."
            )
        total, changed = float(np.mean([side.var(ddof=1) for side in sides])), 0.0
        noise /= 2
    return Pilot(
        between=max(total - noise / repeats, 0.0),
        within=noise,
        changed=changed if paired and scores.kind.kind == "pass/fail" and not scores.repeated else None,
        price=float(scores.prices[at] + scores.prices[base]),
        repeats=repeats,
        paired=paired,
    )


def _noise(frame: DataFrame, scores: ItemScores, metric: str, variants: tuple[int, int]) -> float:
    """Variance between the repeats of an item, summed over both variants; 0 where there are no repeats."""
    if not scores.repeated:
        return 0.0
    noise = 0.0
    for at in variants:
        own = frame.loc[frame["variant"].astype(str) == scores.variants[at], ["item", metric]]
        spread = own.groupby("item", observed=True)[metric].agg(["var", "count"])
        spread = spread[spread["count"] > 1]
        freedom = (spread["count"] - 1).sum()
        noise += float((spread["var"] * (spread["count"] - 1)).sum() / freedom) if freedom else 0.0
    return noise


def plan_power(
    n: int | None = None,
    effect: float | None = None,
    pilot: Pilot | None = None,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    comparisons: int = 1,
    repeats: int | None = None,
    paired: bool | None = None,
) -> PowerPlan:
    """Items for an effect, the effect that items can find, or the power of both.

    Student's t test, from statsmodels, with the standard deviation that the pilot showed (without one: 1, so that the
    effect is Cohen's d).

    Args:
        n: Items.
        effect: Difference of the means.
        pilot: What a first run told.
        power: Wanted, where not both ``n`` and ``effect`` are given.
        alpha: Two-sided error, shared between the comparisons.
        comparisons: How many variants are compared with the baseline.
        repeats: Trials of each item; the pilot's.
        paired: Whether both variants get the same items; as in the pilot, else yes.

    Raises:
        ConfigError: Neither ``n`` nor ``effect`` is given, or one cannot be.
    """
    if n is None and effect is None:
        raise ConfigError("What shall be planned?", hint="Give effect=..., for the items; or n=..., for the effect.")
    _check(n, effect, power, alpha, comparisons, repeats)
    by_item = paired if paired is not None else pilot is None or pilot.paired
    trials = repeats or (pilot.repeats if pilot else 1)

    def reached(items: float, difference: float) -> float:
        deviation = 1.0 if pilot is None else pilot.deviation(trials, difference)
        return _power(difference / deviation if deviation else inf, items, alpha / comparisons, by_item)

    size = abs(effect) if effect is not None else _least_effect(lambda of: reached(n or 2, of), power)
    items = n if n is not None else _least_items(lambda of: reached(of, size), power)
    price = nan if pilot is None else items * trials * pilot.price
    return PowerPlan(
        n=items,
        effect=size,
        power=reached(items, size),
        deviation=1.0 if pilot is None else pilot.deviation(trials, size),
        paired=by_item,
        repeats=trials,
        alpha=alpha / comparisons,
        comparisons=comparisons,
        cost_usd=None if isnan(price) else price,
    )


def _check(
    n: int | None, effect: float | None, power: float, alpha: float, comparisons: int, repeats: int | None
) -> None:
    is_error = is_real(alpha) and 0 < alpha < 1
    wrong = [
        f"n={n!r}: a whole number from 2" if n is not None and not (is_whole(n) and n >= 2) else "",
        f"effect={effect!r}: a number, and not 0" if effect is not None and not (is_real(effect) and effect) else "",
        f"alpha={alpha!r}: between 0 and 1" if not is_error else "",
        f"power={power!r}: between alpha and 1" if is_error and not (is_real(power) and alpha < power < 1) else "",
        f"comparisons={comparisons!r}: a whole number from 1"
        if not (is_whole(comparisons) and comparisons >= 1)
        else "",
        f"repeats={repeats!r}: a whole number from 1"
        if repeats is not None and not (is_whole(repeats) and repeats >= 1)
        else "",
    ]
    if told := [each for each in wrong if each]:
        raise ConfigError(f"This cannot be planned: {'; '.join(told)}.", hint="power(effect=0.05, pilot=result)")


def _power(effect_size: float, items: float, alpha: float, paired: bool) -> float:
    from statsmodels.stats.power import TTestIndPower, TTestPower  # type: ignore[import-untyped]

    if effect_size * sqrt(items) > _CERTAIN:
        return 1.0
    return float((TTestPower() if paired else TTestIndPower()).power(effect_size, items, alpha))


def _least_items(power_of: Callable[[int], float], wanted: float) -> int:
    """The least number of items with that power, by doubling and halving."""
    high = 2
    while power_of(high) < wanted:
        if high > _MOST:
            raise ConfigError(f"More than {_MOST:,} items would be needed.", hint="Plan for a larger effect.")
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) >= wanted else (middle, high)
    return high


def _least_effect(power_of: Callable[[float], float], wanted: float) -> float:
    high = 1e-6
    while power_of(high) < wanted:
        high *= 2
    return bisect(lambda effect: power_of(effect) < wanted, high / 2, high)
