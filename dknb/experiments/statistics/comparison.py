"""Variants compared on a table of trials, with a verdict on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from ...errors import ConfigError, TooFewItems
from .baselines import variant_named
from .contrasts import check_test
from .estimates import Settings
from .items import Errors, ItemScores, item_scores
from .measuring import Measured, measure
from .notes import family_note, margin_note, missing_notes
from .scales import default_margin
from .significance import adjusted, tie_p
from .verdicts import Margin, items_needed, verdict_of

if TYPE_CHECKING:
    from ..._frames import DataFrame
    from ..scoring.kinds import MetricKind
    from .contrasts import Contrast

__all__ = ["COLUMNS", "MINIMUM", "Family", "compare"]

#: Below so many items there is no verdict.
MINIMUM = 10

#: The columns of a comparison, and their kinds.
COLUMNS = {
    "metric": "object",
    "variant": "object",
    "n": "int64",
    "trials": "int64",
    "errors": "int64",
    "mean": "float64",
    "se": "float64",
    "low": "float64",
    "high": "float64",
    "method": "object",
    "difference": "float64",
    "difference_se": "float64",
    "difference_low": "float64",
    "difference_high": "float64",
    "difference_method": "object",
    "pairs": "int64",
    "dropped": "int64",
    "p": "float64",
    "p_adjusted": "float64",
    "test": "object",
    "effect_size": "float64",
    "effect": "object",
    "probability_best": "float64",
    "margin": "float64",
    "verdict": "object",
    "more_items": "float64",
    "more_cost_usd": "float64",
    "note": "object",
}

_COMPARED = ("difference", "difference_se", "difference_low", "difference_high", "p", "p_adjusted", "effect_size")

Family = Literal["table", "metric"]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What does not change from metric to metric."""

    settings: Settings
    correction: str
    family: Family
    test: str
    paired: bool | None
    minimum: int
    errors: Errors


@dataclass(slots=True)
class _Table:
    """One metric, measured."""

    scores: ItemScores
    measured: list[Measured]
    baseline: int
    margin: Margin


def compare(
    frame: DataFrame,
    metric: str | Sequence[str],
    baseline: str | None = None,
    *,
    kinds: Mapping[str, MetricKind] | None = None,
    correction: str = "holm",
    confidence: float = 0.95,
    margin: float | Mapping[str, float] | None = None,
    errors: Errors = "drop",
    paired: bool | None = None,
    test: str = "auto",
    family: Family = "table",
    minimum: int = MINIMUM,
    resamples: int = 10_000,
    seed: int = 0,
    refuse: bool = True,
) -> DataFrame:
    """Compare variants with a baseline: a row a variant and metric, the best first.

    An item counts once, with the mean of its repeats. Which method gave an interval or a p stands beside it. The
    intervals are not corrected for the number of comparisons; ``p_adjusted`` and the verdicts are.

    Args:
        frame: Trials: at least ``item``, ``variant`` and the metrics.
        metric: One metric or several.
        baseline: A variant, or a prompt or model that only one variant has; the first variant if it is not given.
        kinds: What is known of metrics: pass/fail, scale or continuous; which way is better; bounds.
        correction: ``"holm"``, ``"benjamini-hochberg"`` or ``"none"``.
        confidence: Of the intervals; one minus it is the share of errors that the verdicts allow.
        margin: The largest difference that does not matter, in units of the metric, or by metric. The default is 2 % of
            a bounded scale, else a tenth of a standard deviation. Within a margin that you give, variants are tied even
            where a difference is found; the default one only tells "tied" from "undecided".
        errors: Trials without a score: ``"drop"`` leaves them out, ``"worst"`` counts them as the worst score.
        paired: Whether to compare by item; None: wherever most items of a variant are the baseline's too.
        test: ``"auto"`` (McNemar and Fisher for pass/fail, sign flips and permutations for scores), ``"permutation"``,
            ``"wilcoxon"`` or ``"t"``.
        family: What the correction counts together: all comparisons of this ``"table"``, or those of a ``"metric"``.
        minimum: Items below which nothing is compared, at least 2.
        resamples: Of bootstrap and permutations.
        seed: Of their random numbers: the same seed, the same result.
        refuse: Whether to raise where no variant has enough items, instead of saying so in each row.

    Returns:
        The columns ``COLUMNS``; ``se`` is the standard error, over items. ``frame.attrs`` has ``notes`` (sentences), ``baselines``, ``directions`` and what was
        asked for.

    Raises:
        ConfigError: An argument or a column that cannot be used.
        TooFewItems: No variant has enough items for a comparison.
    """
    metrics = [metric] if isinstance(metric, str) else list(metric)
    plan = _Plan(
        _checked(confidence, resamples, minimum, seed), correction, _family(family), test, paired, minimum, errors
    )
    check_test(test)
    adjusted([], correction)
    tables = [_table(frame, each, baseline, kinds, margin, plan) for each in metrics]
    if refuse:
        _refuse_few(tables, plan)
    rows = _judged(tables, plan)
    return _framed(rows, tables, plan)


