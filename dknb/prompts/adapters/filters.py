"""Conditions on the metadata of documents: each is honoured, or refused with an error that names it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError, did_you_mean
from .dotted import MISSING, looked_up

__all__ = ["Filters"]

_Test = Callable[[Any, Any], bool]

#: What an operator's name stands for. A document that has no such field counts as one where it is None.
_OPERATORS: dict[str, _Test] = {
    "eq": lambda value, wanted: bool(value == wanted),
    "ne": lambda value, wanted: bool(value != wanted),
    "gt": lambda value, wanted: value is not None and bool(value > wanted),
    "gte": lambda value, wanted: value is not None and bool(value >= wanted),
    "lt": lambda value, wanted: value is not None and bool(value < wanted),
    "lte": lambda value, wanted: value is not None and bool(value <= wanted),
    "in": lambda value, wanted: value in wanted,
    "not_in": lambda value, wanted: value not in wanted,
    "contains": lambda value, wanted: value is not None and wanted in value,
}
_LISTS = (list, tuple, set, frozenset)


@dataclass(frozen=True)
class Condition:
    """One condition on one field."""

    field: str
    operator: str
    wanted: Any

    def holds(self, value: Any) -> bool:
        """Whether it is true of a value; None stands for a missing one.

        Raises:
            ConfigError: The two cannot be compared.
        """
        try:
            return _OPERATORS[self.operator](value, self.wanted)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"Filter {self.field!r}: {value!r} and {self.wanted!r} cannot be compared by {self.operator!r}.",
                hint="Give a value of the type that the documents have",
            ) from error


class Filters:
    """The filters of a search, read and checked.

    Raises:
        ConfigError: They are malformed.

    >>> Filters({"year": {"gte": 2020}, "lang": ["en", "de"]}).match({"year": 2021, "lang": "de"})
    True
    """

    def __init__(self, filters: Mapping[str, Any] | None) -> None:
        if filters is not None and not isinstance(filters, Mapping):
            raise ConfigError(f"Filters are {filters!r}, which is no mapping.", hint='Write e.g. {"lang": "en"}')
        self.conditions = [each for name, wanted in (filters or {}).items() for each in _conditions(name, wanted)]

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def match(self, metadata: Mapping[str, Any]) -> bool:
        """Whether all conditions hold; a field's name may be dotted."""
        return all(each.holds(_value(metadata, each.field)) for each in self.conditions)

    def check_fields(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Refuse a field that none of the documents has: a filter on it would say nothing.

        Raises:
            ConfigError: There is such a field, and the message names the nearest one that exists.
        """
        unseen = {each.field for each in self.conditions}
        known: dict[str, None] = {}
        for metadata in documents:
            if not unseen:
                return
            unseen = {field for field in unseen if looked_up(metadata, field) is MISSING}
            known.update(dict.fromkeys(str(name) for name in metadata))
        if unseen and known:
            self.refuse(min(unseen), known)

    def check_names(self, known: Iterable[str]) -> None:
        """Refuse a field that is not one of these.

        Raises:
            ConfigError: There is such a field.
        """
        names = list(known)
        for each in self.conditions:
            if each.field not in names:
                self.refuse(each.field, names)

    @staticmethod
    def refuse(field: str, known: Iterable[str]) -> None:
        """Raise the error of a filter that cannot be honoured."""
        names = list(known)
        raise ConfigError(
            f"Filter {field!r}: there is no such field.{did_you_mean(field, names)}",
            hint=f"There are: {', '.join(sorted(names)[:20])}" if names else None,
        )


def _value(metadata: Mapping[str, Any], field: str) -> Any:
    value = looked_up(metadata, field)
    return None if value is MISSING else value


def _conditions(name: str, wanted: Any) -> list[Condition]:
    if not isinstance(name, str):
        raise ConfigError(f"Filter {name!r}: its name is no text.")
    if isinstance(wanted, _LISTS):
        return [_condition(name, "in", wanted)]
    if not isinstance(wanted, Mapping):
        return [_condition(name, "eq", wanted)]
    if not wanted:
        raise ConfigError(f"Filter {name!r} has no condition.", hint='Write e.g. {"gte": 2020}')
    return [_condition(name, operator, value) for operator, value in wanted.items()]


def _condition(name: str, operator: str, wanted: Any) -> Condition:
    if operator not in _OPERATORS:
        raise ConfigError(
            f"Filter {name!r}: there is no operator {operator!r}.{did_you_mean(str(operator), _OPERATORS)}",
            hint=f"The operators are: {', '.join(_OPERATORS)}",
        )
    if operator in ("in", "not_in") and not isinstance(wanted, _LISTS):
        raise ConfigError(f"Filter {name!r}: {operator!r} takes a list of values, not {wanted!r}.")
    return Condition(name, operator, wanted)
