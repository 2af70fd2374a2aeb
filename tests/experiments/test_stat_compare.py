"""What a comparison says, and what it refuses to say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dknb.errors import ConfigError, TooFewItems
from dknb.experiments import MetricKind, compare


def _trials(scores, metric="score", names=None):
    """Scores of shape (items, variants) or (items, variants, repeats)."""
    scores = np.asarray(scores, dtype=float)
    scores = scores if scores.ndim == 3 else scores[:, :, None]
    items, variants, repeats = scores.shape
    names = names or [f"v{at}" for at in range(variants)]
    return pd.DataFrame(
        {
            "item": np.repeat(np.arange(items), variants * repeats),
            "variant": np.tile(np.repeat(names, repeats), items),
            "repeat": np.tile(np.arange(repeats), items * variants),
            metric: scores.ravel(),
        }
    )


def _rows(frame, *args, **options):
    return compare(frame, *args, **options).set_index("variant")


def _noisy(*means, items=100, spread=0.3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(items, 1)) + rng.normal(size=(items, len(means))) * spread + means


def test_planted_differences_get_their_verdicts():
    """A better and a worse one are found, and what is alike is not called either."""
    rows = _rows(_trials(_noisy(0, 0.5, -0.5, 0, items=400)), "score")
    assert rows["verdict"].to_dict() == {"v1": "better", "v3": "tied", "v0": None, "v2": "worse"}
    assert [rows.index[0], rows.index[-1]] == ["v1", "v2"]
    assert rows.loc["v1", "probability_best"] > 0.99
    assert rows["probability_best"].sum() == pytest.approx(1)


def test_less_is_better_of_a_price():
    """The verdict and the best one turn; the difference keeps its sign."""
    rows = _rows(_trials(_noisy(5, 4), "cost_usd"), "cost_usd")
    assert rows.loc["v1", ["verdict", "probability_best"]].to_list() == ["better", 1.0]
    assert rows.loc["v1", "difference"] < 0


def test_a_kind_that_is_given_says_which_way_is_better():
    """A length, say."""
    kinds = {"words": MetricKind("continuous", higher_is_better=False)}
    assert _rows(_trials(_noisy(5, 4), "words"), "words", kinds=kinds).loc["v1", "verdict"] == "better"


def test_a_wide_interval_is_undecided_however_alike_the_means():
    """Twenty items cannot say that two rates are the same; the row says how many more may and what they cost."""
    frame = _trials([[1, 1]] * 5 + [[0, 1]] * 4 + [[1, 0]] * 4 + [[0, 0]] * 7).assign(cost_usd=0.01)
    row = _rows(frame, "score").loc["v1"]
    assert (row["verdict"], row["difference"]) == ("undecided", 0.0)
    assert row["more_items"] > 1000
    assert row["more_cost_usd"] == pytest.approx(row["more_items"] * 0.02)


def test_within_a_margin_that_was_given_it_is_a_tie_though_a_difference_is_found():
    """The default margin does not overrule what was found."""
    frame = _trials(_noisy(0, 0.1, items=400, spread=0.1))
    assert _rows(frame, "score").loc["v1", "verdict"] == "better"
    assert _rows(frame, "score", margin=0.2).loc["v1", "verdict"] == "tied"
    assert _rows(frame, "score", margin={"score": 0.05}).loc["v1", "verdict"] == "better"


@pytest.mark.parametrize("value", [0.0, 1.0, 3.0])
def test_equal_constants_do_not_differ(value):
    """All pass, all fail, all the same: p is 1, nobody is best, and nothing warns."""
    row = _rows(_trials(np.full((30, 2), value)), "score").loc["v1"]
    assert (row["difference"], row["p"], row["probability_best"]) == (0.0, 1.0, 0.5)
    assert row["verdict"] in ("tied", "undecided")


def test_all_passes_are_not_certainty():
    """30 of 30 leaves room for failures, and ten times as many for fewer."""
    few, many = (_rows(_trials(np.ones((items, 2))), "score").loc["v1"] for items in (30, 300))
    assert few["low"] == pytest.approx(0.05 ** (1 / 30), abs=1e-9)
    assert few["difference_high"] > many["difference_high"] > 0
    assert (few["verdict"], many["verdict"]) == ("undecided", "tied")
    assert 30 + few["more_items"] == pytest.approx(189, abs=1)


def test_a_constant_gain_is_found():
    """Every item a hundredth better."""
    base = np.random.default_rng(1).random((40, 1))
    row = _rows(_trials(np.hstack([base, base + 0.01])), "score").loc["v1"]
    assert (row["verdict"], row["difference"]) == ("better", pytest.approx(0.01))


def test_a_tie_of_one_item_less_is_not_an_advantage():
    """Rounding is no difference: 0.1 + 0.2 and 0.3."""
    row = _rows(_trials([[0.3, 0.1 + 0.2]] * 20), "score").loc["v1"]
    assert (row["p"], row["difference"]) == (1.0, 0.0)


def test_repeats_count_as_one_item():
    """A hundred repeats of twenty items are twenty items: the interval does not shrink with copies."""
    once = np.random.default_rng(2).normal(size=(20, 2, 1))
    one, copies = (_rows(_trials(np.repeat(once, many, axis=2)), "score").loc["v1"] for many in (1, 100))
    assert (copies["n"], copies["trials"]) == (20, 2000)
    assert (copies["low"], copies["p"]) == pytest.approx((one["low"], one["p"]))


def test_repeats_of_pass_and_fail_are_tested_by_item():
    """McNemar's test would take repeats for new items."""
    rng = np.random.default_rng(3)
    row = _rows(_trials((rng.random((40, 2, 3)) < 0.5).astype(float)), "score").loc["v1"]
    assert (row["test"], row["n"]) == ("sign flips", 40)


