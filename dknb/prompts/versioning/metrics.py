"""What is recorded of versions in use, and what it comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ParamSpec, TypeVar, overload

from ...errors import VersioningError, did_you_mean
from .comparison import VariantComparison
from .experiments import PromptExperiment
from .measures import MetricEvent, PromptMetrics, checked_event, metrics_of
from .storage import StorageLike, StoredEvent, open_storage
from .together import Together

__all__ = ["MetricsCollector"]

P = ParamSpec("P")
T = TypeVar("T")

#: The metrics that versions are ranked by, and whether more is better.
_HIGHER_IS_BETTER = {"success_rate": True, "avg_rating": True, "avg_response_time": False, "avg_tokens": False}

#: How the time of an event names the span that it is in.
_SPANS = {"hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d", "week": "%G-W%V"}


class MetricsCollector:
    """Records uses of versions, a row each, and sums them up. An average is over the uses that have the value.

    Args:
        storage: Where it is kept, as for ``ABTestManager``; in memory if it is not given.
    """

    def __init__(self, storage: StorageLike = None) -> None:
        self.storage = open_storage(storage)
        self._recording: Together[StoredEvent, None] = Together(self._record, waits=self.storage.waits)

    async def record_event(
        self,
        version_id: str,
        success: bool = True,
        response_time: float | None = None,
        tokens: int | None = None,
        user_rating: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> MetricEvent:
        """Record one use of a version; it is kept when this returns.

        Args:
            version_id: The version's id, or its number.
            success: Whether it did what it should.
            response_time: Seconds; None if that is not known.
            tokens: Tokens; None if that is not known.
            user_rating: From 1 to 5; None if the user did not say.
            metadata: Anything else, as data that JSON holds.

        Raises:
            VersioningError: A value is not what it must be.
        """
        event = MetricEvent(
            version_id,
            success=success,
            response_time=response_time,
            tokens=tokens,
            user_rating=user_rating,
            metadata=dict(metadata or {}),
        )
        return await self.keep(checked_event(event))

    async def keep(
        self, event: MetricEvent, experiment_id: str | None = None, variant: str | None = None
    ) -> MetricEvent:
        """Append an event that was checked, of an arm of an experiment or of none."""
        await self._recording.do(StoredEvent(event, experiment_id, variant))
        return event

    async def get_metrics(self, version_id: str) -> PromptMetrics:
        """What the uses of a version come to; no uses, no error."""
        return await self._do(self.storage.version_metrics, version_id)

    async def get_events(
        self,
        version_id: str,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        limit: int | None = None,
    ) -> list[MetricEvent]:
        """The uses of a version, the newest first: those from a time on, up to a time, at most so many."""
        return await self._do(self.storage.events, version_id, start_time, end_time, limit)

    async def collect_metrics(self, experiment_id: str | PromptExperiment) -> PromptMetrics:
        """What all uses that were recorded for an experiment come to, whatever the variant.

        Raises:
            VersioningError: There is no such experiment.
        """
        experiment = await self._experiment(experiment_id)
        of_arms = await self._of_arms(experiment)
        return _together(experiment.experiment_id, of_arms.values())

    @overload
    async def compare_variants(
        self, which: str | PromptExperiment, metric: str = "success_rate"
    ) -> VariantComparison: ...

    @overload
    async def compare_variants(
        self, which: Sequence[str], metric: str = "success_rate"
    ) -> VariantComparison | dict[str, PromptMetrics]: ...

    async def compare_variants(
        self, which: str | PromptExperiment | Sequence[str], metric: str = "success_rate"
    ) -> VariantComparison | dict[str, PromptMetrics]:
        """The variants of an experiment, or versions, beside each other.

        Args:
            which: An experiment, or a list of versions.
            metric: What variants are compared by: success_rate, avg_rating, avg_response_time, avg_tokens.

        Returns:
            Of an experiment the value of the metric for each variant, which says where there are too few events; of a list of
            versions all metrics of each.

        Raises:
            VersioningError: There is no such experiment, or no such metric.
        """
        _check_metric(metric)
        if not isinstance(which, str | PromptExperiment):
            return {version: await self.get_metrics(version) for version in which}
        return VariantComparison(metric, await self._of_arms(await self._experiment(which)))

    async def get_experiment_metrics(
        self, experiment_id: str | PromptExperiment, variant_versions: Sequence[str] | None = None
    ) -> dict[str, PromptMetrics]:
        """The metrics of each variant of an experiment.

        Where versions are given and nothing was recorded for the experiment, they are those of the versions.

        Raises:
            VersioningError: There is no such experiment, and no versions are given.
        """
        try:
            of_arms = await self._of_arms(await self._experiment(experiment_id))
        except VersioningError:
            if variant_versions is None:
                raise
            of_arms = {}
        if variant_versions is None:
            return of_arms
        if not any(metrics.total_uses for metrics in of_arms.values()):
            return {version: await self.get_metrics(version) for version in variant_versions}
        return {version: of_arms.get(version, metrics_of(version, ())) for version in variant_versions}

    async def get_summary(self, version_ids: Iterable[str]) -> dict[str, Any]:
        """Versions summed up: all uses, successes and errors, the rate of all, and the figures of each version."""
        each = {version: await self.get_metrics(version) for version in version_ids}
        total = _together("", each.values())
        figures = ("success_rate", "avg_response_time", "avg_tokens", "avg_rating")
        return {
            "total_versions": len(each),
            "total_uses": total.total_uses,
            "total_successes": total.success_count,
            "total_errors": total.error_count,
            "overall_success_rate": total.success_rate,
            "versions": {
                version: {"uses": metrics.total_uses, **{name: getattr(metrics, name) for name in figures}}
                for version, metrics in each.items()
            },
        }

    async def get_top_versions(
        self, version_ids: Iterable[str], metric: str = "success_rate", limit: int = 5
    ) -> list[tuple[str, float]]:
        """The best versions by a metric, the best first; those without a value for it are left out.

        Less is better for avg_response_time and avg_tokens.

        Raises:
            VersioningError: There is no such metric.
        """
        _check_metric(metric)
        found = {version: await self.get_metrics(version) for version in version_ids}
        ranked = [(version, float(getattr(each, metric))) for version, each in found.items() if each.uses_with(metric)]
        return sorted(ranked, key=lambda pair: pair[1], reverse=_HIGHER_IS_BETTER[metric])[:limit]

    async def get_version_performance_over_time(
        self, version_id: str, bucket_size: str = "hour"
    ) -> list[dict[str, Any]]:
        """The uses of a version by ``hour``, ``day`` or ``week`` (ISO 8601, UTC), the earliest first.

        Raises:
            VersioningError: There is no such span.
        """
        if bucket_size not in _SPANS:
            raise VersioningError(
                f"There are no spans of {bucket_size!r}.{did_you_mean(str(bucket_size), _SPANS)}",
                hint=f"Spans: {', '.join(_SPANS)}",
            )
        spans: dict[str, list[MetricEvent]] = {}
        for event in reversed(await self.get_events(version_id)):
            spans.setdefault(event.timestamp.strftime(_SPANS[bucket_size]), []).append(event)
        return [_span(name, metrics_of(version_id, events)) for name, events in spans.items()]

    async def reset_metrics(self, version_id: str) -> bool:
        """Forget all uses of a version, for good; False if there are none."""
        return await self._do(self.storage.remove_events, version_id)

    async def _experiment(self, which: str | PromptExperiment) -> PromptExperiment:
        if isinstance(which, PromptExperiment):
            which = which.experiment_id
        experiment = await self._do(self.storage.experiment, which)
        if experiment is None:
            raise VersioningError(
                f"Experiment not found: {which!r}.", hint="Give a list to compare versions: [version_id, ...]"
            )
        return experiment

    async def _of_arms(self, experiment: PromptExperiment) -> dict[str, PromptMetrics]:
        found = await self._do(self.storage.experiment_metrics, experiment.experiment_id)
        return {version: found.get(version, metrics_of(version, ())) for version in experiment.versions}

    def _record(self, events: list[StoredEvent]) -> list[Exception | None]:
        self.storage.add_events(events)
        return [None] * len(events)

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(work, *args, **kwargs) if self.storage.waits else work(*args, **kwargs)


def _check_metric(metric: str) -> None:
    if metric not in _HIGHER_IS_BETTER:
        raise VersioningError(
            f"Invalid metric: {metric!r}.{did_you_mean(str(metric), _HIGHER_IS_BETTER)}",
            hint=f"Metrics: {', '.join(_HIGHER_IS_BETTER)}",
        )


def _together(version_id: str, all_metrics: Iterable[PromptMetrics]) -> PromptMetrics:
    listed = list(all_metrics)
    return PromptMetrics(
        version_id,
        total_uses=sum(each.total_uses for each in listed),
        success_count=sum(each.success_count for each in listed),
        error_count=sum(each.error_count for each in listed),
        total_response_time=sum(each.total_response_time for each in listed),
        total_tokens=sum(each.total_tokens for each in listed),
        user_ratings=[rating for each in listed for rating in each.user_ratings],
        last_used=max((each.last_used for each in listed if each.last_used is not None), default=None),
        timed_uses=sum(each.uses_with("avg_response_time") for each in listed),
        counted_uses=sum(each.uses_with("avg_tokens") for each in listed),
    )


def _span(name: str, metrics: PromptMetrics) -> dict[str, Any]:
    figures = ("total_uses", "success_count", "success_rate", "avg_response_time")
    return {"time_bucket": name, **{figure: getattr(metrics, figure) for figure in figures}}
