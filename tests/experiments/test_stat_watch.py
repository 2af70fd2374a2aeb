"""Verdicts while the items come in."""

from __future__ import annotations

import numpy as np
import pytest

from dknb.errors import ConfigError
from dknb.experiments import VerdictWatch


def _watched(scores, **options):
    """A watch that has seen all items, and after how many it was decided."""
    names = [f"v{at}" for at in range(scores.shape[1])]
    watch = VerdictWatch("score", "v0", names, **options)
    for at, row in enumerate(scores, 1):
        watch.add(str(at), dict(zip(names, row, strict=True)))
        if watch.decided:
            return watch, at
    return watch, len(scores)


def _passes(*rates, items=400, seed=5):
    return (np.random.default_rng(seed).random((items, len(rates))) < rates).astype(float)


def test_large_differences_end_it_early():
    """Both verdicts are there long before the items are used up."""
    watch, items = _watched(_passes(0.5, 0.95, 0.05), bounds=(0, 1))
    assert watch.verdicts == {"v1": "better", "v2": "worse"}
    assert items < 100


def test_less_may_be_better():
    """Then the words turn."""
    watch, _ = _watched(_passes(0.5, 0.95), bounds=(0, 1), higher_is_better=False)
    assert watch.verdicts == {"v1": "worse"}


def test_the_same_answers_are_tied():
    """Equal scores on item after item, within the margin."""
    watch, items = _watched(np.repeat(_passes(0.5), 2, axis=1), bounds=(0, 1), margin=0.1)
    assert (watch.verdicts, watch.decided) == ({"v1": "tied"}, True)
    assert 10 < items < 100


def test_scores_without_bounds_are_not_judged_before_three_hundred_items():
    """The asymptotic interval says nothing where rare scores may not have come yet."""
    watch, items = _watched(np.random.default_rng(1).normal((0, 3), size=(400, 2)))
    assert (watch.verdicts, items) == ({"v1": "better"}, 300)


def test_a_verdict_stays():
    """What comes afterwards is not looked at."""
    watch, _ = _watched(_passes(0.1, 0.9), bounds=(0, 1))
    for at in range(500):
        watch.add(f"late {at}", {"v0": 1.0, "v1": 0.0})
    assert watch.verdicts == {"v1": "better"}


def test_items_without_a_score_are_left_out():
    """None and NaN, on either side."""
    watch = VerdictWatch("score", "v0", ["v0", "v1"], bounds=(0, 1))
    for at in range(300):
        watch.add(str(at), {"v0": None, "v1": 1.0} if at % 2 else {"v0": 0.0, "v1": float("nan")})
    assert watch.verdicts == {"v1": "undecided"}


@pytest.mark.parametrize("score", [1.5, float("inf"), -0.1])
def test_a_score_out_of_bounds_is_refused(score):
    """It would make the promise void."""
    with pytest.raises(ConfigError, match="outside of its bounds"):
        VerdictWatch("score", "v0", ["v0", "v1"], bounds=(0, 1)).add("a", {"v0": 0.0, "v1": score})


def test_one_variant_is_nothing_to_decide():
    """Neither is a confidence of 95."""
    with pytest.raises(ConfigError, match="one variant only"):
        VerdictWatch("score", "v0", ["v0"])
    with pytest.raises(ConfigError, match="confidence of 95"):
        VerdictWatch("score", "v0", ["v0", "v1"], confidence=95)
