"""What an answer is and took, whatever it says: its length, its price, its time. Less is better unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...._sync import in_thread
from ..base import NoScore, Scorer
from ..kinds import MetricKind
from ..targets import chosen

if TYPE_CHECKING:
    from ...trials import Trial

__all__ = ["Duration", "Length", "Price"]

LengthUnit = Literal["chars", "words", "tokens"]
Better = Literal["lower", "higher"]


class Length(Scorer):
    """How long the output is.

    Args:
        unit: ``"chars"``, ``"words"`` (what white space separates) or ``"tokens"`` (of the trial's model).
        better: ``"lower"`` or ``"higher"``.
        name: The metric.
    """

    shorthand = "unit"

    def __init__(self, unit: LengthUnit = "chars", *, better: Better = "lower", name: str = "length") -> None:
        super().__init__(name, kinds=_amount(better))
        self.unit: LengthUnit = chosen("unit", unit, get_args(LengthUnit))

    def sees(self, trial: Trial) -> Any:
        """Whose tokens are counted."""
        return trial.model if self.unit == "tokens" else None

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """The length."""
        text = trial.output or ""
        if self.unit == "chars":
            return {self.name: float(len(text))}
        if self.unit == "words":
            return {self.name: float(len(text.split()))}
        from ....llm.counting.tokens import TokenCounter

        return {self.name: float(await in_thread(TokenCounter.count, text, trial.model))}


class Price(Scorer):
    """What the call cost, in US dollars; no score where its price is not known.

    Args:
        name: The metric.
    """

    def __init__(self, *, name: str = "price") -> None:
        super().__init__(name, kinds=_amount("lower"))

    def sees(self, trial: Trial) -> Any:
        """Nothing but the answer."""
        return None

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """The price.

        Raises:
            NoScore: It is not known.
        """
        if trial.cost_usd is None:
            raise NoScore("the price of the call is not known")
        return {self.name: trial.cost_usd}


class Duration(Scorer):
    """How long the call took, in seconds; no score where that is not known.

    Args:
        name: The metric.
    """

    def __init__(self, *, name: str = "time") -> None:
        super().__init__(name, kinds=_amount("lower"))

    def sees(self, trial: Trial) -> Any:
        """Nothing but the answer."""
        return None

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """The seconds.

        Raises:
            NoScore: They are not known.
        """
        if trial.duration_s is None:
            raise NoScore("how long the call took is not known")
        return {self.name: trial.duration_s}


def _amount(better: Better) -> MetricKind:
    return MetricKind("continuous", higher_is_better=chosen("better", better, get_args(Better)) == "higher")
