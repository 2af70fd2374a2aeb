"""One variant against the baseline, on one metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ConfigError
from .curves import Apart, Ends, Student, Widest
from .estimates import Estimate, Settings, estimate_mean, is_binary, is_constant
from .resampling import EXACT, too_large
from .scores import Score, value_counts
from .significance import fisher, mcnemar, permutation, two_sided

if TYPE_CHECKING:
    from ..scoring.kinds import MetricKind
    from .curves import Curve
    from .items import Floats

__all__ = [
    "TESTS",
    "Contrast",
    "check_test",
    "flips_signs",
    "paired_contrast",
    "paired_differences",
    "unpaired_contrast",
]

TESTS = ("auto", "permutation", "wilcoxon", "t")
#: Beyond so many items labels are not shuffled: Welch's test says the same.
_SHUFFLED = 400
#: So many items have to differ before a metric without bounds can show a tie.
_VARIED = 10


@dataclass(frozen=True, slots=True)
class Contrast:
    """How a variant differs from the baseline.

    Attributes:
        difference: Mean of the variant minus that of the baseline, with its interval.
        items: Items that it rests on: pairs, or those of the smaller side.
        paired: Whether it is by item.
        p: Two-sided, not corrected.
        test: The test that gave it.
        effect: Effect size, and which one.
        error: Standard error of the difference.
        freedom: Its degrees of freedom.
        deviation: Standard deviation of an item's difference (of a pair of items where it is not paired).
        within: What a tie is read from; None where no tie can be shown, as too few items differ and nothing bounds the
            differences of those that were not seen.
        skewness: Of the differences; of the side that has more of it, where it is not paired; 0 where bounds or passes
            and failures keep it in hand.
    """

    difference: Estimate
    items: int
    paired: bool
    p: float
    test: str
    effect: tuple[float, str]
    error: float
    freedom: float
    deviation: float
    within: Curve | None
    skewness: float = 0.0

    def tie_p(self, margin: float) -> float:
        """P of two one-sided tests that the difference is beyond the margin (Schuirmann, 1987, J. Pharmacokinetics 15).

        It is that of the interval's own method: a t test would take rare failures that were not seen for impossible.
        """
        if self.within is None or not -margin < self.difference.value < margin:
            return 1.0
        return max(self.within.p(-margin), self.within.p(margin)) / 2

    def none_p(self) -> float:
        """P of no difference by the interval's method, which knows of skewness what a permutation does not."""
        return np.nan if self.difference.curve is None else self.difference.curve.p(0.0)


def paired_differences(variant: Floats, baseline: Floats) -> Floats:
    """Item by item; what differs by the last digit of a float does not differ."""
    differences: Floats = variant - baseline
    differences[np.abs(differences) <= 1e-12 * np.maximum(np.abs(variant), np.abs(baseline))] = 0.0
    return differences


def flips_signs(differences: Floats, kind: MetricKind, test: str, *, repeated: bool) -> bool:
    """Whether the p of these differences is of flipped signs: of scores, and of passes where there are repeats."""
    if test == "permutation":
        return True
    exact = kind.kind == "pass/fail" and not repeated
    return test == "auto" and not exact and not too_large(len(differences))


