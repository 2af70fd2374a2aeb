"""The rows of a comparison: what was measured, and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

from .verdicts import items_needed, verdict_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .contrasts import Contrast
    from .items import ItemScores
    from .measuring import Measured
    from .verdicts import Chances, Margin

__all__ = ["AskedFor", "Table", "described", "judged", "price"]

_NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(("difference", "difference_se", "difference_low", "difference_high"), nan),
    **dict.fromkeys(("p", "p_adjusted", "effect_size", "more_items", "more_cost_usd"), nan),
    **dict.fromkeys(("difference_method", "test", "effect", "verdict"), None),
    "pairs": 0,
    "note": "",
}


#: Cochran's rule: so many times the squared skewness are items enough for a mean (Sampling Techniques, 3rd ed., p. 42).
_OF_SKEWNESS = 25


@dataclass(slots=True)
class Table:
    """One metric, measured."""

    scores: ItemScores
    measured: list[Measured]
    baseline: int
    margin: Margin


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What a verdict goes by.

    Attributes:
        confidence: One minus the error that all comparisons share.
        minimum: Items below which nothing is compared.
        paired: Whether pairs were asked for or refused.
        family: How many comparisons share the error.
    """

    confidence: float
    minimum: int
    paired: bool | None
    family: int


def price(table: Table, one: Measured, items: float) -> float:
    """What further items cost on a variant and on the baseline; NaN where a price is not known."""
    prices = table.scores.prices
    return float(items * table.scores.repeats * (prices[one.at] + prices[table.baseline]))


def described(table: Table, one: Measured) -> dict[str, Any]:
    """What is known of a variant alone."""
    scores = table.scores
    return {
        "metric": scores.metric,
        "variant": scores.variants[one.at],
        "n": one.items,
        "trials": int(scores.trials[:, one.at].sum()),
        "errors": int(scores.missing[one.at]),
        "mean": one.mean.value,
        "se": one.error,
        "low": one.mean.low,
        "high": one.mean.high,
        "method": one.mean.method,
        "probability_best": one.best,
        "margin": table.margin.width,
        "dropped": one.dropped,
    }


def judged(table: Table, one: Measured, chances: Chances, asked: AskedFor) -> dict[str, Any]:
    """How it differs from the baseline, with the verdict."""
    row = dict(_NOTHING)
    if one.at == table.baseline:
        return row | {"note": "baseline"}
    contrast = one.contrast
    if contrast is None:
        more = asked.minimum - one.usable
        note = f"{_items(one.usable)} too few: {more} more are needed for a comparison"
        row |= {"verdict": "undecided", "more_items": float(more), "more_cost_usd": price(table, one, more)}
        return row | {"note": note}
    confidence, higher = asked.confidence, table.scores.kind.higher_is_better
    verdict = verdict_of(contrast, chances, table.margin, confidence=confidence, higher_is_better=higher)
    row |= {
        "difference": contrast.difference.value,
        "difference_se": contrast.error,
        "difference_low": contrast.difference.low,
        "difference_high": contrast.difference.high,
        "difference_method": contrast.difference.method,
        "pairs": contrast.items if contrast.paired else 0,
        "p": contrast.p,
        "p_adjusted": chances.test,
        "test": contrast.test,
        "effect_size": contrast.effect[0],
        "effect": contrast.effect[1],
        "verdict": verdict,
    }
    if verdict == "undecided":
        more_items = items_needed(contrast, table.margin, family=asked.family, confidence=confidence)
        row |= {"more_items": more_items, "more_cost_usd": price(table, one, more_items)}
    return row | {"note": "; ".join(_notes(contrast, one, chances, table.margin, asked, verdict))}


def _notes(
    contrast: Contrast, one: Measured, chances: Chances, margin: Margin, asked: AskedFor, verdict: str
) -> list[str]:
    notes = []
    if not contrast.paired:
        notes.append(_unpaired(one, asked))
    elif one.dropped:
        notes.append(f"{one.dropped} {'item' if one.dropped == 1 else 'items'} without a pair were left out")
    if verdict == "undecided" and chances.test <= 1 - asked.confidence < chances.interval:
        notes.append("the interval at the corrected level includes no difference (skewed or rare scores)")
    if contrast.items < _OF_SKEWNESS * contrast.skewness**2:
        notes.append(f"the scores are skewed ({contrast.skewness:+.1f}): so few items err more often than they say")
    is_near = abs(contrast.difference.value) <= margin.width
    if verdict == "undecided" and contrast.within is None and is_near:
        notes.append("almost all scores are alike, which shows no tie where the metric has no bounds: say kinds=...")
    return notes


def _unpaired(one: Measured, asked: AskedFor) -> str:
    if not one.shared:
        return "not paired: the items differ"
    if asked.paired is False:
        return "not paired, as asked"
    return f"not paired: only {one.shared} of {one.usable} items are on both sides (paired=True compares just these)"


def _items(count: int) -> str:
    return "1 item is" if count == 1 else f"{count} items are"
