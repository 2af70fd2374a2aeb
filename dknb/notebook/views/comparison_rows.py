"""Numbers and bars of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor, isfinite, log10
from typing import Any, NamedTuple

__all__ = [
    "UNKNOWN",
    "Bar",
    "bar_html",
    "bar_text",
    "interval",
    "measure",
    "p_value",
    "percent",
    "roughly",
    "scale",
    "signed",
]

_PIXELS, _CHARACTERS = 140, 24
#: What stands for a number that is not known, and before one below 0, on a page.
UNKNOWN, _MINUS = "\u2013", "\u2212"


class Bar(NamedTuple):
    """Where an interval and its mean lie between the least and the greatest of the table, from 0 to 1."""

    low: float
    mean: float
    high: float


def measure(value: float) -> str:
    """A measured value with three significant digits; a dash for one that is not known (as ``format.ts`` has it)."""
    if not isfinite(value):
        return UNKNOWN
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{float(f'{value:.3g}'):.6g}"


def signed(value: float) -> str:
    """The same with its sign, for a difference."""
    return f"+{measure(value)}" if isfinite(value) and value > 0 else measure(value).replace("-", _MINUS)


def interval(low: float, high: float, shown: Callable[[float], str]) -> str:
    """``0.41 to 0.63``; nothing where there is none."""
    return f"{shown(low)} to {shown(high)}" if isfinite(low) and isfinite(high) else ""


def p_value(p: float) -> str:
    """A p value with what digits it has."""
    if not isfinite(p):
        return UNKNOWN
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.0995 else f"{p:.2f}"


def percent(share: float) -> str:
    """A probability that was estimated: never 0 % or 100 %, which would be certain."""
    if not isfinite(share):
        return UNKNOWN
    if share < 0.005:
        return "< 1 %"
    return "> 99 %" if share > 0.995 else f"{share:.0%}".replace("%", " %")


def roughly(items: float) -> str:
    """A number of items with two significant digits, never fewer: it is an estimate of what it takes."""
    step = 10 ** max(floor(log10(max(items, 1))) - 1, 0)
    return f"{ceil(items / step) * step:,}"


def scale(rows: Sequence[dict[str, Any]]) -> list[Bar | None]:
    """The bars of all rows on one scale; None for a row without a mean."""
    ends = [float(row[name]) for row in rows for name in ("low", "mean", "high") if isfinite(row[name])]
    least, reach = (min(ends), max(ends) - min(ends)) if ends else (0.0, 0.0)

    def place(value: float) -> float:
        return (value - least) / reach if reach > 0 else 0.5

    bars: list[Bar | None] = []
    for row in rows:
        low, mean, high = float(row["low"]), float(row["mean"]), float(row["high"])
        if not isfinite(mean):
            bars.append(None)
        elif isfinite(low) and isfinite(high):
            bars.append(Bar(place(low), place(mean), place(high)))
        else:
            bars.append(Bar(place(mean), place(mean), place(mean)))
    return bars


def bar_html(bar: Bar | None, colour: str) -> str:
    """A thin line with a block on it; boxes in a row, since a saved notebook's HTML may hold nothing cleverer."""
    if bar is None:
        return ""
    room = _PIXELS - 4
    low, mean, high = (round(room * part) for part in bar)
    ink = "currentColor" if colour == "inherit" else colour

    def box(width: int, height: int, paint: str) -> str:
        return (
            f'<span style="display:inline-block;width:{width}px;height:{height}px;'
            f'background:{paint};vertical-align:middle"></span>'
        )

    pieces = [box(low, 2, "transparent"), box(max(mean - low, 0), 2, ink), box(4, 12, ink)]
    pieces += [box(max(high - mean, 0), 2, ink), box(max(room - high, 0), 2, "transparent")]
    joined = "".join(pieces)
    return f'<span aria-hidden="true" style="display:inline-block;width:{_PIXELS}px;white-space:nowrap">{joined}</span>'


def bar_text(bar: Bar | None) -> str:
    """The same in characters: ``    |----o---|``."""
    if bar is None:
        return ""
    low, mean, high = (round((_CHARACTERS - 1) * part) for part in bar)
    drawn = [" "] * _CHARACTERS
    drawn[low : high + 1] = "-" * (high + 1 - low)
    drawn[low] = drawn[high] = "|"
    drawn[mean] = "o"
    return "".join(drawn)
