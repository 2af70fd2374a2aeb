"""What an early stop leaves to a comparison: the verdicts of who looked after every item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from .items import label_text
from .sequential import VerdictWatch

if TYPE_CHECKING:
    from ..._frames import DataFrame
    from ..scoring.kinds import MetricKind
    from .evidence import WatchFinding

__all__ = ["options_of", "replayed", "watch_of", "with_findings"]


def watch_of(
    metric: str,
    kind: MetricKind,
    baseline: str | None,
    variants: Sequence[str],
    *,
    margin: float | None,
    confidence: float,
) -> VerdictWatch:
    """What watches a metric of that kind; the first variant is the baseline, if none is said."""
    return VerdictWatch(
        metric,
        baseline or variants[0],
        variants,
        bounds=kind.bounds,
        margin=margin,
        confidence=confidence,
        higher_is_better=kind.higher_is_better,
    )


def replayed(watch: VerdictWatch, frame: DataFrame, order: Sequence[str], trials: int) -> VerdictWatch:
    """The watch with the items that a run handed to it: in their order, up to the first that is not complete.

    Args:
        watch: One that has seen nothing.
        frame: The trials.
        order: The items' labels in the order in which they were run.
        trials: How many an item has, of all variants.
    """
    labels = frame["item"].map(label_text)
    complete = labels.value_counts()
    means = frame.groupby([labels, frame["variant"].astype(str)])[watch.metric].mean().unstack()
    for item in order:
        if complete.get(item, 0) < trials:
            break
        watch.add(item, {str(variant): float(score) for variant, score in means.loc[item].items()})
    return watch


def options_of(watch: VerdictWatch, metrics: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a comparison, with the confidence and the margin of the run where nothing else is said."""
    own: dict[str, Any] = {"confidence": watch.confidence}
    if watch.margin is not None and watch.metric in metrics:
        own["margin"] = {watch.metric: watch.margin}
    return own | dict(options)


def with_findings(table: DataFrame, watch: VerdictWatch) -> DataFrame:
    """A comparison with the verdicts, intervals and p of the watch, where it watched.

    Those of a fixed number of items do not hold for a run that ended when they looked well.

    Args:
        table: What ``compare`` gave.
        watch: What the run stopped by.
    """
    known = set(watch.verdicts)
    watched = table.attrs["baselines"].get(watch.metric) == watch.baseline
    for at, row in table.iterrows():
        if watched and row["metric"] == watch.metric and row["variant"] in known:
            for column, value in _cells(watch.finding(row["variant"])).items():
                table.loc[at, column] = value
    others = [metric for metric in table.attrs["baselines"] if not (watched and metric == watch.metric)]
    if watched:
        table.attrs["notes"].append(_told(watch))
    if others:
        table.attrs["notes"].append(
            f"{', '.join(others)}: the run could stop on {watch.metric} against {watch.baseline}, which these intervals "
            "and p do not allow for"
        )
    return table


def _cells(finding: WatchFinding) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "difference_low": finding.low if isfinite(finding.low) else nan,
        "difference_high": finding.high if isfinite(finding.high) else nan,
        "difference_method": finding.method,
        "p": finding.p,
        "p_adjusted": finding.p_adjusted,
        "test": finding.method,
        "verdict": finding.verdict,
    }
    if finding.verdict != "undecided":
        cells |= {"more_items": nan, "more_cost_usd": nan}
    return cells


def _told(watch: VerdictWatch) -> str:
    margin = "nothing is tied, as there is no margin" if not watch.margin else f"tied within ±{watch.margin:.3g}"
    return (
        f"{watch.metric}: the run could stop after any item, so the verdicts, p and intervals of the differences are "
        f"anytime-valid, at {watch.confidence:.0%} for all variants together; {margin}"
    )
