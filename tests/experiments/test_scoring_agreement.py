"""Cohen's kappa and Krippendorff's alpha, against published examples and statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from dknb.errors import ConfigError
from dknb.experiments.scoring import HumanLabels, cohen_kappa, judge_agreement, krippendorff_alpha

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: four observers, twelve units, gaps.
FOUR = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
# Cohen (1968), table 1, and Cohen (1960): 200 cases by two raters.
COHEN = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]


def _ratings(table):
    """Two lists of ratings that have this table."""
    cells = [(row, column) for row, each in enumerate(table) for column, n in enumerate(each) for _ in range(n)]
    return [row for row, _ in cells], [column for _, column in cells]


@pytest.mark.parametrize(("level", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_that_of_its_paper(level, expected):
    """Section D of the paper; 40 values can be paired in 11 units."""
    found = krippendorff_alpha(FOUR, level=level)
    assert found.value == pytest.approx(expected, abs=5e-4)
    assert (found.n, found.ratings) == (11, 40)
    assert found.low < found.value < found.high


def test_alpha_of_two_observers_is_that_of_its_paper():
    """Sections A and B: binary data, and nominal data."""
    binary = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
    assert krippendorff_alpha(binary).value == pytest.approx(0.095, abs=5e-4)
    nominal = [list("aabbdcccedda"), list("babbbccceddd")]
    assert krippendorff_alpha(nominal).value == pytest.approx(0.692, abs=5e-4)


def _plain_alpha(ratings, distance):
    """Alpha by its definition, pair by pair."""
    units = [[value for value in unit if value is not None] for unit in zip(*ratings, strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    values = [value for unit in units for value in unit]
    observed = sum(sum(distance(a, b, values) for a in unit for b in unit) / (len(unit) - 1) for unit in units)
    expected = sum(distance(a, b, values) for a in values for b in values) / (len(values) - 1)
    return 1 - observed / expected


def _ordinal(a, b, values):
    low, high = min(a, b), max(a, b)
    between = sum(low <= value <= high for value in values) - (values.count(a) + values.count(b)) / 2
    return 0 if a == b else between**2


@pytest.mark.parametrize(
    ("level", "distance"),
    [("nominal", lambda a, b, _: a != b), ("ordinal", _ordinal), ("interval", lambda a, b, _: (a - b) ** 2)],
)
def test_alpha_is_its_definition(level, distance):
    """On random ratings with gaps."""
    generator = np.random.default_rng(7)
    ratings = [
        [None if generator.random() < 0.2 else int(generator.integers(1, 6)) for _ in range(30)] for _ in range(3)
    ]
    found = krippendorff_alpha(ratings, level=level, resamples=100)
    assert found.value == pytest.approx(_plain_alpha(ratings, distance), abs=1e-9)
    assert found.value == pytest.approx(1 - found.observed / found.expected, abs=1e-12)


def test_kappa_is_that_of_its_papers():
    """Cohen (1960): 0.492; Cohen (1968), with his weights: 0.348."""
    one, other = _ratings(COHEN)
    assert cohen_kappa(one, other).value == pytest.approx(0.492, abs=5e-4)
    weighted = cohen_kappa(one, other, weights=[[0, 1, 3], [1, 0, 6], [3, 6, 0]])
    assert weighted.value == pytest.approx(0.348, abs=5e-4)
    assert weighted.n == 200


@pytest.mark.parametrize(("weights", "theirs"), [(None, None), ("linear", "linear"), ("quadratic", "quadratic")])
def test_kappa_is_that_of_statsmodels(weights, theirs):
    """To 1e-9, on random tables."""
    generator = np.random.default_rng(3)
    for _ in range(5):
        table = generator.integers(1, 30, size=(4, 4))
        one, other = _ratings(table.tolist())
        found = cohen_kappa(one, other, weights=weights, resamples=100)
        assert found.value == pytest.approx(cohens_kappa(table, wt=theirs).kappa, abs=1e-9)


def test_the_interval_of_kappa_is_near_that_of_its_asymptotics():
    """Fleiss, Cohen and Everitt's standard error, as statsmodels has it, at 200 cases."""
    one, other = _ratings(COHEN)
    found = cohen_kappa(one, other)
    theirs = cohens_kappa(np.array(COHEN))
    assert found.low == pytest.approx(theirs.kappa_low, abs=0.02)
    assert found.high == pytest.approx(theirs.kappa_upp, abs=0.02)
    assert cohen_kappa(one, other) == found
    assert cohen_kappa(one, other, seed=1) != found


