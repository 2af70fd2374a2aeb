"""Variants compared on a table of trials, with a verdict on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from ...errors import ConfigError, TooFewItems
from .asking import check_frame, checked_margins, checked_metrics, checked_paired, checked_settings
from .baselines import variant_named
from .contrasts import check_test
from .describing import AskedFor, Table, described, judged, price
from .items import Errors, item_scores
from .measuring import measure
from .notes import family_note, margin_note, missing_notes
from .scales import default_margin
from .significance import adjusted
from .verdicts import Chances, Margin

if TYPE_CHECKING:
    from ..._frames import DataFrame
    from ..scoring.kinds import MetricKind
    from .estimates import Settings

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
    check_frame(frame)
    metrics = checked_metrics(metric)
    settings = checked_settings(confidence, resamples, minimum, seed)
    plan = _Plan(settings, correction, _family(family), test, checked_paired(paired), minimum, errors)
    check_test(test)
    adjusted([], correction)
    margins = checked_margins(margin, metrics)
    tables = [_table(frame, each, baseline, kinds, margins[each], plan) for each in metrics]
    if refuse:
        _refuse_few(tables, plan)
    rows = _judged(tables, plan)
    return _framed(rows, tables, plan)


def _family(family: str) -> Family:
    if family in get_args(Family):
        return cast("Family", family)
    raise ConfigError(f"There is no family {family!r}.", hint='family="table" or family="metric"')


def _table(
    frame: DataFrame,
    metric: str,
    baseline: str | None,
    kinds: Mapping[str, MetricKind] | None,
    margin: float | None,
    plan: _Plan,
) -> Table:
    scores = item_scores(frame, metric, kinds, errors=plan.errors)
    if not scores.variants:
        raise ConfigError("There are no trials.", hint="Run the experiment first.")
    name = scores.variants[0] if baseline is None else variant_named(baseline, frame, scores.variants)
    at = scores.variants.index(name)
    measured = measure(scores, at, plan.settings, paired=plan.paired, test=plan.test, minimum=plan.minimum)
    width = default_margin(scores.kind, scores.means) if margin is None else float(margin)
    return Table(scores, measured, at, Margin(width, margin is not None))


def _refuse_few(tables: Sequence[Table], plan: _Plan) -> None:
    """Refuse where nothing can be compared; one variant alone is described, and there is nothing to refuse."""
    if any(one.contrast for table in tables for one in table.measured) or len(tables[0].measured) == 1:
        return
    table = tables[0]
    one = max((each for each in table.measured if each.at != table.baseline), key=lambda each: each.usable)
    if plan.paired and not one.shared and one.items:
        raise ConfigError("paired=True, and no item has a score on both sides.", hint="Leave paired= out.")
    more = plan.minimum - one.usable
    raise TooFewItems(one.usable, plan.minimum, price(table, one, more))


def _judged(tables: Sequence[Table], plan: _Plan) -> list[dict[str, Any]]:
    """The rows with corrected p values and verdicts."""
    families = [list(tables)] if plan.family == "table" else [[table] for table in tables]
    rows = []
    for family in families:
        found = [(table, one) for table in family for one in table.measured]
        many = sum(one.contrast is not None for _, one in found)
        asked = AskedFor(
            plan.settings.confidence, plan.minimum, plan.paired, 1 if plan.correction == "none" else max(many, 1)
        )
        contrasts = [(one.contrast, table.margin.width) for table, one in found]
        corrected = [
            adjusted(p_values, plan.correction)
            for p_values in (
                [each.p if each else nan for each, _ in contrasts],
                [each.none_p() if each else nan for each, _ in contrasts],
                [each.tie_p(width) if each else nan for each, width in contrasts],
            )
        ]
        for (table, one), chances in zip(found, map(Chances, *corrected), strict=True):
            rows.append(described(table, one) | judged(table, one, chances, asked))
    return rows


def _framed(rows: list[dict[str, Any]], tables: Sequence[Table], plan: _Plan) -> DataFrame:
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


def _facts(tables: Sequence[Table], plan: _Plan) -> dict[str, Any]:
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
