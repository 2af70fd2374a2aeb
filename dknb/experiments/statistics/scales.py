"""What kind of numbers a metric has, where nobody said, and how small a difference does not matter on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ConfigError
from ..scoring.kinds import PASS_FAIL, MetricKind

if TYPE_CHECKING:
    from .items import Floats

__all__ = ["LOWER_IS_BETTER", "default_margin", "scale_of"]

#: Columns of the trials themselves of which less is better.
LOWER_IS_BETTER = ("cost_usd", "duration_s", "prompt_tokens", "completion_tokens")
#: Whole numbers of so many different values are steps of a scale.
_STEPS = 11
#: Share of a bounded scale, and of the standard deviation of the items on one without bounds.
_OF_SCALE, _OF_DEVIATION = 0.02, 0.1


def scale_of(metric: str, values: Floats, kinds: Mapping[str, MetricKind] | None = None) -> MetricKind:
    """What is known of a metric, or what its values look like.

    Only 0 and 1 are pass/fail; up to 11 different whole numbers are steps of a scale from the least to the greatest
    that was seen; everything else is continuous and has no bounds.

    Raises:
        ConfigError: The values are not what the kind says.
    """
    seen = values[~np.isnan(values)]
    if kinds and metric in kinds:
        _check(metric, seen, kinds[metric])
        return kinds[metric]
    if metric in LOWER_IS_BETTER:
        return MetricKind("continuous", higher_is_better=False)
    if len(seen) and not ((seen != 0) & (seen != 1)).any():
        return PASS_FAIL
    # A sample is enough to see that a long column is no scale.
    if len(seen) and not (seen[:1000] % 1).any() and len(np.unique(seen[:1000])) <= _STEPS:
        steps = np.unique(seen)
        if 1 < len(steps) <= _STEPS and not (steps % 1).any():
            return MetricKind("ordinal", bounds=(float(steps[0]), float(steps[-1])))
    return MetricKind("continuous")


def _check(metric: str, seen: Floats, kind: MetricKind) -> None:
    if kind.bounds is None or not len(seen):
        return
    least, greatest = float(seen.min()), float(seen.max())
    rounding = 1e-9 * (kind.bounds[1] - kind.bounds[0])
    if least < kind.bounds[0] - rounding or greatest > kind.bounds[1] + rounding:
        raise ConfigError(
            f"The metric {metric!r} has values from {least:g} to {greatest:g}, outside of its bounds {kind.bounds!r}.",
            hint="Mend the scores or the bounds.",
        )


def default_margin(kind: MetricKind, means: Floats) -> float:
    """A difference that is too small to matter, where nobody said which one is.

    2 % of the scale where there are bounds (0.02 of a pass rate, 0.08 of a scale from 1 to 5); else a tenth of the
    standard deviation of the items within a variant (half of what Cohen calls a small effect).

    Args:
        kind: The kind of metric.
        means: Scores of shape (items, variants); NaN where there are none.
    """
    if kind.bounds is not None:
        return _OF_SCALE * (kind.bounds[1] - kind.bounds[0])
    samples = [column[~np.isnan(column)] for column in means.T]
    freedom = sum(max(len(sample) - 1, 0) for sample in samples)
    squares = sum(float(((sample - sample.mean()) ** 2).sum()) for sample in samples if len(sample))
    deviation = (squares / freedom) ** 0.5 if freedom else 0.0
    rounding = 1e-12 * float(np.nanmax(np.abs(means), initial=0.0))
    return _OF_DEVIATION * deviation if deviation > rounding else 0.0
