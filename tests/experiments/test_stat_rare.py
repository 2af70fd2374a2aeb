"""What rare scores, few different ones and missing ones must not do to a comparison."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dknb.errors import ConfigError, TooFewItems
from dknb.experiments import MetricKind, VerdictWatch, compare, power
from dknb.experiments.statistics.intervals import paired_rates
from dknb.experiments.statistics.scores import Score


def _trials(scores, metric="score"):
    """Scores of shape (items, variants) as trials; NaN for what is missing."""
    scores = np.asarray(scores, dtype=float)
    items, variants = scores.shape
    names = np.tile([f"v{at}" for at in range(variants)], items)
    return pd.DataFrame({"item": np.repeat(np.arange(items), variants), "variant": names, metric: scores.ravel()})


def _row(scores, **options):
    return compare(_trials(scores), "score", "v0", **options).set_index("variant").loc["v1"]


def test_equal_scores_without_bounds_show_no_tie():
    """Ten equal items say little of a tenth of the items that is five better; the row says what would help."""
    base = np.random.default_rng(0).normal(10, 1, 10)
    row = _row(np.column_stack([base, base]))
    assert (row["verdict"], row["difference"]) == ("undecided", 0.0)
    assert row["difference_low"] < -0.3 < 0.3 < row["difference_high"]
    assert "say kinds=" in row["note"]


def test_few_items_that_differ_show_no_tie_without_bounds():
    """One item of three hundred differs by next to nothing: the interval is short, and no tie."""
    scores = np.repeat(np.random.default_rng(0).normal(10, 1, (300, 1)), 2, axis=1)
    scores[0, 1] += 1e-3
    assert _row(scores)["verdict"] == "undecided"
    kinds = {"score": MetricKind(bounds=(0.0, 20.0))}
    assert _row(scores, kinds=kinds)["verdict"] == "tied"


def test_a_constant_difference_is_found_and_not_certain():
    """Ten items a tenth better: better, with an interval of a width."""
    row = _row(np.random.default_rng(1).normal(size=(10, 1)) + np.array([0, 0.1]))
    assert (row["verdict"], row["p"]) == ("better", 2 / 1024)
    assert 0 < row["difference_low"] < 0.09 < 0.11 < row["difference_high"]


def test_ties_of_many_variants_are_corrected():
    """190 items without a failure exclude 2 % of failures once, and not nine times."""
    assert _row(np.ones((190, 2)))["verdict"] == "tied"
    table = compare(_trials(np.ones((190, 10))), "score", "v0")
    assert set(table["verdict"].dropna()) == {"undecided"}
    needed = table["more_items"].max() + 190
    assert set(compare(_trials(np.ones((int(needed), 10))), "score", "v0")["verdict"].dropna()) == {"tied"}


def test_the_score_interval_of_three_steps_is_tangos():
    """And that of two is Wilson's; its p is that of its own ends."""
    sample = np.array([1.0] * 7 + [-1.0] * 2 + [0.0] * 21)
    score = Score(sample, (-1.0, 1.0))
    assert score.ends(0.95) == pytest.approx(paired_rates(7, 2, 30), abs=1e-6)
    assert score.p(score.ends(0.9)[0]) == pytest.approx(0.1, abs=1e-6)
    wilson = stats.binomtest(9, 30).proportion_ci(method="wilson")
    ours = Score(np.array([1.0] * 9 + [0.0] * 21), (0.0, 1.0)).ends(0.95)
    assert ours == pytest.approx((wilson.low, wilson.high), abs=1e-6)


def test_an_interval_of_repeats_has_room_for_failures_not_seen():
    """Two of fifty items failed once in three: Student's interval would end above 0.97 of the truth."""
    scores = np.array([1.0] * 48 + [2 / 3] * 2)
    low, high = Score(scores, (0.0, 1.0)).ends(0.95)
    student = stats.t.interval(0.95, 49, scores.mean(), stats.sem(scores))
    assert low < student[0] - 0.01
    assert high < 1.0


def test_missing_trials_cost_no_more_time_than_their_columns(monkeypatch):
    """One resampling for all variants, whatever each of them lacks."""
    from dknb.experiments.statistics import estimates

    drawn = []
    original = estimates.resampled_means

    def counted(columns, *more):
        drawn.append(columns.shape)
        return original(columns, *more)

    monkeypatch.setattr(estimates, "resampled_means", counted)
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(300, 6))
    scores[rng.random(scores.shape) < 0.02] = np.nan
    table = compare(_trials(scores), "score", "v0", resamples=500)
    assert len(drawn) == 1
    assert table["method"].unique().tolist() == ["t or BCa bootstrap, the wider"]


