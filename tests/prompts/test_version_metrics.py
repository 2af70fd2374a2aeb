"""What is recorded of versions, and what it comes to, on every kind of store."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime, timedelta, timezone

import pytest

from dknb.prompts.versioning import ABTestManager, MetricEvent, MetricsCollector, PromptMetrics, PromptVariant

HALVES = [PromptVariant("1.0.0"), PromptVariant("1.1.0")]
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def collector(store):
    return MetricsCollector(store)


async def test_averages_are_over_the_events_that_have_the_value(collector, reopened):
    """An event without seconds, tokens or a rating counts as a use, and in no average of them."""
    await collector.record_event("v", response_time=1.0, tokens=100, user_rating=4)
    await collector.record_event("v", success=False, response_time=3.0)
    await collector.record_event("v", user_rating=5, metadata={"by": "Ada"})
    await collector.record_event("other", tokens=7)
    metrics = await MetricsCollector(reopened()).get_metrics("v")
    assert (metrics.total_uses, metrics.success_count, metrics.error_count) == (3, 2, 1)
    assert metrics.success_rate == pytest.approx(2 / 3)
    assert (metrics.avg_response_time, metrics.avg_tokens, metrics.avg_rating) == (2.0, 100.0, 4.5)
    assert metrics.user_ratings == [4.0, 5.0]
    assert [metrics.uses_with(name) for name in ("avg_response_time", "avg_tokens", "avg_rating")] == [2, 1, 2]
    assert metrics.last_used.utcoffset().total_seconds() == 0
    assert PromptMetrics.from_dict(metrics.to_dict()) == metrics


async def test_a_version_that_was_never_used_has_no_uses(collector):
    """No uses, no error, and no average of nothing."""
    metrics = await collector.get_metrics("v")
    assert metrics == PromptMetrics("v", timed_uses=0, counted_uses=0)
    assert (metrics.success_rate, metrics.avg_tokens, metrics.last_used) == (0.0, 0.0, None)
    assert await collector.get_events("v") == []


def test_metrics_made_by_hand_divide_by_all_uses():
    """Who does not say how many uses have a value says that all do."""
    metrics = PromptMetrics(
        "v", total_uses=10, success_count=8, error_count=2, total_response_time=5, total_tokens=1000
    )
    assert (metrics.success_rate, metrics.avg_response_time, metrics.avg_tokens) == (0.8, 0.5, 100.0)


async def test_events_are_given_as_they_were_recorded(store, collector):
    """The newest first, from a time on, up to a time, at most so many; a time without a zone is UTC."""
    tests = ABTestManager(store)
    experiment = await tests.create_experiment("a", "user", HALVES)
    made = [
        MetricEvent("v", NOON + timedelta(hours=hour), hour != 2, hour / 10, hour, 1 + hour, {"hour": hour, "é": None})
        for hour in (2, 0, 1)
    ]
    for event in made:
        assert await tests.record_metric(experiment, "1.0.0", event) == event
    late, first, middle = made
    assert await collector.get_events("v") == [late, middle, first]
    assert await collector.get_events("v", limit=1) == [late]
    assert await collector.get_events("v", start_time=middle.timestamp) == [late, middle]
    naive = middle.timestamp.replace(tzinfo=None)
    assert await collector.get_events("v", end_time=naive) == [middle, first]
    assert MetricEvent.from_dict(late.to_dict()) == late


async def test_variants_are_compared_by_what_was_recorded_for_the_experiment(store, collector):
    """Not by what was recorded of versions elsewhere; and it says where there are too few events."""
    tests = ABTestManager(store)
    experiment = await tests.create_experiment("a", "user", HALVES)
    await collector.record_event("1.0.0", success=False)
    for number in range(40):
        await tests.record_metric(experiment, "1.0.0", MetricEvent(success=number % 4 != 0, tokens=10))
    for _ in range(10):
        await tests.record_metric(experiment, "1.1.0", MetricEvent(success=True))
    compared = await collector.compare_variants(experiment.experiment_id)
    assert compared == {"1.0.0": 0.75, "1.1.0": 1.0}
    assert (compared.too_few, compared.comparable) == (["1.1.0"], False)
    assert "too few events to compare: 1.1.0 (at least 30 each)" in repr(compared)
    tokens = await collector.compare_variants(experiment, "avg_tokens")
    assert tokens.events == {"1.0.0": 40, "1.1.0": 0}
    assert "1.1.0: no events" in repr(tokens)
    whole = await collector.collect_metrics(experiment.experiment_id)
    assert (whole.total_uses, whole.success_count, whole.avg_tokens) == (50, 40, 10.0)
    of_arms = await collector.get_experiment_metrics(experiment)
    assert [of_arms[version].total_uses for version in ("1.0.0", "1.1.0")] == [40, 10]
    assert (await collector.get_metrics("1.0.0")).total_uses == 41
    frame = tests.to_frame()
    assert frame["uses"].tolist() == [40, 10]
    assert frame["users"].tolist() == [0, 0]
    assert math.isnan(frame["avg_tokens"][1])


async def test_versions_are_compared_and_ranked(collector):
    """Less is better for seconds and tokens; who has no value for a metric is in no ranking by it."""
    for version, good, seconds in [("a", 1, 3.0), ("b", 3, 1.0), ("c", 2, None)]:
        for number in range(4):
            await collector.record_event(version, success=number < good, response_time=seconds)
    ids = ["a", "b", "c", "never used"]
    assert await collector.get_top_versions(ids) == [("b", 0.75), ("c", 0.5), ("a", 0.25)]
    assert await collector.get_top_versions(ids, limit=1) == [("b", 0.75)]
    assert await collector.get_top_versions(ids, "avg_response_time") == [("b", 1.0), ("a", 3.0)]
    compared = await collector.compare_variants(ids)
    assert [each.success_count for each in compared.values()] == [1, 3, 2, 0]
    summary = await collector.get_summary(ids)
    assert (summary["total_versions"], summary["total_uses"], summary["overall_success_rate"]) == (4, 12, 0.5)
    assert summary["versions"]["b"]["avg_response_time"] == 1.0
    assert (await collector.get_experiment_metrics("no id", ["b"]))["b"].total_uses == 4


async def test_uses_over_time(store, collector):
    """By hour, day or week; an average is over the uses of the span that have the value."""
    tests = ABTestManager(store)
    experiment = await tests.create_experiment("a", "user", HALVES)
    for minutes, seconds in [(0, 1.0), (30, None), (61, 5.0), (60 * 30, None)]:
        event = MetricEvent("v", NOON + timedelta(minutes=minutes), response_time=seconds)
        await tests.record_metric(experiment, "1.0.0", event)
    hours = await collector.get_version_performance_over_time("v")
    assert [(each["time_bucket"], each["total_uses"], each["avg_response_time"]) for each in hours] == [
        ("2026-03-01 12:00", 2, 1.0),
        ("2026-03-01 13:00", 1, 5.0),
        ("2026-03-02 18:00", 1, 0.0),
    ]
    assert [each["time_bucket"] for each in await collector.get_version_performance_over_time("v", "week")] == [
        "2026-W09",
        "2026-W10",
    ]


async def test_metrics_are_reset(collector):
    """All events of one version are gone, and of no other."""
    await collector.record_event("v")
    await collector.record_event("w")
    assert await collector.reset_metrics("v") is True
    assert await collector.reset_metrics("v") is False
    assert (await collector.get_metrics("v")).total_uses == 0
    assert (await collector.get_metrics("w")).total_uses == 1


async def test_events_recorded_at_once_are_all_kept(collector):
    """Side by side, each is a row."""
    await asyncio.gather(*(collector.record_event("v", tokens=number) for number in range(500)))
    metrics = await collector.get_metrics("v")
    assert (metrics.total_uses, metrics.total_tokens) == (500, sum(range(500)))


async def test_a_dict_is_a_place_in_memory():
    """Managers that share one share what is in it."""
    place = {}
    experiment = await ABTestManager(place).create_experiment("a", "user", HALVES)
    await ABTestManager(place).record_metric(experiment, "1.0.0", MetricEvent("x", success=False))
    assert await MetricsCollector(place).compare_variants(experiment.experiment_id) == {"1.0.0": 0.0, "1.1.0": 0.0}
