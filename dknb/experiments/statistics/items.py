"""From a table of trials to one number an item and variant: what all statistics of an experiment rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError, did_you_mean
from .scales import scale_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..._frames import DataFrame
    from ..scoring.kinds import MetricKind

__all__ = ["Errors", "Floats", "ItemScores", "item_scores", "label_text", "scores_column"]

Floats = NDArray[np.float64]
Errors = Literal["drop", "worst"]
#: Squares and sums of squares of such numbers can still be computed with.
_LARGEST = 1e100


@dataclass(frozen=True, slots=True)
class ItemScores:
    """One metric of a table of trials, averaged over the repeats of each item.

    Items are the unit that is sampled: repeats of an item are alike, so they count as one observation of it
    (a cluster). Every item weighs the same, however many repeats of it there are.

    Attributes:
        metric: Its name.
        kind: What kind of numbers it has.
        variants: The variants, in the order in which they come up.
        items: The items, in the order of their labels, so that the order of the trials makes no difference.
        means: Mean score by item and variant, of shape (items, variants); NaN where there is none.
        trials: The trials behind each mean, of the same shape.
        missing: By variant, the trials without a score.
        repeated: Whether an item has more than one trial of a variant.
        prices: By variant, the mean price of a trial in US dollars; NaN where it is not known.
        is_told: Whether somebody said what kind it is: else the bounds are what was seen.
    """

    metric: str
    kind: MetricKind
    variants: tuple[str, ...]
    items: tuple[str, ...]
    means: Floats
    trials: NDArray[np.int64]
    missing: NDArray[np.int64]
    repeated: bool
    prices: Floats
    is_told: bool

    @property
    def repeats(self) -> float:
        """Trials of an item on one variant, on average."""
        seen = self.trials[self.trials > 0]
        return float(seen.mean()) if len(seen) else 1.0


def item_scores(
    frame: DataFrame, metric: str, kinds: Mapping[str, MetricKind] | None = None, *, errors: Errors = "drop"
) -> ItemScores:
    """Average a metric over repeats.

    Args:
        frame: Trials, with the columns ``item``, ``variant`` and the metric.
        metric: A column of numbers; NaN is "no score".
        kinds: What is known of metrics, by name.
        errors: What becomes of a trial without a score: ``"drop"`` leaves it out, ``"worst"`` counts it as the worst
            score that there can be (the worst that was seen, where the metric has no bounds).

    Raises:
        ConfigError: A column is missing, or the metric is not made of finite numbers.
    """
    if errors not in ("drop", "worst"):
        raise ConfigError(f"errors={errors!r} is unknown.", hint='errors="drop" or errors="worst"')
    values = scores_column(frame, metric)
    kind = scale_of(metric, values, kinds)
    scored = ~np.isnan(values)
    absent = ~scored
    if errors == "worst" and scored.any():
        values = np.where(scored, values, _worst(values, kind))
        scored = np.ones(len(values), dtype=bool)
    items, item_labels = _numbered(frame, "item", is_sorted=True)
    variants, variant_labels = _numbered(frame, "variant")
    if (items < 0).any() or (variants < 0).any():
        raise ConfigError("There are trials without an item or without a variant.", hint="Drop or name them first.")
    shape = (len(item_labels), len(variant_labels))
    cell = items * shape[1] + variants
    trials = np.bincount(cell[scored], minlength=shape[0] * shape[1]).reshape(shape)
    sums = np.bincount(cell[scored], values[scored], minlength=shape[0] * shape[1]).reshape(shape)
    return ItemScores(
        metric=metric,
        kind=kind,
        variants=variant_labels,
        items=item_labels,
        means=_ratio(sums, trials),
        trials=trials,
        missing=np.bincount(variants[absent], minlength=shape[1]),
        repeated=bool(np.bincount(cell, minlength=1).max(initial=0) > 1),
        prices=_prices(frame, variants, shape[1]),
        is_told=bool(kinds and metric in kinds),
    )


def _numbered(frame: DataFrame, name: str, *, is_sorted: bool = False) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """A number for each label, and the labels as text: 7, 7.0 and "7" are the same; -1 where there is none."""
    import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

    codes, labels = pd.factorize(_labels(frame, name))
    again, texts = pd.factorize(np.array([label_text(label) for label in labels], dtype=object), sort=is_sorted)
    return np.append(again, -1)[codes], tuple(texts)


def label_text(label: Any) -> str:
    """A label as text; a whole number that became a float, as beside a missing one, is that number."""
    return str(int(label)) if isinstance(label, float | np.floating) and float(label).is_integer() else str(label)


def scores_column(frame: DataFrame, metric: str) -> Floats:
    """A metric as floats.

    Raises:
        ConfigError: There is no such column, or it holds what is no finite number.
    """
    import pandas as pd

    column = _labels(frame, metric)
    try:
        values: Floats = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"The column {metric!r} does not hold numbers.",
            hint="A metric is a column of numbers or of True and False.",
        ) from error
    if count := int(np.isinf(values).sum()):
        raise ConfigError(
            f"The metric {metric!r} is infinite in {count} rows.", hint="Give them NaN, or leave them out."
        )
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    if largest and not 1 / _LARGEST <= largest <= _LARGEST:
        raise ConfigError(
            f"The metric {metric!r} has values of the size {largest:.3g}, whose squares are no numbers.",
            hint="Give it in another unit.",
        )
    return values


def _labels(frame: DataFrame, name: str) -> DataFrame:
    if name not in frame.columns:
        known = [str(column) for column in frame.columns]
        raise ConfigError(f"The trials have no column {name!r}.{did_you_mean(name, known)}", hint=_listed(known))
    return frame[name]


def _listed(known: Sequence[str]) -> str:
    return f"Columns: {', '.join(known)}"


def _worst(values: Floats, kind: MetricKind) -> float:
    if kind.bounds is not None:
        return kind.bounds[0] if kind.higher_is_better else kind.bounds[1]
    return float(np.nanmin(values) if kind.higher_is_better else np.nanmax(values))


def _prices(frame: DataFrame, variants: NDArray[np.int64], many: int) -> Floats:
    """Mean price of a trial that was paid for; what came out of the store or a cache tells nothing about the next."""
    if "cost_usd" not in frame.columns:
        return np.full(many, np.nan)
    prices = scores_column(frame, "cost_usd")
    known = ~np.isnan(prices)
    if "cached" in frame.columns:
        cached = frame["cached"].eq(True).fillna(False).to_numpy(dtype=bool)
        known &= ~cached if (known & ~cached).any() else known
    counts = np.bincount(variants[known], minlength=many)
    sums = np.bincount(variants[known], prices[known], minlength=many)
    return _ratio(sums, counts)


def _ratio(sums: NDArray[Any], counts: NDArray[np.int64]) -> Floats:
    ratio: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return ratio