def test_missing_items_do_not_move_the_others_interval():
    """A column of its own and the same one beside a longer one."""
    rng = np.random.default_rng(4)
    scores = rng.exponential(size=(200, 2))
    short = scores.copy()
    short[100:, 1] = np.nan
    alone = compare(_trials(scores[:100]), "score", "v0").set_index("variant").loc["v1"]
    beside = compare(_trials(short), "score", "v0").set_index("variant").loc["v1"]
    assert beside["n"] == 100
    assert (beside["low"], beside["high"]) == pytest.approx((alone["low"], alone["high"]), abs=0.02)


def test_a_large_offset_does_not_hide_which_is_best():
    """Five above ten thousand million."""
    scores = 1e10 + np.array([0, 5.0]) + np.random.default_rng(5).normal(size=(60, 2))
    assert (_row(scores)["probability_best"], _row(scores)["verdict"]) == (1.0, "better")


def test_the_order_of_the_trials_makes_no_difference():
    """Not even in the last digit."""
    frame = _trials(np.random.default_rng(6).normal(size=(80, 4)))
    mixed = frame.sample(frac=1, random_state=1)
    tables = [compare(each, "score", "v0").set_index("variant").sort_index() for each in (frame, mixed)]
    columns = ["low", "high", "p", "difference_low"]
    np.testing.assert_allclose(tables[0][columns], tables[1][columns], rtol=1e-12)


def test_labels_are_the_same_as_numbers_and_as_text():
    """7, 7.0 and "7" are one item."""
    frame = _trials(np.random.default_rng(7).normal(size=(20, 3)))
    frame["item"] = frame["item"].astype(object)
    frame.loc[frame["variant"] == "v1", "item"] = frame["item"].astype(str)
    frame.loc[frame["variant"] == "v2", "item"] = frame["item"].astype(float)
    assert compare(frame, "score", "v0")["pairs"].tolist().count(20) == 2


def test_pairs_that_are_not_used_are_told():
    """45 of 100 items have both: the note says so, and what uses them."""
    frame = _trials(np.random.default_rng(8).normal(size=(100, 2)))
    frame.loc[(frame["variant"] == "v1") & (frame["item"] >= 45), "item"] += 1000
    row = compare(frame, "score", "v0").set_index("variant").loc["v1"]
    assert row["note"] == "not paired: only 45 of 100 items are on both sides (paired=True compares just these)"
    assert compare(frame, "score", "v0", paired=True).set_index("variant").loc["v1", "pairs"] == 45


def test_skewness_that_so_few_items_cannot_bear_is_told():
    """Lognormal scores against a constant: the note has it, and the corrected interval decides, too."""
    rng = np.random.default_rng(9)
    row = _row(np.column_stack([np.full(30, np.exp(0.5)), rng.lognormal(0, 1, 30)]))
    assert "the scores are skewed" in row["note"]
    found = [
        bool(
            compare(_trials(np.column_stack([np.full(20, np.exp(0.5)), rng.lognormal(0, 1, (20, 5))])), "score", "v0",
                    resamples=500)["verdict"].isin(["better", "worse"]).any()
        )
        for _ in range(60)
    ]  # fmt: skip
    assert np.mean(found) < 0.25


def test_a_margin_of_equal_scores_is_nothing():
    """Rounding of a column of 3.3 is no spread."""
    assert _row(np.full((20, 2), 3.3))["margin"] == 0.0


@pytest.mark.parametrize(("options", "message"), [
    ({"margin": {"scroe": 0.1}}, "'scroe', which is not compared. Did you mean 'score'"), ({"paired": "yes"}, "paired='yes'"),
    ({"minimum": 2.5}, "minimum=2.5"), ({"resamples": 1000.5}, "resamples=1000.5"), ({"margin": "x"}, "margin of 'x'"),
    ({"margin": float("nan")}, "margin of nan"), ({"confidence": "a"}, "confidence of 'a'"), ({"seed": -1}, "seed=-1"),
])  # fmt: skip
def test_arguments_of_the_wrong_kind_are_refused(options, message):
    """None of them is ignored, or fails somewhere inside."""
    with pytest.raises(ConfigError, match=message) as caught:
        compare(_trials(np.ones((20, 2))), "score", **options)
    assert caught.value.hint


