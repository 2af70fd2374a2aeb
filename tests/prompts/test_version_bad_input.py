"""What an experiment refuses, and what it says then."""

from __future__ import annotations

import pytest

from dknb.errors import ConfigError, PromptError, PromptNotFound, VersioningError, VersionNotFound
from dknb.prompts.versioning import (
    ABTestManager,
    MetricEvent,
    MetricsCollector,
    PromptExperiment,
    PromptVariant,
    SQLVersionStorage,
    VersionManager,
)

A, B = PromptVariant("1.0.0"), PromptVariant("1.1.0", 3)


@pytest.mark.parametrize(
    ("variants", "split", "said"),
    [
        ([], None, "at least 2 variants, not 0"),
        ([A], None, "at least 2 variants, not 1"),
        ([A, A], None, "Two variants are of version '1.0.0'"),
        (["1.0.0", "1.1.0"], None, "are PromptVariant objects"),
        ([A, B], {"1.0.0": 0.7, "1.1.0": 0.7}, r"must sum to 1\.0, got 1\.4"),
        ([A, B], {"1.0.0": 0.5, "1.1.1": 0.5}, r"names '1\.1\.1', which is no variant\. Did you mean '1\.1\.0'"),
        ([A, B], {"1.0.0": -0.5, "1.1.0": 1.5}, "between 0 and 1, not -0.5"),
        ([A, B], {"1.0.0": float("nan"), "1.1.0": 1}, "between 0 and 1, not nan"),
        ([A, B], {}, r"must sum to 1\.0, got 0"),
        ([A, PromptVariant("2.0.0", metadata={"x": object()})], None, "metadata of the variant 2.0.0 cannot be kept"),
    ],
)
async def test_what_is_no_experiment_is_refused(variants, split, said):
    """Before anything is kept, with what is wrong."""
    tests = ABTestManager()
    with pytest.raises(VersioningError, match=said):
        await tests.create_experiment("a", "user", variants, split)
    assert await tests.list_experiments() == []


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), None, "1", True])
def test_a_weight_is_above_nought(weight):
    """A ValueError, as callers of such classes expect."""
    with pytest.raises(ValueError, match="weight must be positive"):
        PromptVariant("1.0.0", weight)


def test_an_experiment_has_a_split_and_a_status():
    """Also one that is made by hand."""
    with pytest.raises(ValueError, match=r"must sum to 1\.0"):
        PromptExperiment("id", "a", "user", [A, B], {"1.0.0": 0.5})
    with pytest.raises(ValueError, match=r"cannot be 'runing'\. Did you mean 'running'"):
        PromptExperiment("id", "a", "user", [A, B], {"1.0.0": 1}, status="runing")


async def test_unknown_things_are_named():
    """Experiments, variants, states and types that there are not."""
    tests = ABTestManager()
    made = await tests.create_experiment("a", "user", [A, B])
    with pytest.raises(VersioningError, match="Experiment not found: 'nobody'"):
        await tests.get_variant("nobody", "1.0.0")
    with pytest.raises(VersioningError, match="has no variant '9'") as caught:
        await tests.record_metric(made, "9", MetricEvent())
    assert caught.value.hint == "Its variants: 1.0.0, 1.1.0"
    with pytest.raises(VersioningError, match="cannot be 'stopped'"):
        await tests.update_experiment_status(made, "stopped")
    assert (await tests.get_experiment(made)).status == "running"
    with pytest.raises(VersioningError, match="no versions of type 'message'"):
        await tests.create_experiment("a", "message", [A, B])
    with pytest.raises(VersioningError, match="told by its id, a text, not by 7"):
        await tests.get_variant_for_user(7, "ada")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"user_rating": 5.1}, r"between 1\.0 and 5\.0, got 5\.1"),
        ({"user_rating": float("nan")}, "got nan"),
        ({"response_time": -1}, "response_time is seconds from 0"),
        ({"response_time": float("inf")}, "response_time is seconds from 0"),
        ({"tokens": 1.5}, "tokens is a whole number"),
        ({"tokens": 2**63}, "tokens is a whole number"),
        ({"success": "no"}, "success is true or false, not 'no'"),
        ({"metadata": {"x": {1, 2}}}, "metadata of an event cannot be kept"),
    ],
)
async def test_values_that_no_sum_can_have_are_refused(values, said):
    """And nothing of the event is kept."""
    collector = MetricsCollector()
    with pytest.raises(ValueError, match=said):
        await collector.record_event("v", **values)
    assert (await collector.get_metrics("v")).total_uses == 0


async def test_what_is_recorded_is_an_event():
    """Nothing else is taken for one, and a metric that there is not is named."""
    tests = ABTestManager()
    made = await tests.create_experiment("a", "user", [A, B])
    with pytest.raises(VersioningError, match=r"is a MetricEvent, not 0\.5"):
        await tests.record_metric(made, "1.0.0", 0.5)
    with pytest.raises(VersioningError, match=r"Invalid metric: 'succes_rate'\. Did you mean 'success_rate'"):
        await tests.metrics.compare_variants(made, "succes_rate")
    with pytest.raises(VersioningError, match=r"no spans of 'days'\. Did you mean 'day'"):
        await tests.metrics.get_version_performance_over_time("v", "days")


async def test_versions_that_are_not_there_are_named():
    """By the errors of prompts and of versions alike."""
    with pytest.raises(VersionNotFound) as caught:
        await VersionManager().promote_version("nobody")
    assert isinstance(caught.value, PromptNotFound)
    assert isinstance(caught.value, VersioningError)


@pytest.mark.parametrize("address", ["mysql://u:secret@host/db", "postgresql://u:sec@ret@:x/db:y:z", 7])
def test_a_place_that_is_none_is_refused_without_its_password(address):
    """Neither the message nor the hint shows what may be secret."""
    with pytest.raises(ConfigError) as caught:
        ABTestManager(address)
    assert "sec" not in str(caught.value) + str(caught.value.hint).replace("user:password", "")


async def test_a_file_that_is_no_database_says_so(tmp_path):
    """With the name of the file."""
    path = tmp_path / "v.db"
    path.write_bytes(b"no database, but long enough to be looked at" * 100)
    with pytest.raises(PromptError, match=r"v\.db cannot be used"):
        await ABTestManager(SQLVersionStorage(path)).list_experiments()
