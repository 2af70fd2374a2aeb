"""The numbers agree with what others computed: a published leaderboard, scipy, statsmodels, worked examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as other_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower, TTestPower

from dknb.experiments import compare, power
from dknb.experiments.statistics.intervals import bca, mid_p, paired_rates
from dknb.experiments.statistics.resampling import sign_flip_p

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
#: Charles Darwin's maize: heights of cross-fertilised plants minus those of their pairs (Fisher 1935, section 21).
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
#: Hours of sleep gained with one drug and with another, by patient (Student 1908).
SLEEP = [[0.7, 1.9], [-1.6, 0.8], [-0.2, 1.1], [-1.2, 0.1], [-0.1, -0.1], [3.4, 4.4], [3.7, 5.5], [0.8, 1.6], [0, 4.6], [2, 3.4]]  # fmt: skip


def _trials(scores):
    scores = np.asarray(scores, dtype=float)
    items, variants = scores.shape
    names = np.tile([f"v{at}" for at in range(variants)], items)
    return pd.DataFrame({"item": np.repeat(np.arange(items), variants), "variant": names, "score": scores.ravel()})


def _against(scores, **options):
    """The row of v1, compared with v0."""
    return compare(_trials(scores), "score", "v0", **options).set_index("variant").loc["v1"]


@pytest.fixture
def scores():
    """Skewed scores of two variants on 60 items."""
    rng = np.random.default_rng(11)
    return np.column_stack([rng.exponential(size=60), rng.exponential(size=60) + 0.2])


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside this clone")
def test_a_published_leaderboard_comes_out_of_its_items():
    """Win rates and standard errors of five models on 805 items, to 0.00001 percentage points."""
    wide = pd.read_csv(CASES / "winrates.csv")
    table = compare(wide.melt("item", var_name="variant", value_name="win"), "win").set_index("variant")
    for row in pd.read_csv(CASES / "winrates_published.csv").itertuples():
        ours = table.loc[row.model]
        assert ours["n"] == row.n_total
        assert 100 * ours["mean"] == pytest.approx(row.win_rate_percent, abs=1e-5)
        assert 100 * ours["se"] == pytest.approx(row.standard_error_percent, abs=1e-5)


@pytest.mark.parametrize(("passed", "items", "low", "high"), [
    (81, 263, 0.2544, 0.3658), (15, 148, 0.0601, 0.1581), (0, 20, 0.0, 0.1391), (1, 29, 0.0017, 0.1585),
])  # fmt: skip
def test_mid_p_intervals_are_the_published_ones(passed, items, low, high):
    """Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 6."""
    assert mid_p(passed, items) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_two_rates_is_the_published_one():
    """56 of 70 and 48 of 80: Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10."""
    first = pd.DataFrame({"item": range(70), "variant": "v1", "score": [1.0] * 56 + [0.0] * 14})
    second = pd.DataFrame({"item": range(100, 180), "variant": "v0", "score": [1.0] * 48 + [0.0] * 32})
    row = compare(pd.concat([second, first]), "score", "v0").set_index("variant").loc["v1"]
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert row["p"] == pytest.approx(stats.fisher_exact([[56, 14], [48, 32]]).pvalue, abs=1e-9)
    assert row["note"] == "not paired: the items differ"


def test_flipped_signs_are_fishers_own_count():
    """863 of 32,768 sums of Darwin's differences are as large as his, and as many as small."""
    assert sign_flip_p(np.array(DARWIN, dtype=float)[:, None], 100, 0)[0] == 2 * 863 / 32_768


def test_the_sleep_of_ten_patients():
    """Student's data: difference 1.58, exact p 4/1024, and the published t interval within the one that is shown."""
    row = _against(SLEEP)
    assert row["difference"] == pytest.approx(1.58)
    assert row["p"] == 4 / 1024
    assert row["test"] == "sign flips, exact"
    assert row["difference_low"] <= 0.7001 + 1e-4
    assert row["difference_high"] >= 2.4599 - 1e-4


@pytest.mark.parametrize("gained", [0, 3, 9])
def test_pass_and_fail_on_the_same_items_is_mcnemars_exact_test(gained):
    """P as in statsmodels."""
    scores = [[1, 1]] * 20 + [[0, 0]] * 10 + [[0, 1]] * gained + [[1, 0]] * 4
    expected = other_mcnemar([[20, 4], [gained, 10]], exact=True).pvalue
    row = _against(scores)
    assert (row["test"], row["p"]) == ("McNemar exact", pytest.approx(expected, abs=1e-9))


