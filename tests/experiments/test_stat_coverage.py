"""Intervals, families and early stops err as rarely as they say: the short form of tests/bench/bench_coverage.py."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROUNDS = 150


@pytest.fixture
def bench(monkeypatch):
    """The simulations."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "bench"))
    return importlib.import_module("bench_coverage")


@pytest.mark.parametrize("items", [20, 50])
@pytest.mark.parametrize(
    "case", ["pass/fail 0.9, 0.8", "Likert, middle and top", "exponential", "pass/fail, 2 to 3 repeats"]
)
def test_intervals_cover_what_they_say(bench, case, items):
    """Of means and of paired differences, within what so many rounds can tell."""
    low, high = (bench.LOW, bench.HIGH) if items >= 50 else (bench.SMALL, 1.0)
    of_means, of_differences = bench.covered(bench.CASES[case], items, ROUNDS)
    assert low - bench.slack(2 * ROUNDS) <= of_means <= high + bench.slack(2 * ROUNDS)
    assert low - bench.slack(ROUNDS) <= of_differences <= high + bench.slack(ROUNDS)


@pytest.mark.parametrize("case", ["Likert, top, 90 % alike", "Likert, floor", "3 repeats, 85 % always pass"])
def test_intervals_of_few_different_scores_cover_enough(bench, case):
    """Where most items get the same answer, Student's and the bootstrap's covered 87 % of 50."""
    of_means, of_differences = bench.covered(bench.CASES[case], 50, ROUNDS)
    assert of_means >= bench.LOW - bench.slack(2 * ROUNDS)
    assert of_differences >= bench.LOW - bench.slack(ROUNDS)


@pytest.mark.parametrize("name", ["2.1 % fail, n=190", "10 % are 5 better, n=10"])
def test_variants_that_differ_are_rarely_tied(bench, name):
    """Nine of them, each beyond the margin by rare items."""
    assert bench.false_ties(name, 60) <= 0.05 + bench.slack(60)


@pytest.mark.parametrize("kind", ["pass/fail", "exponential"])
def test_ten_equal_variants_are_rarely_told_apart(bench, kind):
    """Holm keeps the whole table at 5 %."""
    assert bench.false_alarms(bench.EQUAL[kind], 100) <= 0.05 + bench.slack(100)


@pytest.mark.parametrize(
    "name", ["pass/fail 0.5, 4 variants", "exponential and gamma(4)", "false ties, pass/fail", "1 % of 100"]
)
def test_looking_after_every_item_is_safe(bench, name):
    """Of 100 runs, each looked at 400 times."""
    assert bench.false_looks(name, 100) <= 0.05 + bench.slack(100)