def test_an_item_weighs_the_same_however_often_it_was_repeated():
    """Unequal repeats: the mean is that of the items."""
    frame = pd.concat([_trials([[1.0, 1.0]] * 10), _trials([[0.0, 0.0]] * 10).assign(item=lambda f: f["item"] + 10)])
    frame = pd.concat([frame, *[frame[frame["item"] == 0]] * 50])
    assert _rows(frame, "score").loc["v0", "mean"] == 0.5


def test_pairs_are_used_and_the_others_counted():
    """Five items are missing on one side."""
    frame = _trials(_noisy(0, 0.5, items=40))
    frame = frame[~((frame["variant"] == "v1") & (frame["item"] < 5))]
    row = _rows(frame, "score").loc["v1"]
    assert (row["pairs"], row["dropped"], row["note"]) == (35, 5, "5 items without a pair were left out")


def test_other_items_are_compared_as_such():
    """No item in common: a permutation test, and an interval that is wider than that of pairs."""
    scores = _noisy(0, 0.5, items=60)
    paired, apart = _trials(scores), _trials(scores)
    apart["item"] += 1000 * (apart["variant"] == "v1")
    rows = [_rows(frame, "score").loc["v1"] for frame in (paired, apart)]
    assert [row["test"] for row in rows] == ["sign flips", "permutation"]
    assert rows[1]["difference_se"] > 2 * rows[0]["difference_se"]


def test_trials_without_a_score_are_dropped_or_the_worst():
    """Both ways are counted and told."""
    frame = _trials([[1, 1]] * 20)
    frame.loc[(frame["variant"] == "v1") & (frame["item"] < 8), "score"] = np.nan
    dropped, worst = compare(frame, "score"), compare(frame, "score", errors="worst")
    assert [table.set_index("variant").loc["v1", "mean"] for table in (dropped, worst)] == [1.0, 0.6]
    assert dropped.set_index("variant").loc["v1", ["errors", "n"]].to_list() == [8, 12]
    assert worst.set_index("variant").loc["v1", "verdict"] == "worse"
    assert (
        'score: 8 trials without a score were left out (errors="drop"; the other way is errors="worst")'
        in (dropped.attrs["notes"])
    )


def test_the_worst_of_a_price_is_the_highest():
    """Where less is better, and there are no bounds."""
    frame = _trials(_noisy(5, 5), "cost_usd")
    frame.loc[frame["variant"].eq("v1") & (frame["item"] < 50), "cost_usd"] = np.nan
    assert _rows(frame, "cost_usd", errors="worst").loc["v1", "verdict"] == "worse"


