"""How long the result of an operation will be at most, told before it is carried out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from operator import index
from typing import Any

from ...errors import TemplateError
from ..simple import widest
from .meter import Meter, decimal_digits
from .tables import account_table_operator

_BITS = 100_000  # in an integer: about 30,000 digits
_SPEC = re.compile(r"%(?:\([^)]*+\))?[#0\- +]*+(\*|[0-9]++)?(?:\.(\*|[0-9]++))?")

_SLOW = {"pprint": 20_000, "striptags": 100_000, "urlize": 100_000, "wordwrap": 100_000}
"""Filters whose time grows faster than their input, and the weight up to which they may have it."""

_DIGITS = 1_000  # that ``round`` may be asked for
_DATE_PART = 20  # characters, at most about, that a letter of a date's layout stands for
_PARTS = 100_000  # that ``batch`` and ``slice`` may be asked for


def account_operator(meter: Meter, operator: str, left: Any, right: Any) -> None:
    """Account for the result of ``left operator right``."""
    meter.tick()
    account_table_operator(meter, left, right)
    if operator == "*":
        _account_product(meter, left, right)
    elif operator == "+" and isinstance(left, str | bytes | list | tuple):
        meter.make(meter.check(left).size + meter.check(right).size)
    elif operator == "%" and isinstance(left, str | bytes):
        meter.make(percent_size(meter, left, right))
    elif operator == "**":
        _account_power(left, right)
    elif isinstance(left, Fraction) or isinstance(right, Fraction):
        _refuse_bits(_bits(left) + _bits(right))


def _account_product(meter: Meter, left: Any, right: Any) -> None:
    counts = whole(left), whole(right)
    if None not in counts or isinstance(left, Fraction) or isinstance(right, Fraction):
        _refuse_bits(_bits(left) + _bits(right))
    elif counts[0] is not None:
        meter.make(counts[0] * meter.check(right).size)
    elif counts[1] is not None:
        meter.make(counts[1] * meter.check(left).size)


def _account_power(left: Any, right: Any) -> None:
    exponent = whole(right)
    if isinstance(right, Fraction) and right.denominator == 1:
        exponent = right.numerator
    if exponent is not None and isinstance(left, Fraction):
        _refuse_bits(_bits(left) * abs(exponent))
    elif exponent is not None and isinstance(left, int):
        _refuse_bits(_bits(left) * exponent)


def whole(value: Any) -> int | None:
    """The number that Python takes a value for where it counts something; None for what counts nothing."""
    if isinstance(value, int):
        return value
    if not hasattr(type(value), "__index__") or getattr(value, "shape", ()) != ():
        return None
    with suppress(TypeError):
        return index(value)
    return None


def _bits(value: Any) -> int:
    """The bits of the largest integer in a number."""
    if isinstance(value, Fraction):
        return max(value.numerator.bit_length(), value.denominator.bit_length())
    if isinstance(value, Decimal):
        return decimal_digits(value) * 4
    number = whole(value)
    return 64 if number is None else number.bit_length()


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
        size += sum(abs(number) for number in map(whole, _items(values)) if number is not None)
    return size + meter.check(values).size * (specs if isinstance(values, dict) else 1)


def _items(values: Any) -> Iterable[Any]:
    return values if isinstance(values, tuple) else (values,)


def account_numbers(meter: Meter, arguments: Iterable[Any]) -> None:
    """No number is larger than the longest text: widths, counts and sizes are given as numbers."""
    for argument in arguments:
        number = whole(argument)
        if number is not None and number > meter.limits.output:
            meter.make(number)


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


def _written_date(meter: Meter, receiver: Any, *args: Any, **named: Any) -> int:
    layout = next(iter((*args, *named.values())), "")
    if not isinstance(layout, str):
        return 0
    _at_most(widest(layout), _DIGITS)
    return len(layout) * _DATE_PART


def _whole_ratio(meter: Meter, number: Any, *_: Any) -> int:
    return _as_whole(meter, number)


METHODS: dict[str, Callable[..., int]] = {
    "as_integer_ratio": _whole_ratio,
    "expandtabs": _expanded,
    "join": _joined,
    "strftime": _written_date,
    "replace": _replaced,
    "translate": _translated,
}
"""Methods of plain data whose result can be longer than what goes in and the numbers given, and its size."""


METHODS_OF: dict[str, Any] = {"as_integer_ratio": Decimal, "strftime": date | time}
"""Whose methods they are, where not those of ``str`` and ``bytes``."""


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


def _as_json(meter: Meter, value: Any, indent: int | str | None = None) -> int:
    weight = meter.check(value)
    width = len(indent) if isinstance(indent, str) else indent or 0
    return weight.size * (2 + width * weight.depth)


def _fenced(meter: Meter, text: Any, *_: Any) -> int:
    return len(str(text)) + 3 * _occurrences(str(text), "<")


def _filled(meter: Meter, items: Any, count: int, fill_with: Any = None) -> int:
    _at_most(count, _PARTS)
    return count * meter.check(fill_with).size if fill_with is not None else 0


def _rounded(meter: Meter, number: Any, precision: int = 0, *_: Any, **__: Any) -> int:
    _at_most(precision, _DIGITS)
    return _as_whole(meter, number)


def _at_most(number: int, most: int) -> None:
    if number > most:
        raise TemplateError(f"takes no number above {most:,} here")


def _as_whole(meter: Meter, number: Any, *_: Any, **__: Any) -> int:
    _refuse_bits(_bits(number) if isinstance(number, Decimal) else 0)
    return 0


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
    "fenced": _fenced,
    "format": _formatted,
    "indent": _indented,
    "int": _as_whole,
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
