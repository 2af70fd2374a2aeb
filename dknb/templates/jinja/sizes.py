"""How long the result of an operation will be at most, told before it is carried out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ...errors import TemplateError
from ..simple import widest
from .meter import Meter

_BITS = 100_000  # in an integer: about 30,000 digits
_SPEC = re.compile(r"%(?:\([^)]*+\))?[#0\- +]*+(\*|[0-9]++)?(?:\.(\*|[0-9]++))?")

_SLOW = {"pprint": 20_000, "striptags": 100_000, "urlize": 100_000, "wordwrap": 100_000}
"""Filters whose time grows faster than their input, and the weight up to which they may have it."""

_DIGITS = 1_000  # that ``round`` may be asked for
_PARTS = 100_000  # that ``batch`` and ``slice`` may be asked for


def account_operator(meter: Meter, operator: str, left: Any, right: Any) -> None:
    """Account for the result of ``left operator right``."""
    meter.tick()
    if operator == "*":
        _account_product(meter, left, right)
    elif operator == "+":
        if isinstance(left, str | bytes | list | tuple):
            meter.make(meter.check(left).size + meter.check(right).size)
    elif operator == "%":
        if isinstance(left, str | bytes):
            meter.make(percent_size(meter, left, right))
    elif operator == "**" and isinstance(left, int) and isinstance(right, int):
        _refuse_bits(left.bit_length() * right)


def _account_product(meter: Meter, left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _refuse_bits(left.bit_length() + right.bit_length())
    elif isinstance(left, int):
        meter.make(left * meter.check(right).size)
    elif isinstance(right, int):
        meter.make(right * meter.check(left).size)


def _refuse_bits(bits: int) -> None:
    if bits > _BITS:
        raise TemplateError("would make an integer of more than 30,000 digits")


def percent_size(meter: Meter, template: str | bytes, values: Any) -> int:
    """The size of ``template % values``."""
    text = template if isinstance(template, str) else template.decode("latin-1")
    size, specs = len(text), 0
    for spec in _SPEC.finditer(text):
        specs += 1
        size += sum(widest(width) for width in spec.groups() if width)
    if "*" in text:
        size += sum(abs(value) for value in _items(values) if isinstance(value, int))
    return size + meter.check(values).size * (specs if isinstance(values, dict) else 1)


def _items(values: Any) -> Iterable[Any]:
    return values if isinstance(values, tuple) else (values,)


def account_numbers(meter: Meter, arguments: Iterable[Any]) -> None:
    """No number is larger than the longest text: widths, counts and sizes are given as numbers."""
    for argument in arguments:
        if isinstance(argument, int) and argument > meter.limits.output:
            meter.make(argument)


def _occurrences(text: Any, part: Any) -> int:
    return int(text.count(part))


def _replaced(meter: Meter, text: Any, old: Any, new: Any, *_: Any, **__: Any) -> int:
    if not isinstance(text, bytes):
        text, old, new = str(text), str(old), str(new)
    return len(text) + _occurrences(text, old) * len(new)


def _joined(meter: Meter, separator: Any, items: Any) -> int:
    return meter.check(items).size + len(items) * len(separator)


def _expanded(meter: Meter, text: Any, tabsize: int = 8) -> int:
    return len(text) + _occurrences(text, "\t" if isinstance(text, str) else b"\t") * tabsize


def _translated(meter: Meter, text: Any, table: Any, *_: Any) -> int:
    longest = max((len(value) for value in table.values() if isinstance(value, str)), default=1) if table else 1
    return len(text) * max(1, longest)


METHODS: dict[str, Callable[..., int]] = {
    "expandtabs": _expanded,
    "join": _joined,
    "replace": _replaced,
    "translate": _translated,
}
"""Methods of ``str`` and ``bytes`` whose result can be longer than what goes in and the numbers given, and its size."""


def _joined_items(meter: Meter, items: Any, d: Any = "", *_: Any, **__: Any) -> int:
    return meter.check(items).size + len(items) * len(str(d))


def _indented(meter: Meter, text: Any, width: Any = 4, *_: Any, **__: Any) -> int:
    return len(text) + (_occurrences(text, "\n") + 1) * (width if isinstance(width, int) else len(width))


def _wrapped(
    meter: Meter, text: Any, width: int = 79, break_long_words: bool = True, wrapstring: str | None = None, **_: Any
) -> int:
    return len(text) + (len(text) // max(width, 1) + _occurrences(text, "\n")) * len(wrapstring or "\n")


def _formatted(meter: Meter, text: Any, *values: Any, **named: Any) -> int:
    return percent_size(meter, str(text), named or values)


def _as_json(meter: Meter, value: Any, indent: int | None = None) -> int:
    weight = meter.check(value)
    return weight.size * (2 + (indent or 0) * weight.depth)


def _filled(meter: Meter, items: Any, count: int, fill_with: Any = None) -> int:
    _at_most(count, _PARTS)
    return count * meter.check(fill_with).size if fill_with is not None else 0


def _rounded(meter: Meter, number: Any, precision: int = 0, *_: Any, **__: Any) -> int:
    _at_most(precision, _DIGITS)
    return 0


def _at_most(number: int, most: int) -> None:
    if number > most:
        raise TemplateError(f"takes no number above {most:,} here")


def _summed(meter: Meter, items: Any, attribute: Any = None, start: Any = 0) -> int:
    if not isinstance(start, int | float):
        raise TemplateError("adds numbers only")
    return 0


def _attribute(meter: Meter, value: Any, name: Any) -> int:
    if str(name).startswith("_"):
        raise TemplateError("reads no attribute that begins with '_'")
    return 0


FILTERS: dict[str, Callable[..., int]] = {
    "attr": _attribute,
    "batch": _filled,
    "format": _formatted,
    "indent": _indented,
    "join": _joined_items,
    "replace": _replaced,
    "round": _rounded,
    "slice": _filled,
    "sum": _summed,
    "tojson": _as_json,
    "wordwrap": _wrapped,
}
"""Filters whose result can be longer than what goes in and the numbers given, and its size; or that refuse a value."""


def account_filter(meter: Meter, name: str, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Account for what a filter is about to make of these arguments."""
    account_numbers(meter, (*args, *kwargs.values()))
    if name in _SLOW and meter.check([value, *args, *kwargs.values()]).size > _SLOW[name]:
        raise TemplateError(f"takes no more than {_SLOW[name]:,} characters")
    if name in FILTERS:
        meter.make(FILTERS[name](meter, value, *args, **kwargs))
