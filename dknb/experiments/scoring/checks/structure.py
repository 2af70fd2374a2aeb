"""Whether an output is JSON, fits a schema, or has the right value in a field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...._sync import in_thread
from ....errors import ConfigError
from ..base import NoScore, Scorer
from ..kinds import PASS_FAIL
from ..targets import Normaliser, TargetScorer
from .numeric import checked_width

if TYPE_CHECKING:
    from ...trials import Trial

__all__ = ["JsonField", "JsonSchema", "JsonValid"]

#: Longer outputs are read in a thread.
_SHORT = 20_000
#: Digits that `int` reads whatever the interpreter's limit is (it is 640 or more, where there is one).
_MOST_DIGITS = 640
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_NOTHING = object()


class JsonValid(Scorer):
    """1 where the output is JSON, else 0.

    Args:
        strict: Whether the whole output must be JSON; else a value in a fence or in prose counts, as it stands.
        name: The metric.
    """

    def __init__(self, *, strict: bool = True, name: str = "json_valid") -> None:
        super().__init__(name, kinds=PASS_FAIL)
        self._strict = strict

    def sees(self, trial: Trial) -> Any:
        """Nothing but the answer."""
        return None

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """1 or 0."""
        return {
            self.name: float(await _aside(trial.output or "", lambda text: _read(text, self._strict) is not _NOTHING))
        }


class JsonSchema(Scorer):
    """1 where the output is JSON that fits a schema, else 0.

    Args:
        schema: A JSON Schema, the path of a file with one, or a type that pydantic knows.
        strict: As for `JsonValid`.
        name: The metric.
    """

    shorthand = "schema"

    def __init__(self, schema: Any, *, strict: bool = True, name: str = "json_schema") -> None:
        super().__init__(name, kinds=PASS_FAIL)
        self._strict = strict
        self._schema = _loaded(schema)
        self._fits = _check_of(self._schema)

    def further_facts(self) -> Sequence[Any]:
        """The schema, which may be in a file."""
        return (self._schema,)

    def sees(self, trial: Trial) -> Any:
        """Nothing but the answer."""
        return None

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """1 or 0.

        Raises:
            NoScore: A pattern of the schema took too long.
        """
        text = trial.output or ""
        return {self.name: float(await in_thread(self._passes, text))}

    def _passes(self, text: str) -> bool:
        value = _read(text, self._strict)
        return value is not _NOTHING and self._fits(value)


class JsonField(TargetScorer):
    """1 where a field of the JSON in the output has the right value, else 0; so too where the field is not there.

    Numbers are equal as numbers (``1`` is ``1.0``, within ``tolerance``), texts as `Exact` compares them, lists and
    objects element by element.

    Args:
        field: The way to it: ``"label"``, ``"person.name"``, ``"tags[0]"``.
        target: The column of right values.
        value: The right value for all items, in place of a column.
        tolerance: How far a number may be off.
        strict: As for `JsonValid`; by default JSON in a fence or in prose counts.
        ignore_case: Capitals do not count in texts.
        name: The metric.
    """

    shorthand = "field"

    def __init__(
        self,
        field: str,
        *,
        target: str = "answer",
        value: Any = None,
        tolerance: float = 0.0,
        strict: bool = False,
        ignore_case: bool = False,
        name: str = "json_field",
    ) -> None:
        super().__init__(name, PASS_FAIL, target, value)
        self.field = field
        self._steps = _steps(field)
        self._strict = strict
        self._tolerance = checked_width("tolerance", tolerance)
        self._normal = Normaliser(ignore_case)

    def sees(self, trial: Trial) -> Any:
        """The target, and what was read in the answer."""
        return [super().sees(trial), trial.parsed]

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """1 or 0.

        Raises:
            NoScore: There is nothing to compare with.
        """
        wanted = _plain(self.wanted(trial))
        text = trial.output or ""
        parsed = trial.parsed if isinstance(trial.parsed, dict | list) else None
        whole = parsed if parsed is not None else await _aside(text, lambda each: _read(each, self._strict))
        found = _at(whole, self._steps)
        return {self.name: float(found is not _NOTHING and self._same(found, wanted))}

    def _same(self, one: Any, other: Any) -> bool:
        if isinstance(one, bool) or isinstance(other, bool):
            return one is other
        if isinstance(one, int | float) and isinstance(other, int | float):
            return abs(one - other) <= self._tolerance + 1e-12 * max(abs(one), abs(other))
        if isinstance(one, Decimal) or isinstance(other, Decimal):
            return bool(one == other)
        if isinstance(one, str) and isinstance(other, str):
            return self._normal(one) == self._normal(other)
        if isinstance(one, list) and isinstance(other, list):
            return len(one) == len(other) and all(map(self._same, one, other))
        if isinstance(one, dict) and isinstance(other, dict):
            return one.keys() == other.keys() and all(self._same(one[key], other[key]) for key in one)
        return one is None and other is None


async def _aside(text: str, work: Callable[[str], Any]) -> Any:
    """The result of ``work``, which a long text does in a thread."""
    return await in_thread(work, text) if len(text) > _SHORT else work(text)


def _read(text: str, strict: bool) -> Any:
    """The JSON that an output is, or holds; `_NOTHING` where there is none."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_int=_whole)
    except (ValueError, RecursionError):
        if strict:
            return _NOTHING
    from ....llm.answers.loose_json import json_values

    return next((found.value for found in json_values(text) if not found.repaired), _NOTHING)