def test_the_interval_of_paired_rates_inverts_mcnemars_score_test():
    """With one minus its p as the confidence, an end of the interval is 0: statsmodels' p, not continuity-corrected."""
    p = other_mcnemar([[20, 4], [12, 10]], exact=False, correction=False).pvalue
    assert paired_rates(12, 4, 46, 1 - p)[0] == pytest.approx(0.0, abs=1e-9)


def test_tests_by_choice_are_scipys(scores):
    """Wilcoxon's, Student's, Mann and Whitney's and Welch's p, to 1e-9."""
    first, second = scores.T
    expected = {
        ("wilcoxon", None): stats.wilcoxon(second - first).pvalue,
        ("t", None): stats.ttest_rel(second, first).pvalue,
        ("wilcoxon", False): stats.mannwhitneyu(second, first).pvalue,
        ("t", False): stats.ttest_ind(second, first, equal_var=False).pvalue,
    }
    found = {key: _against(scores, test=key[0], paired=key[1])["p"] for key in expected}
    assert found == pytest.approx(expected, abs=1e-9)


def test_flips_and_permutations_agree_with_scipys(scores):
    """Both draw at random, so they agree within what 10,000 draws leave."""
    first, second = scores.T

    def apart(a, b, axis=-1):
        return np.mean(a, axis=axis) - np.mean(b, axis=axis)

    for paired, kind in ((None, "samples"), (False, "independent")):
        other = stats.permutation_test((second, first), apart, permutation_type=kind, rng=1, n_resamples=9_999)
        assert _against(scores, test="permutation", paired=paired)["p"] == pytest.approx(other.pvalue, abs=0.02)


def test_bca_is_scipys_on_the_same_resamples(scores):
    """The interval from scipy's own bootstrap distribution, to 1e-9, without the expansion for small samples."""
    sample = scores[:, 0]
    other = stats.bootstrap((sample,), np.mean, n_resamples=2_000, method="BCa", rng=3)
    ours = bca(other.bootstrap_distribution, sample, expanded=False)
    assert ours == pytest.approx(tuple(other.confidence_interval), abs=1e-9)


@pytest.mark.parametrize(("correction", "method"), [("holm", "holm"), ("benjamini-hochberg", "fdr_bh")])
def test_corrections_are_those_of_statsmodels(correction, method):
    """Over the comparisons of the table."""
    rng = np.random.default_rng(4)
    table = compare(_trials(rng.normal(size=(40, 5)) + np.linspace(0, 0.8, 5)), "score", "v0", correction=correction)
    compared = table[table["variant"] != "v0"]
    expected = multipletests(compared["p"], method=method)[1]
    assert compared["p_adjusted"].to_numpy() == pytest.approx(expected, abs=1e-9)


def test_effect_sizes_are_the_known_ones(scores):
    """Cohen's dz for pairs, Hedges' g otherwise, Cohen's h for rates."""
    first, second = scores.T
    pooled = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    assert _against(scores)["effect_size"] == pytest.approx((second - first).mean() / (second - first).std(ddof=1))
    hedges = (second.mean() - first.mean()) / pooled * (1 - 3 / (4 * 118 - 1))
    assert _against(scores, paired=False)["effect_size"] == pytest.approx(hedges)
    rates = [[0, 1]] * 20 + [[1, 1]] * 20
    assert _against(rates)["effect_size"] == pytest.approx(2 * np.arcsin(1) - 2 * np.arcsin(np.sqrt(0.5)))


def test_planned_items_are_those_of_statsmodels():
    """An effect of 0.3 standard deviations at 80 %: 90 pairs, or 176 items for each."""
    assert (power(effect=0.3).n, power(effect=0.3, paired=False).n) == (90, 176)
    assert np.ceil(TTestPower().solve_power(0.3, power=0.8, alpha=0.05)) == 90
    assert power(n=100, effect=0.3).power == pytest.approx(TTestPower().power(0.3, 100, 0.05), abs=1e-9)
    found = TTestIndPower().solve_power(nobs1=64, power=0.8, alpha=0.05)
    assert power(n=64, paired=False).effect == pytest.approx(found, abs=1e-4)