def test_too_few_items_are_refused_with_what_is_missing():
    """How many more, and their price."""
    with pytest.raises(TooFewItems, match="4 items are too few to compare variants: at least 10") as caught:
        compare(_trials(_noisy(0, 5, items=4)).assign(cost_usd=0.01), "score")
    assert (caught.value.items, caught.value.minimum) == (4, 10)
    assert caught.value.cost_usd == pytest.approx(0.12)
    assert compare(_trials(_noisy(0, 5, items=4)), "score", minimum=4)["verdict"].notna().sum() == 1


def test_one_variant_with_too_few_items_does_not_stop_the_others():
    """It is undecided, and its row says why."""
    frame = _trials(_noisy(0, 2, 2, items=40))
    frame = frame[~((frame["variant"] == "v2") & (frame["item"] >= 3))]
    rows = _rows(frame, "score")
    assert rows["verdict"].to_dict() == {"v0": None, "v1": "better", "v2": "undecided"}
    assert rows.loc["v2", "note"] == "3 items are too few: 7 more are needed for a comparison"


def test_several_metrics_are_one_family_unless_said():
    """Holm counts the comparisons of the whole table by default, and the notes say so."""
    frame = _trials(_noisy(0, 0.1, 0.1)).assign(other=lambda table: table["score"] ** 2)
    both, each = compare(frame, ["score", "other"]), compare(frame, ["score", "other"], family="metric")
    assert both.attrs["notes"][0] == "p values are corrected by Holm over the 4 comparisons of this table"
    assert (both["p_adjusted"] >= each["p_adjusted"] - 1e-12)[both["p"].notna()].all()


def test_the_same_seed_gives_the_same_table():
    """And the order of the rows does not matter."""
    frame = _trials(_noisy(0, 0.2, items=60))
    pd.testing.assert_frame_equal(compare(frame, "score"), compare(frame, "score"))
    mixed = frame.sample(frac=1, random_state=1)
    assert _rows(mixed, "score", "v0").loc["v1", "p"] == pytest.approx(
        _rows(frame, "score", "v0").loc["v1", "p"], abs=0.01
    )


@pytest.mark.parametrize("name", ["critique@1.1", "gpt"])
def test_a_baseline_may_be_a_prompt_or_a_model_alone(name):
    """Where only one variant has it."""
    parts = {"critique@1.0 | echo": ("critique", "1.0", "echo"), "critique@1.1 | gpt": ("critique", "1.1", "gpt")}
    frame = _trials(_noisy(0, 1), names=list(parts))
    for at, column in enumerate(("prompt", "version", "model")):
        frame[column] = frame["variant"].map(lambda label, at=at: parts[label][at])
    assert compare(frame, "score", name).attrs["baselines"] == {"score": "critique@1.1 | gpt"}
    with pytest.raises(ConfigError, match="'critique' may be any of 2 variants"):
        compare(frame, "score", "critique")
    with pytest.raises(ConfigError, match=r"no variant 'gtp'"):
        compare(frame, "score", "gtp")


@pytest.mark.parametrize(("options", "message"), [
    ({"correction": "bonferoni"}, "no correction"), ({"confidence": 95}, "confidence of 95"),
    ({"errors": "ignore"}, "errors='ignore'"), ({"test": "anova"}, "no test 'anova'"), ({"margin": -1}, "margin of -1"),
    ({"family": "all"}, "no family 'all'"), ({"minimum": 1}, "minimum=1"), ({"resamples": 5}, "5 resamples"),
])  # fmt: skip
def test_arguments_that_cannot_be_are_refused(options, message):
    """Each with what there is instead."""
    with pytest.raises(ConfigError, match=message) as caught:
        compare(_trials(_noisy(0, 1)), "score", **options)
    assert caught.value.hint


@pytest.mark.parametrize(("column", "message"), [
    (["a"] * 40, "does not hold numbers"), ([np.inf] * 40, "infinite in 40 rows"),
])  # fmt: skip
def test_scores_that_are_none_are_refused(column, message):
    """Text and infinity."""
    with pytest.raises(ConfigError, match=message):
        compare(_trials(_noisy(0, 1, items=20)).assign(score=column), "score")


def test_scores_out_of_their_bounds_are_refused():
    """A scorer that says 0 to 1 and gives 7."""
    with pytest.raises(ConfigError, match="outside of its bounds"):
        compare(_trials(_noisy(0, 7)), "score", kinds={"score": MetricKind(bounds=(0.0, 1.0))})
