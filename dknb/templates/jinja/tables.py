"""What a template may ask of NumPy's and pandas' data: what only looks at them and makes little."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from ...errors import TemplateError
from ..origin import package_of
from .meter import Meter

_PACKAGES = frozenset({"numpy", "pandas"})
_CLASSES = "Categorical ExtensionArray Index NDFrame NaTType generic ndarray _Interval _Period _Timedelta _Timestamp"
_PRINTS = "describe to_csv to_dict to_html to_json to_markdown to_string"
_GIVES_PARTS = "get head item items iterrows itertuples keys nlargest nsmallest tail"
_LOOKS = """
    abs all any argmax argmin as_integer_ratio copy count cummax cummin cumsum date day_name drop_duplicates dropna
    duplicated flatten idxmax idxmin is_integer isna isnull isocalendar isoformat isoweekday max mean median min mode
    month_name notna notnull nunique prod quantile ravel reset_index round sort_index sort_values std strftime sum time
    timestamp timetuple to_list to_numpy to_pydatetime tolist total_seconds transpose unique value_counts var weekday
"""
_TAKES = """
    ascending axis by columns date_format ddof decimals drop dropna floatfmt header ignore_index include exclude indent
    index keep level max_cols max_rows n name normalize numeric_only orient percentiles q sep skipna sort subset tablefmt
"""
_DATA = frozenset(_CLASSES.split())
"""Classes of data, which the other ones are made from."""
_PRINTING, _PARTS, _LOOKING = (frozenset(names.split()) for names in (_PRINTS, _GIVES_PARTS, _LOOKS))
_KEYWORDS = frozenset(_TAKES.split())
_POSITIONAL = {"item": 3, "nlargest": 2, "nsmallest": 2, **dict.fromkeys(_PRINTING, 0), "to_dict": 1}
_PRINTED_CELLS = 200_000  # which takes pandas about two seconds
_WIDEST_INDENT = 100
_ARGUMENTS = 10_000  # in a list: names of columns
_PLAIN = (str, int, float, bool, type(None), datetime.date, datetime.timedelta)


def is_table(value: object) -> bool:
    """Whether a value is data of NumPy or pandas."""
    return any(each.__name__ in _DATA and package_of(each) in _PACKAGES for each in type(value).__mro__)


def table_looks(value: object, name: str) -> bool:
    """Whether this method of it only looks."""
    if name not in _PRINTING | _PARTS | _LOOKING or not is_table(value):
        return False
    owner = next((each for each in type(value).__mro__ if name in vars(each)), None)
    return owner is not None and package_of(owner) in _PACKAGES


def account_table_call(meter: Meter, value: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Account for such a call, and refuse arguments that lead to files, change the data or are code."""
    most = _POSITIONAL.get(name, 1)
    if len(args) > most:
        raise TemplateError(f"{name}() takes {f'at most {most}' if most else 'only named'} arguments here")
    if wrong := [key for key in kwargs if key not in _KEYWORDS]:
        raise TemplateError(f"{name}() takes no {wrong[0]!r} here")
    if not all(map(_is_plain, (*args, *kwargs.values()))):
        raise TemplateError(f"{name}() takes only texts, numbers and lists of them here")
    if isinstance(kwargs.get("indent"), int) and kwargs["indent"] > _WIDEST_INDENT:
        raise TemplateError(f"takes no number above {_WIDEST_INDENT} here")
    if name in _PARTS:
        return
    most_cells = min(_PRINTED_CELLS, meter.limits.output) if name in _PRINTING else meter.limits.output
    if _cells(value) > most_cells:
        raise TemplateError(
            f"{name}() takes no more than {most_cells:,} values here", hint="Prepare the data in a cell: df.head(100)."
        )


def account_table_operator(meter: Meter, left: Any, right: Any) -> None:
    """Account for what an operation makes of two arrays: each shape may be spread along the other."""
    shapes = [getattr(each, "shape", None) for each in (left, right)]
    if all(isinstance(shape, tuple) for shape in shapes):
        meter.make(_spread(*shapes))  # type: ignore[arg-type]  # both are tuples


def account_table_item(meter: Meter, value: Any, key: Any) -> None:
    """Account for what ``value[key]`` copies."""
    keys = key if isinstance(key, tuple) else (key,)
    if any(each is None for each in keys):
        raise TemplateError("adds no dimension to an array")
    rows = max(len(value), 1) if getattr(value, "ndim", 0) else 1
    for each in keys:
        if hasattr(type(each), "__len__") and not isinstance(each, str):
            meter.make(len(each) * max(_cells(value) // rows, 1))


def _cells(value: Any) -> int:
    size = getattr(value, "size", 1)
    return size if isinstance(size, int) else 1


def _spread(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    size = 1
    for at in range(1, max(len(left), len(right)) + 1):
        size *= max((shape[-at] for shape in (left, right) if at <= len(shape)), default=1)
    return size


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, _few(value)))
    return isinstance(value, _PLAIN)


def _few(values: Iterable[Any]) -> list[Any]:
    items = list(values)
    if len(items) > _ARGUMENTS:
        raise TemplateError(f"takes no list of more than {_ARGUMENTS:,} here")
    return items
