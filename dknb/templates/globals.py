"""Names that MIXED and JINJA2 templates have without being given; a parameter of the same name is stronger."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

FUNCTIONS = frozenset({"dict", "joiner", "namespace", "prompt_ref", "range"})

_CLOCK: dict[str, Callable[[datetime], str]] = {
    "current_date": lambda now: now.strftime("%Y-%m-%d"),
    "current_datetime": lambda now: now.isoformat(),
    "current_year": lambda now: str(now.year),
}

GLOBALS = FUNCTIONS | frozenset(_CLOCK)


def clock_values(names: Iterable[str]) -> dict[str, str]:
    """Those of these names that tell the local time, with their values now."""
    now = datetime.now().astimezone()
    return {name: _CLOCK[name](now) for name in names if name in _CLOCK}
