"""Typed parameters: what a prompt says about the values it takes, and whether a value is one of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from ..errors import PromptError, did_you_mean

__all__ = ["PARAMETER_TYPES", "ParameterSpec", "check_value", "coerce"]

#: The types that a parameter may have.
PARAMETER_TYPES = ("string", "integer", "number", "boolean", "list", "object", "enum", "any")


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """What a prompt declares about one parameter. Its default lies in the ``defaults`` of the prompt.

    Attributes:
        type: One of ``PARAMETER_TYPES``; ``any`` for what is declared without a type.
        description: What it is for, in a line.
        required: Whether the prompt must have a value for it.
        choices: The values that it may have; an enum has some, other types may have some.
        items: What each item of a list must be; None for anything.
        minimum: The least number.
        maximum: The greatest number.
        min_items: How many items a list or an object has at least.

    Raises:
        PromptError: There is no such type.
    """

    type: str = "any"
    description: str = ""
    required: bool = False
    choices: tuple[Any, ...] = ()
    items: ParameterSpec | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_items: int | None = None

    def __post_init__(self) -> None:
        if self.type not in PARAMETER_TYPES:
            raise PromptError(
                f"There are no parameters of type {self.type!r}.{did_you_mean(str(self.type), PARAMETER_TYPES)}",
                hint=f"A type is one of: {', '.join(PARAMETER_TYPES)}.",
            )

    def __str__(self) -> str:
        if self.choices:
            return " | ".join(map(str, self.choices))
        return f"list of {self.items}" if self.items is not None else self.type


def check_value(spec: ParameterSpec, value: object) -> str | None:
    """What is wrong with ``value``, as the end of a sentence that begins with the parameter's name; None when it fits.

    None is no value and fits always: whether there must be one is said by ``required``.
    """
    if value is None:
        return None
    fits, wanted = _TYPES[spec.type]
    if not fits(value):
        return f"must be {wanted}, not {_shown(value)}"
    return _beyond_choices(spec, value) or _beyond_bounds(spec, value) or _beyond_items(spec, value)


def coerce(spec: ParameterSpec, text: str) -> Any:
    """The value that somebody typed as ``text``.

    A list is JSON (of objects also without the brackets around them) or words between commas; an object is JSON; a truth
    value is true or false, yes or no, on or off.

    Raises:
        PromptError: The text is no such value.
    """
    try:
        value = _READERS.get(spec.type, _read_text)(spec, text.strip() if spec.type != "string" else text)
    except (ValueError, RecursionError):
        said = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
        raise PromptError(f"{said!r} is not {_TYPES[spec.type][1]}.", hint=_hint(spec)) from None
    if (problem := check_value(spec, value)) is not None:
        raise PromptError(f"The value {problem}.", hint=_hint(spec))
    return value


#: Characters of a value that a message shows.
_LONGEST = 60


def _is_text(value: object) -> bool:
    """Text, or what says itself as text: an answer of a model, a path, a date. A number is a number."""
    return isinstance(value, str) or (
        type(value).__str__ is not object.__str__ and not isinstance(value, Real | Decimal) and not _is_truth(value)
    )


def _is_truth(value: object) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")  # numpy's are no bool


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not _is_truth(value)


def _is_number(value: object) -> bool:
    return isinstance(value, Real | Decimal) and not _is_truth(value)


def _is_list(value: object) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)


_Type = tuple[Callable[[object], bool], str]
_TYPES: dict[str, _Type] = {
    "string": (_is_text, "text"),
    "integer": (_is_whole, "a whole number"),
    "number": (_is_number, "a number"),
    "boolean": (_is_truth, "true or false"),
    "list": (_is_list, "a list"),
    "object": (lambda value: isinstance(value, Mapping), "an object (names and values)"),
    "enum": (lambda value: True, "one of its choices"),
    "any": (lambda value: True, "a value"),
}


def _beyond_choices(spec: ParameterSpec, value: object) -> str | None:
    if not spec.choices or any(type(value) is type(choice) and value == choice for choice in spec.choices):
        return None
    if isinstance(value, str) and any(str(value) == str(choice) for choice in spec.choices):
        return None  # 2 and "2" print the same, and a prompt is a print
    near = did_you_mean(value, [str(choice) for choice in spec.choices]) if isinstance(value, str) else ""
    return f"must be one of {', '.join(map(repr, spec.choices))}, not {_shown(value)}{near and f' ({near.strip()})'}"


def _beyond_bounds(spec: ParameterSpec, value: Any) -> str | None:
    if spec.minimum is not None and not _is_ordered(spec.minimum, value):
        return f"must be at least {spec.minimum:g}, not {_shown(value)}"
    if spec.maximum is not None and not _is_ordered(value, spec.maximum):
        return f"must be at most {spec.maximum:g}, not {_shown(value)}"
    return None


def _is_ordered(less: Any, more: Any) -> bool:
    try:
        return bool(less <= more)
    except ArithmeticError:  # a Decimal that is no number
        return False


def _beyond_items(spec: ParameterSpec, value: Any) -> str | None:
    if spec.min_items is not None and len(value) < spec.min_items:
        return f"must hold {spec.min_items} or more, not {len(value)}"
    if spec.items is None:
        return None
    for index, item in enumerate(value):
        if (problem := check_value(spec.items, item)) is not None:
            return f"is wrong at item {index}: it {problem}"
    return None


def _read_text(spec: ParameterSpec, text: str) -> Any:
    return text


def _read_truth(spec: ParameterSpec, text: str) -> bool:
    word = text.lower()
    if word not in _TRUTHS:
        raise ValueError(text)
    return _TRUTHS[word]


def _read_number(spec: ParameterSpec, text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _read_list(spec: ParameterSpec, text: str) -> list[Any]:
    if text.startswith(("[", "{")):
        items = json.loads(text if text.startswith("[") else f"[{text}]")
        assert isinstance(items, list)
        return items
    words = [word.strip() for word in text.split(",")] if text else []
    return [coerce(spec.items, word) for word in words] if spec.items is not None else list(words)


def _read_choice(spec: ParameterSpec, text: str) -> Any:
    return next((choice for choice in spec.choices if str(choice) == text), text)


_TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_READERS: dict[str, Callable[[ParameterSpec, str], Any]] = {
    "integer": lambda spec, text: int(text),
    "number": _read_number,
    "boolean": _read_truth,
    "list": _read_list,
    "object": lambda spec, text: json.loads(text),
    "enum": _read_choice,
}


def _hint(spec: ParameterSpec) -> str:
    if spec.choices:
        return f"One of: {', '.join(map(str, spec.choices))}"
    examples = {"list": "a, b, c  or  [1, 2]", "object": '{"name": "value"}', "boolean": "true or false"}
    return f"For example: {examples.get(spec.type, '42')}"


def _shown(value: object) -> str:
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001 - whatever a class of the caller raises
        return f"a {type(value).__name__} that cannot be shown"
    return f"{type(value).__name__} {shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + '...'}"
