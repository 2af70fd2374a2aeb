"""Whether the number in an output is the right one, within a tolerance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...._sync import in_thread
from ....errors import ConfigError
from ..base import NoScore
from ..kinds import PASS_FAIL
from ..targets import TargetScorer, chosen, texts_of
from .numbers import DecimalSign, FoundNumber, numbers_in

if TYPE_CHECKING:
    from ...trials import Trial

__all__ = ["Numeric", "checked_width"]

WhichNumber = Literal["last", "first", "any", "only"]

#: Numbers that differ by less, relative to the target, differ by the rounding of floats alone.
_ROUNDING = 1e-12
#: Longer outputs are read in a thread.
_SHORT = 20_000


class Numeric(TargetScorer):
    """1 where the number in the output is the target within a tolerance, else 0.

    An output without a number is wrong, so that who refuses gains nothing by it; with ``no_number=None`` it has no score. A
    percent sign is a unit: ``12%`` is 12.

    Args:
        target: The column of right numbers: numbers, or texts with a number in them; a list in it holds several.
        value: The right number for all items, in place of a column.
        tolerance: How far it may be off.
        relative: How far it may be off as a part of the target, 0.01 for one percent; of both the wider one counts.
        which: Of several numbers in the output the ``"last"``, the ``"first"``, ``"any"``, or ``"only"``: then there
            must not be several.
        unit: Only numbers with this unit count: ``"km"`` after them, ``"$"`` before them.
        decimal: The sign before decimals, ``"."`` or ``","``; the other one stands between thousands.
        no_number: What an output without a number is, or of ``"only"`` with several: 0 for a wrong answer, None for no score.
        name: The metric.
    """

    def __init__(
        self,
        target: str = "answer",
        *,
        value: Any = None,
        tolerance: float = 0.0,
        relative: float = 0.0,
        which: WhichNumber = "last",
        unit: str | None = None,
        decimal: DecimalSign = ".",
        no_number: Literal[0] | None = 0,
        name: str = "numeric",
    ) -> None:
        super().__init__(name, PASS_FAIL, target, value)
        self.tolerance = checked_width("tolerance", tolerance)
        self.relative = checked_width("relative", relative)
        self._which = chosen("which", which, get_args(WhichNumber))
        self._decimal: DecimalSign = chosen("decimal", decimal, get_args(DecimalSign))
        self._unit = _unit(unit)
        if no_number is not None and (isinstance(no_number, bool) or no_number != 0):
            raise ConfigError(f"no_number cannot be {no_number!r}.", hint="0 for a wrong answer, None for no score")
        self._no_number = no_number
        if value is not None:
            self._targets(value)

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """1 or 0.

        Raises:
            NoScore: There is no number, or not only one.
        """
        if len(trial.output or "") > _SHORT:
            return {self.name: await in_thread(self.check, trial)}
        return {self.name: self.check(trial)}

    def check(self, trial: Trial) -> float:
        """1 or 0.

        Raises:
            NoScore: There is no number, or not only one.
        """
        targets = self._targets(self.wanted(trial))
        said = self._said(trial.output or "")
        if not said:
            return 0.0
        return float(any(self._is_near(number, target) for number in said for target in targets))

    def _said(self, text: str) -> list[float]:
        """The numbers of the output that count."""
        found = [each for each in numbers_in(text, self._decimal) if self._counts(each)]
        if not found:
            if self._no_number is None:
                raise NoScore("there is no number in the output" + (f" with {self._unit!r}" if self._unit else ""))
            return []
        if self._which == "only" and len({each.value for each in found}) > 1:
            if self._no_number is not None:
                return []
            raise NoScore(f"there are {len(found)} numbers in the output, not only one")
        if self._which in ("any", "only"):
            return [each.value for each in found]
        return [found[-1 if self._which == "last" else 0].value]

    def _counts(self, number: FoundNumber) -> bool:
        return self._unit is None or number.has_unit(self._unit)

    def _is_near(self, number: float, target: float) -> bool:
        allowed = max(self.tolerance, self.relative * abs(target))
        return abs(number - target) <= allowed + _ROUNDING * max(abs(target), abs(number))

    def _targets(self, wanted: Any) -> list[float]:
        """The numbers that are right.

        Raises:
            NoScore: There is none.
        """
        numbers = [number for text in texts_of(wanted) if (number := _number(text, self._decimal)) is not None]
        if numbers:
            return numbers
        if self.value is not None:
            raise ConfigError(f"There is no number in value={wanted!r}.", hint="Give a number")
        raise NoScore(f"there is no number in the target {wanted!r:.80}")


def _number(text: str, decimal: DecimalSign) -> float | None:
    """The number that a target is, or the last one in it."""
    try:
        value = float(text)
    except ValueError:
        found = [each.value for each in numbers_in(text, decimal)]
        return found[-1] if found else None
    return value if math.isfinite(value) else None


def _unit(unit: Any) -> str | None:
    if unit is not None and (not isinstance(unit, str) or not unit.strip()):
        raise ConfigError(f"{unit!r} is no unit.", hint='Give what stands beside the number: unit="km"')
    return unit.strip() if unit is not None else None


def checked_width(option: str, value: Any) -> float:
    """A tolerance that is one.

    Raises:
        ConfigError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ConfigError(f"{option} cannot be {value!r}.", hint="Give a number that is 0 or more")
    return float(value)