def _whole(digits: str) -> Any:
    """A whole number, also one that is longer than Python reads at once."""
    return int(digits) if len(digits) <= _MOST_DIGITS else Decimal(digits)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _steps(field: Any) -> list[str | int]:
    if not isinstance(field, str) or not field or "".join(m[0] for m in _STEP.finditer(field)) != field:
        raise ConfigError(f"{field!r} names no field.", hint="For example  label  or  person.name  or  tags[0]")
    return [int(match[2]) if match[2] is not None else match[1] for match in _STEP.finditer(field)]


def _at(value: Any, steps: list[str | int]) -> Any:
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else _NOTHING
        else:
            value = value.get(step, _NOTHING) if isinstance(value, dict) else _NOTHING
    return value


def _plain(value: Any) -> Any:
    """What a cell holds as JSON data: numpy's numbers and arrays as Python's."""
    return value.tolist() if hasattr(value, "tolist") else list(value) if isinstance(value, tuple) else value


def _loaded(schema: Any) -> Any:
    """The schema that a path means; anything else as it is."""
    if not isinstance(schema, str | Path):
        return schema
    try:
        return json.loads(Path(schema).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"There is no JSON Schema in {str(schema)!r}: {error}.",
            hint="Give the schema as a dict, or its file's path",
        ) from None


def _check_of(schema: Any) -> Callable[[Any], bool]:
    """Whether a value fits a schema, its patterns bounded, and nothing fetched that it refers to."""
    if not isinstance(schema, Mapping):
        return _check_of_type(schema)
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    from ....llm.answers.bounded_patterns import SlowPattern, bounded, with_bounded_patterns

    kind: Any = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise ConfigError(f"This is no JSON Schema: {error.message[:200]} (at {error.json_path}).") from None
    validator = with_bounded_patterns(kind)(schema, registry=Registry())

    def fits(value: Any) -> bool:
        try:
            with bounded():
                return bool(validator.is_valid(value))
        except SlowPattern as slow:
            raise NoScore(f"the pattern {str(slow)!r:.100} of the schema took too long") from None
        except Unresolvable as error:
            raise NoScore(f"the schema refers to what it has not: {error}") from None
        except RecursionError:
            return False

    return fits


def _check_of_type(wanted: Any) -> Callable[[Any], bool]:
    from ....llm.answers.answer_shape import Misfit, check_format, shape_of

    check_format(wanted)
    shape = shape_of(wanted)
    if shape is None or isinstance(wanted, str):
        raise ConfigError(f"{wanted!r:.100} is no schema.", hint="Give a JSON Schema as a dict, or a pydantic model")

    def fits(value: Any) -> bool:
        try:
            shape.check(value)
        except Misfit:
            return False
        return True

    return fits
