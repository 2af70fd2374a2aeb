"""The variants of an experiment beside each other, as far as they can be compared."""

from __future__ import annotations

from collections.abc import Mapping

from .measures import PromptMetrics

__all__ = ["MIN_EVENTS", "VariantComparison"]

#: Events that each variant must have before a difference between them is worth a look.
MIN_EVENTS = 30


class VariantComparison(dict[str, float]):
    """The value of a metric for each variant, by version.

    It is no verdict: what looks better may be chance. `dknb.experiments` has the statistics.

    Attributes:
        metric: Which metric.
        metrics: All metrics of each variant.
        events: How many events of each variant have a value for the metric.
        too_few: The variants with less than ``MIN_EVENTS`` of them: their values say next to nothing yet.
    """

    def __init__(self, metric: str, metrics: Mapping[str, PromptMetrics]) -> None:
        super().__init__({version: float(getattr(each, metric)) for version, each in metrics.items()})
        self.metric = metric
        self.metrics = dict(metrics)
        self.events = {version: each.uses_with(metric) for version, each in metrics.items()}
        self.too_few = [version for version, count in self.events.items() if count < MIN_EVENTS]

    @property
    def comparable(self) -> bool:
        """Whether every variant has enough events to look at the difference."""
        return not self.too_few

    def __repr__(self) -> str:
        rows = [f"{version}: {self._told(version)}" for version in self]
        if self.too_few:
            rows.append(f"too few events to compare: {', '.join(self.too_few)} (at least {MIN_EVENTS} each)")
        return "\n".join([f"{self.metric} by variant", *rows])

    def _told(self, version: str) -> str:
        count = self.events[version]
        return f"{self[version]:.4g} ({count} event{'' if count == 1 else 's'})" if count else "no events"