def test_tables_and_metrics_that_are_none_are_refused():
    """No metric, a list of rows, numbers whose squares overflow; a metric named twice counts once."""
    frame = _trials(np.random.default_rng(1).normal(size=(30, 2)))
    with pytest.raises(ConfigError, match="No metric"):
        compare(frame, [])
    with pytest.raises(ConfigError, match="not a list"):
        compare(frame.to_dict("records"), "score")
    for size in (1e300, 1e-200):
        with pytest.raises(ConfigError, match="whose squares are no numbers"):
            compare(frame.assign(score=frame["score"] * size), "score")
    assert len(compare(frame, ["score", "score"])) == 2


@pytest.mark.parametrize("options", [
    {"n": 10.5}, {"n": 10, "repeats": 0}, {"effect": 0.3, "alpha": 0}, {"effect": 0.3, "alpha": -1}, {"effect": "a"},
])  # fmt: skip
def test_plans_that_cannot_be_are_refused(options):
    """Instead of 10.5 items, or a power of NaN."""
    with pytest.raises(ConfigError, match="cannot be planned") as caught:
        power(**options)
    assert caught.value.hint


def test_nothing_in_common_is_not_mended_by_a_lower_minimum():
    """Without a single pair there is no hint to take the risk."""
    frame = _trials(np.random.default_rng(2).normal(size=(20, 2)))
    apart = frame.assign(item=frame["item"] + 100 * (frame["variant"] == "v1"))
    with pytest.raises(ConfigError, match="no item has a score on both sides"):
        compare(apart, "score", paired=True)
    with pytest.raises(TooFewItems) as caught:
        compare(frame.assign(score=frame["score"].where(frame["variant"] == "v0")), "score")
    assert "minimum" not in caught.value.hint


def _looked(scores, **options):
    watch = VerdictWatch("score", "v0", ["v0", "v1"], **options)
    for at, (base, other) in enumerate(scores):
        watch.add(str(at), {"v0": base, "v1": other})
    return watch


def test_a_watch_without_bounds_waits_for_rare_scores():
    """One of a hundred items is worth a hundred: before some are seen it looks like a constant loss."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        gains = np.where(rng.random(500) < 0.01, 100.0, 0.0)
        assert _looked(np.column_stack([np.ones(500), gains])).verdicts == {"v1": "undecided"}


def test_a_watch_without_bounds_believes_a_constant_late():
    """The same difference on each of 400 items is one; none on all of them shows no tie."""
    for items, verdict in ((399, "undecided"), (400, "worse")):
        assert _looked(np.column_stack([np.ones(items), np.zeros(items)])).verdicts == {"v1": verdict}
    assert _looked(np.ones((1000, 2)), margin=0.1).verdicts == {"v1": "undecided"}


def test_a_watch_bears_the_rounding_of_means():
    """The mean of three times 0.1 is a little more than 0.1."""
    watch = VerdictWatch("score", "v0", ["v0", "v1"], bounds=(0, 0.1))
    watch.add("a", {"v0": (0.1 + 0.1 + 0.1) / 3, "v1": 0.0})
    with pytest.raises(ConfigError, match="outside of its bounds"):
        watch.add("b", {"v0": 0.1001, "v1": 0.0})


def test_a_finding_agrees_with_its_verdict():
    """Better: the interval and p exclude no difference; tied: the interval lies within the margin."""
    rng = np.random.default_rng(4)
    better = _looked((rng.random((300, 2)) < [0.4, 0.8]).astype(float), bounds=(0, 1)).finding("v1")
    assert (better.verdict, better.low > 0, better.p_adjusted <= 0.05) == ("better", True, True)
    assert better.low < 0.4 < better.high
    tied = _looked(np.repeat((rng.random((300, 1)) < 0.5).astype(float), 2, axis=1), bounds=(0, 1), margin=0.1)
    assert tied.finding("v1").verdict == "tied"
    assert -0.1 <= tied.finding("v1").low <= tied.finding("v1").high <= 0.1
    free = _looked(rng.normal((0, 1), size=(400, 2))).finding("v1")
    assert (free.verdict, free.low > 0, free.low < 1 < free.high) == ("better", True, True)