def paired_contrast(
    pair: tuple[Floats, Floats],
    kind: MetricKind,
    settings: Settings,
    test: str,
    drawn: Floats | None = None,
    flipped: float | None = None,
) -> Contrast:
    """Both on the same items.

    Args:
        pair: Scores of the variant and of the baseline on the same items, at least 2.
        kind: What kind of scores they are.
        settings: How to estimate.
        test: One of ``TESTS``.
        drawn: Resampled means of the differences.
        flipped: P of flipped signs.
    """
    variant, baseline = pair
    differences = paired_differences(variant, baseline)
    items, deviation = len(differences), _deviation(differences)
    binary = kind.kind == "pass/fail" and is_binary(variant) and is_binary(baseline)
    reach = None if kind.bounds is None else kind.bounds[1] - kind.bounds[0]
    bounds = None if reach is None else (-reach, reach)
    estimate = estimate_mean(
        differences,
        settings,
        bounds=bounds,
        binary=binary,
        difference=True,
        reach=_reach(variant, baseline),
        drawn=drawn,
    )
    if flipped is not None:
        p, name = flipped, "sign flips, exact" if items <= EXACT else "sign flips"
    else:
        p, name = _paired_p(differences, binary, test)
    if kind.kind == "pass/fail":
        effect = _cohens_h(float(variant.mean()), float(baseline.mean()))
    else:
        effect = (estimate.value / deviation if deviation > 0 else 0.0 if estimate.value == 0 else np.nan, "Cohen's dz")
    error, within = deviation / np.sqrt(items), _within(estimate, differences, bounds)
    skewness = _skewness(differences) if bounds is None else 0.0
    return Contrast(estimate, items, True, p, name, effect, error, items - 1, deviation, within, skewness)


def _skewness(sample: Floats) -> float:
    centred = sample - sample.mean()
    deviation = float(np.sqrt((centred**2).mean()))
    return 0.0 if is_constant(sample) else float((centred**3).mean()) / deviation**3


def _reach(variant: Floats, baseline: Floats) -> float:
    """How far apart the scores lie; where they do not, how far they are from 0."""
    both = np.concatenate([variant, baseline])
    return float(np.ptp(both) or np.abs(both).max())


def _within(estimate: Estimate, differences: Floats, bounds: tuple[float, float] | None) -> Curve | None:
    """What shows a tie: an interval that also has room for items at the bounds, of which none was seen."""
    if estimate.curve is None or (bounds is None and _varied(differences) < _VARIED):
        return None
    if bounds is None or is_constant(differences):
        return estimate.curve if bounds is None or estimate.value == 0 else Score(differences, bounds)
    return Widest(estimate.curve, Score(differences, bounds))


def _varied(sample: Floats) -> int:
    """Items that are not like the most frequent one."""
    return len(sample) - int(value_counts(sample)[1].max())


def _deviation(differences: Floats) -> float:
    """The standard deviation; 0 for what differs by rounding only."""
    deviation = float(differences.std(ddof=1))
    return deviation if deviation > 1e-12 * float(np.abs(differences).max()) else 0.0


def _paired_p(differences: Floats, binary: bool, test: str) -> tuple[float, str]:
    from scipy.stats import wilcoxon  # type: ignore[import-untyped]

    if binary and test == "auto":
        return mcnemar(int((differences > 0).sum()), int((differences < 0).sum())), "McNemar exact"
    if not differences.any():
        return 1.0, "all equal"
    if test == "wilcoxon":
        return float(wilcoxon(differences).pvalue), "Wilcoxon signed-rank"
    error = _deviation(differences) / np.sqrt(len(differences))
    return two_sided(float(differences.mean()), error, len(differences) - 1), "paired t"