def _checked(confidence: float, resamples: int, minimum: int, seed: int) -> Settings:
    if not 0.5 <= confidence < 1:
        raise ConfigError(f"A confidence of {confidence!r} is none.", hint="Give one from 0.5 to below 1, as 0.95")
    if resamples < 100:
        raise ConfigError(f"{resamples!r} resamples are too few.", hint="Give at least 100; 10,000 is the default.")
    if minimum < 2:
        raise ConfigError(f"minimum={minimum!r}: one item has no spread.", hint="Give at least 2")
    return Settings(confidence, resamples, seed)


def _family(family: str) -> Family:
    if family in get_args(Family):
        return cast("Family", family)
    raise ConfigError(f"There is no family {family!r}.", hint='family="table" or family="metric"')


def _table(
    frame: DataFrame,
    metric: str,
    baseline: str | None,
    kinds: Mapping[str, MetricKind] | None,
    margin: float | Mapping[str, float] | None,
    plan: _Plan,
) -> _Table:
    scores = item_scores(frame, metric, kinds, errors=plan.errors)
    if not scores.variants:
        raise ConfigError("There are no trials.", hint="Run the experiment first.")
    name = scores.variants[0] if baseline is None else variant_named(baseline, frame, scores.variants)
    at = scores.variants.index(name)
    given = margin.get(metric) if isinstance(margin, Mapping) else margin
    if given is not None and not given >= 0:
        raise ConfigError(f"A margin of {given!r} is none.", hint="Give 0 or more, in units of the metric.")
    measured = measure(scores, at, plan.settings, paired=plan.paired, test=plan.test, minimum=plan.minimum)
    width = default_margin(scores.kind, scores.means) if given is None else float(given)
    return _Table(scores, measured, at, Margin(width, given is not None))


def _refuse_few(tables: Sequence[_Table], plan: _Plan) -> None:
    """Refuse where nothing can be compared; one variant alone is described, and there is nothing to refuse."""
    if any(one.contrast for table in tables for one in table.measured) or len(tables[0].measured) == 1:
        return
    table = tables[0]
    one = max((each for each in table.measured if each.at != table.baseline), key=lambda each: each.usable)
    more = plan.minimum - one.usable
    raise TooFewItems(one.usable, plan.minimum, _price(table, one, more))


def _price(table: _Table, one: Measured, items: float) -> float:
    """What further items cost on a variant and on the baseline; NaN where a price is not known."""
    prices = table.scores.prices
    return float(items * table.scores.repeats * (prices[one.at] + prices[table.baseline]))


