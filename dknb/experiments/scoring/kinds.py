"""What kind of numbers a metric has, which statistics and verdicts need to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ...errors import ConfigError, did_you_mean

__all__ = ["PASS_FAIL", "Kind", "MetricKind"]

Kind = Literal["pass/fail", "ordinal", "continuous"]


@dataclass(frozen=True, slots=True)
class MetricKind:
    """What kind of numbers a metric has.

    Attributes:
        kind: ``"pass/fail"`` (0 and 1), ``"ordinal"`` (steps of a scale) or ``"continuous"``.
        higher_is_better: Which way is better; False of a price, a time, a length.
        bounds: The least and the greatest value that it can have; None where there are none.
    """

    kind: Kind = "continuous"
    higher_is_better: bool = True
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            known = get_args(Kind)
            raise ConfigError(
                f"A metric is no {self.kind!r}.{did_you_mean(str(self.kind), known)}", hint=f"Kinds: {', '.join(known)}"
            )
        if self.bounds is not None and not self.bounds[0] < self.bounds[1]:
            raise ConfigError(f"A metric cannot be bounded by {self.bounds!r}.", hint="Give (least, greatest)")


#: What checks give: 1 where they pass, 0 where they do not.
PASS_FAIL = MetricKind("pass/fail", bounds=(0.0, 1.0))