def unpaired_contrast(
    variant: tuple[Floats, Estimate], baseline: tuple[Floats, Estimate], kind: MetricKind, settings: Settings, test: str
) -> Contrast:
    """Each on items of its own, at least 2; the scores and the estimate of their mean."""
    (first, of_first), (second, of_second) = variant, baseline
    binary = kind.kind == "pass/fail" and is_binary(first) and is_binary(second)
    error, freedom = _welch(first, second)
    estimate = within = None
    if of_first.curve is not None and of_second.curve is not None:
        within = Apart((of_first.value, of_first.curve), (of_second.value, of_second.curve))
    if binary:
        estimate = _rates_apart(first, second, settings)
    elif min(np.ptp(first), np.ptp(second)) > 0 or within is None:
        curve = Student(of_first.value - of_second.value, error, freedom)
        estimate = Estimate(curve.mean, *curve.ends(settings.confidence), "Welch t", curve)
    else:
        method = (of_first if np.ptp(first) == 0 else of_second).method
        estimate = Estimate(
            of_first.value - of_second.value, *within.ends(settings.confidence), f"MOVER of {method}", within
        )
    p, name = _unpaired_p(first, second, binary, settings, test)
    effect = _cohens_h(of_first.value, of_second.value) if kind.kind == "pass/fail" else _hedges_g(first, second)
    deviation = float(np.sqrt(first.var(ddof=1) + second.var(ddof=1)))
    few = kind.bounds is None and min(_varied(first), _varied(second)) < _VARIED
    ties = None if few or estimate.curve is None or within is None else Widest(estimate.curve, within)
    skewness = max(_skewness(first), _skewness(second), key=abs) if kind.bounds is None else 0.0
    items = min(len(first), len(second))
    return Contrast(estimate, items, False, p, name, effect, error, freedom, deviation, ties, skewness)


def _welch(first: Floats, second: Floats) -> tuple[float, float]:
    """Standard error of the difference, and Welch's degrees of freedom."""
    parts = [float(side.var(ddof=1)) / len(side) for side in (first, second)]
    squares = sum(part**2 / (len(side) - 1) for part, side in zip(parts, (first, second), strict=True))
    freedom = sum(parts) ** 2 / squares if squares > 0 else len(first) + len(second) - 2.0
    return float(np.sqrt(sum(parts))), freedom


def _rates_apart(first: Floats, second: Floats, settings: Settings) -> Estimate:
    """Newcombe's interval (Statistics in Medicine 17, 1998, 873-890)."""
    from statsmodels.stats.proportion import confint_proportions_2indep  # type: ignore[import-untyped]

    passed = float(first.sum()), float(second.sum())

    def newcombe(confidence: float) -> tuple[float, float]:
        low, high = confint_proportions_2indep(
            passed[0], len(first), passed[1], len(second), method="newcomb", alpha=1 - confidence
        )
        return float(low), float(high)

    value = float(first.mean() - second.mean())
    return Estimate(value, *newcombe(settings.confidence), "Newcombe", Ends(newcombe))


def _unpaired_p(first: Floats, second: Floats, binary: bool, settings: Settings, test: str) -> tuple[float, str]:
    from scipy.stats import mannwhitneyu

    if binary and test == "auto":
        return fisher((int(first.sum()), int(second.sum())), (len(first), len(second))), "Fisher exact"
    if test == "wilcoxon":
        return float(mannwhitneyu(first, second).pvalue), "Mann-Whitney"
    if test == "t" or (test == "auto" and len(first) + len(second) > _SHUFFLED):
        return two_sided(float(first.mean() - second.mean()), *_welch(first, second)), "Welch t"
    return permutation(first, second, settings.resamples, settings.seed), "permutation"


def _cohens_h(first: float, second: float) -> tuple[float, str]:
    from statsmodels.stats.proportion import proportion_effectsize

    return float(proportion_effectsize(first, second)), "Cohen's h"


def _hedges_g(first: Floats, second: Floats) -> tuple[float, str]:
    """Hedges, Journal of Educational Statistics 6 (1981), 107-128."""
    freedom = len(first) + len(second) - 2
    pooled = np.sqrt(((len(first) - 1) * first.var(ddof=1) + (len(second) - 1) * second.var(ddof=1)) / freedom)
    difference = float(first.mean() - second.mean())
    if pooled == 0:
        return 0.0 if difference == 0 else np.nan, "Hedges' g"
    return float(difference / pooled * (1 - 3 / (4 * freedom - 1))), "Hedges' g"


def check_test(test: str) -> None:
    """Refuse a test that there is not.

    Raises:
        ConfigError: It is none of ``TESTS``.
    """
    if test not in TESTS:
        raise ConfigError(f"There is no test {test!r}.", hint=f"Tests: {', '.join(TESTS)}")
