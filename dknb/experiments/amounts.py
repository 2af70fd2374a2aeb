"""Numbers as people read them: money, time, counted things."""

from __future__ import annotations

import math

__all__ = ["counted", "duration", "money"]


def money(usd: float | None) -> str:
    """US dollars, with as many digits as it takes; an unknown price is called so, never 0."""
    if usd is None:
        return "price unknown"
    if usd == 0:
        return "$0"
    if math.isinf(usd):
        return "without bound"
    digits = 2 if usd >= 0.995 else max(4, 1 - math.floor(math.log10(usd)))
    return f"${usd:,.{digits}f}"


def duration(seconds: float) -> str:
    """A time: ``0.8 s``, ``2 min 5 s``, ``1 h 3 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 call``, ``2,000 calls``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
