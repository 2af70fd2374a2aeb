"""promptfoo's assertions: each slot of them is a metric, which each item may have with a value of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ...llm.answers.parsing import ResponseParser
from ..scoring.base import NoScore, Scorer
from ..scoring.kinds import MetricKind

if TYPE_CHECKING:
    from ..trials import Trial

__all__ = ["KINDS", "AssertionScorer", "Slot"]


class Slot(NamedTuple):
    """What is asserted, without the value that each item has for it.

    Attributes:
        kind: promptfoo's type, without ``not-``.
        negated: Whether it is the contrary.
        threshold: A number that goes with it.
    """

    kind: str
    negated: bool = False
    threshold: float | None = None


def _scorer(name: str, **fixed: Any) -> Callable[[Slot, Any], Any]:
    """Makes one of our scorers, with the assertion's value as the right answer."""
    return lambda slot, value: {name: {"value": value, "name": "it", **fixed}}


def _schema(slot: Slot, value: Any, *, strict: bool) -> Any:
    if value is None:
        return {"json_valid": {"strict": strict, "name": "it"}}
    return {"json_schema": {"schema": value, "strict": strict, "name": "it"}}


def _equal(slot: Slot, value: Any) -> Any:
    if isinstance(value, dict | list):
        return lambda trial: ResponseParser.extract_json(trial.output or "") == value
    return {"exact": {"value": value, "whitespace": "keep", "unicode": "keep", "name": "it"}}


def _starts(slot: Slot, value: Any) -> Any:
    return lambda trial: (trial.output or "").startswith(str(value))


def _words(slot: Slot, value: Any) -> Any:
    least, most = (value.get("min", 0), value.get("max")) if isinstance(value, Mapping) else (value, value)
    return lambda trial: _between(len((trial.output or "").split()), float(least), most)


def _cheap(slot: Slot, value: Any) -> Any:
    return lambda trial: None if trial.cost_usd is None else trial.cost_usd <= float(slot.threshold or 0.0)


def _quick(slot: Slot, value: Any) -> Any:
    return lambda trial: None if trial.duration_s is None else trial.duration_s * 1000 <= float(slot.threshold or 0.0)


def _between(number: float, least: float, most: Any) -> bool:
    return least <= number and (most is None or number <= float(most))


#: What scores each kind: a specification of a scorer, or a function of a trial.
KINDS: dict[str, Callable[[Slot, Any], Any]] = {
    "equals": _equal,
    "contains": _scorer("contains"),
    "icontains": _scorer("contains", ignore_case=True),
    "contains-all": _scorer("contains", which="all"),
    "contains-any": _scorer("contains", which="any"),
    "icontains-all": _scorer("contains", which="all", ignore_case=True),
    "icontains-any": _scorer("contains", which="any", ignore_case=True),
    "starts-with": _starts,
    "regex": lambda slot, value: {"regex": {"pattern": str(value), "name": "it"}},
    "is-json": lambda slot, value: _schema(slot, value, strict=True),
    "contains-json": lambda slot, value: _schema(slot, value, strict=False),
    "word-count": _words,
    "cost": _cheap,
    "latency": _quick,
}


class AssertionScorer(Scorer):
    """Scores each trial by the assertion that its item has; an item without one has no score.

    Args:
        slot: What is asserted.
        column: The column that has the value for each item, as JSON.
        name: The metric.
    """

    def __init__(self, slot: Slot, column: str, name: str) -> None:
        super().__init__(name, kinds=MetricKind("pass/fail", bounds=(0.0, 1.0)))
        self.slot, self.column = slot, column
        self._made: dict[str, Any] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The column with the values."""
        return (self.column,)

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """1 or 0.

        Raises:
            NoScore: The item has no such assertion.
        """
        told = trial.row.get(self.column)
        if not isinstance(told, str):
            raise NoScore("the item has no such assertion")
        value = _filled(json.loads(told), trial.row)
        key = json.dumps(value, sort_keys=True)
        if key not in self._made:
            self._made[key] = self._scorer_for(value)
        score = await self._made[key](trial)
        return {self.name: None if score is None else float(bool(score) != self.slot.negated)}

    def _scorer_for(self, value: Any) -> Callable[[Trial], Any]:
        from ..scoring.specs import scorers_of

        meant = KINDS[self.slot.kind](self.slot, value)
        if not isinstance(meant, dict):

            async def asked(trial: Trial) -> Any:
                return meant(trial)

            return asked
        (scorer,) = scorers_of(meant)

        async def scored(trial: Trial) -> Any:
            return (await scorer.marks(trial)).values["it"]

        return scored


_NAMED = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


def _filled(value: Any, row: Mapping[str, Any]) -> Any:
    """The value with the item's own in the places of their names."""
    if isinstance(value, str):
        return _NAMED.sub(lambda found: str(row.get(found[1], found[0])), value)
    return [_filled(each, row) for each in value] if isinstance(value, list) else value