def test_perfect_agreement_is_one():
    """Whatever the labels are called."""
    assert cohen_kappa(["a", "b", "a"], ["a", "b", "a"]).value == 1.0
    assert krippendorff_alpha([["a", "b", "a"], ["a", "b", "a"]]).value == 1.0


@pytest.mark.parametrize(("one", "other"), [([], []), ([1], [1]), ([1, 1, 1], [1, 1, 1]), ([None, 1], [1, None])])
def test_what_is_not_defined_is_not_a_number(one, other):
    """No ratings, or all of them the same: neither 0 nor 1, and no warning."""
    for found in (cohen_kappa(one, other), krippendorff_alpha([one, other])):
        assert np.isnan(found.value)
        assert np.isnan(found.low)


def test_numbers_that_are_all_different_are_no_trouble():
    """The time does not grow with the square of the values."""
    generator = np.random.default_rng(1)
    one = generator.random(400)
    found = krippendorff_alpha([one, one + generator.normal(0, 0.1, 400)], level="ordinal", resamples=200)
    assert 0.8 < found.value < 1.0
    with pytest.raises(ConfigError, match="kappa is for classes"):
        cohen_kappa(one, one)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cohen_kappa([1], [1, 2]), "One rater has 1 ratings and the other 2"),
        (lambda: cohen_kappa([1], [1], weights="square"), "weights cannot be 'square'"),
        (lambda: cohen_kappa([1, 2], [1, 2], weights=[[0, 1]]), "must be a matrix of 2 by 2"),
        (lambda: cohen_kappa([1], [3], labels=[1, 2]), "3 is not among the labels"),
        (lambda: cohen_kappa([1], [1], confidence=95), "confidence cannot be 95"),
        (lambda: krippendorff_alpha([[1], [1]], level="ordnal"), "Did you mean 'ordinal'"),
        (lambda: krippendorff_alpha([["a"], ["b"]], level="ordinal"), "is no number, which ordinal ratings are"),
        (lambda: krippendorff_alpha([[1], [1, 2]]), "a rating or a gap for each item"),
        (lambda: krippendorff_alpha([[1], [1]], resamples=3), "resamples cannot be 3"),
    ],
)
def test_wrong_calls_are_refused(call, message):
    """With what to do about it."""
    with pytest.raises(ConfigError, match=message) as caught:
        call()
    assert caught.value.hint


def test_a_judge_against_people():
    """Kappa with each annotator, alpha of all, and of the people alone."""
    frame = pd.DataFrame(
        {"item": list("abcdefgh"), "variant": "v", "repeat": 0, "output": "x", "judge": [1.2, 2, 3, 4, 5, 1, 2, None]}
    )
    labels = HumanLabels(frame, annotator="ann")
    for item, label in zip("abcdefg", [1, 2, 3, 4, 5, 1, 3], strict=True):
        labels.set(label, item=item, variant="v")
    one = judge_agreement(frame, "judge", labels).set_index(["between", "coefficient"])
    assert [*one.index.get_level_values(0).unique()] == ["judge ~ ann"]
    assert one.loc[("judge ~ ann", "kappa"), "value"] == pytest.approx(
        cohen_kappa([1, 2, 3, 4, 5, 1, 2], [1, 2, 3, 4, 5, 1, 3]).value
    )
    assert one.loc[("judge ~ ann", "kappa"), "n"] == 7
    labels.annotator = "bob"
    for item in "abc":
        labels.set(2, item=item, variant="v")
    several = judge_agreement(frame, "judge", labels)
    assert list(several["between"].unique()) == ["judge ~ ann", "judge ~ bob", "judge ~ all", "people"]


def test_labels_may_be_a_column():
    """A frame out of a CSV has them beside the judge's."""
    frame = pd.DataFrame({"judge": [1, 2, 3], "mine": [1, 2, 2]})
    assert list(judge_agreement(frame, "judge", "mine")["n"].unique()) == [3]
    with pytest.raises(ConfigError, match="Did you mean 'mine'"):
        judge_agreement(frame, "judge", "mime")
    with pytest.raises(ConfigError, match="No trial has both"):
        judge_agreement(frame.assign(mine=float("nan")), "judge", "mine")