def _judged(tables: Sequence[_Table], plan: _Plan) -> list[dict[str, Any]]:
    """The rows with corrected p values and verdicts."""
    families = [list(tables)] if plan.family == "table" else [[table] for table in tables]
    rows = []
    for family in families:
        found = [(table, one) for table in family for one in table.measured]
        p_values = [one.contrast.p if one.contrast else nan for _, one in found]
        ties = [_tie(table, one) for table, one in found]
        many = sum(one.contrast is not None for _, one in found)
        corrected = zip(adjusted(p_values, plan.correction), adjusted(ties, plan.correction), strict=True)
        for (table, one), (p, tie) in zip(found, corrected, strict=True):
            rows.append(_described(table, one) | _verdict(table, one, p, tie, many, plan))
    return rows


def _tie(table: _Table, one: Measured) -> float:
    if one.contrast is None:
        return nan
    contrast = one.contrast
    return tie_p(contrast.difference.value, contrast.error, contrast.freedom, table.margin.width)


def _described(table: _Table, one: Measured) -> dict[str, Any]:
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


def _verdict(table: _Table, one: Measured, p: float, tie: float, many: int, plan: _Plan) -> dict[str, Any]:
    row: dict[str, Any] = {
        **dict.fromkeys(_COMPARED, nan),
        "difference_method": None,
        "pairs": 0,
        "test": None,
        "effect": None,
    }
    row |= {"verdict": None, "more_items": nan, "more_cost_usd": nan, "note": ""}
    if one.at == table.baseline:
        return row | {"note": "baseline"}
    contrast = one.contrast
    if contrast is None:
        more = plan.minimum - one.usable
        note = f"{one.usable} items are too few: {more} more are needed for a comparison"
        row |= {"verdict": "undecided", "more_items": float(more), "more_cost_usd": _price(table, one, more)}
        return row | {"note": note}
    confidence, higher = plan.settings.confidence, table.scores.kind.higher_is_better
    verdict = verdict_of(contrast, p, tie, table.margin, confidence=confidence, higher_is_better=higher)
    row |= {
        "difference": contrast.difference.value,
        "difference_se": contrast.error,
        "difference_low": contrast.difference.low,
        "difference_high": contrast.difference.high,
        "difference_method": contrast.difference.method,
        "pairs": contrast.items if contrast.paired else 0,
        "p": contrast.p,
        "p_adjusted": p,
        "test": contrast.test,
        "effect_size": contrast.effect[0],
        "effect": contrast.effect[1],
        "verdict": verdict,
    }
    if verdict == "undecided":
        family = 1 if plan.correction == "none" else many
        more_items = items_needed(contrast, table.margin, family=family, confidence=confidence)
        row |= {"more_items": more_items, "more_cost_usd": _price(table, one, more_items)}
    return row | {"note": _note(contrast, one)}


def _note(contrast: Contrast, one: Measured) -> str:
    if not contrast.paired:
        return "not paired: the items differ"
    return f"{one.dropped} items without a pair were left out" if one.dropped else ""


def _framed(rows: list[dict[str, Any]], tables: Sequence[_Table], plan: _Plan) -> DataFrame:
    import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

    ordered = []
    for table in tables:
        sign = -1.0 if table.scores.kind.higher_is_better else 1.0
        own = [row for row in rows if row["metric"] == table.scores.metric]
        ordered += sorted(own, key=lambda row: (isnan(row["mean"]), sign * row["mean"]))
    columns = {name: pd.Series([row[name] for row in ordered], dtype=kind) for name, kind in COLUMNS.items()}
    frame = pd.DataFrame(columns)
    frame.attrs.update(_facts(tables, plan))
    return frame


def _facts(tables: Sequence[_Table], plan: _Plan) -> dict[str, Any]:
    many = sum(one.contrast is not None for table in tables for one in table.measured)
    return {
        "confidence": plan.settings.confidence,
        "correction": plan.correction,
        "baselines": {table.scores.metric: table.scores.variants[table.baseline] for table in tables},
        "directions": {
            table.scores.metric: "higher" if table.scores.kind.higher_is_better else "lower" for table in tables
        },
        "notes": [
            family_note(plan.correction, plan.family, many, len(tables)),
            *(margin_note(table.scores, table.margin) for table in tables),
            *(note for table in tables for note in missing_notes(table.scores, plan.errors)),
        ],
    }
