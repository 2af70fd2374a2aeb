"""Data as JSON text, for a store: refused if it is none, or, where it must not be lost, made into some."""

from __future__ import annotations

import io
import json
import math
from typing import Any

from ...errors import StorageError

__all__ = ["as_json_data", "is_soon_written", "to_json"]

#: Values that are written in one go, without other threads having their turn: that takes some milliseconds at most.
AT_ONCE = 20_000

#: How deep lists and dicts may lie in each other.
DEEPEST = 200

_SIMPLE = (str, int, type(None))


def to_json(data: Any, what: str) -> str:
    """``data`` as JSON; values that JSON does not know (dates, numbers of numpy) are written as their text.

    Raises:
        StorageError: It has keys that are no text, numbers that are none (NaN, infinity), or contains itself.
    """
    try:
        encoder = json.JSONEncoder(default=str, separators=(",", ":"), allow_nan=False)
        if is_soon_written(data):
            return encoder.encode(data)
        text = io.StringIO()
        text.writelines(encoder.iterencode(data))  # piece by piece, in Python: other threads may run in between
        return text.getvalue()
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise StorageError(
            f"The {what} cannot be written as JSON: {error}.", hint="Use dicts with text keys, lists, text and numbers."
        ) from error


def is_soon_written(data: Any) -> bool:
    """Whether ``data`` is so little that writing it as JSON halts nobody."""
    return _count(data, AT_ONCE) <= AT_ONCE


def as_json_data(data: Any, changed: list[str], where: str = "", depth: int = 0) -> Any:
    """``data`` with whatever JSON does not know made into text, and the places of that added to ``changed``."""
    if isinstance(data, _SIMPLE) or (isinstance(data, float) and math.isfinite(data)):
        return data
    if isinstance(data, dict | list | tuple) and depth < DEEPEST:
        if isinstance(data, dict):
            odd = [key for key in data if not isinstance(key, str)]
            changed += [f"{where}[{key!r:.40}]" for key in odd]
            return {
                _text(key): as_json_data(value, changed, f"{where}.{_text(key):.40}"[:200], depth + 1)
                for key, value in data.items()
            }
        return [as_json_data(value, changed, f"{where}[{at}]"[:200], depth + 1) for at, value in enumerate(data)]
    changed.append(where)
    return f"{type(data).__name__}: nested too deep" if isinstance(data, dict | list | tuple) else _text(data)


def _text(value: Any) -> str:
    """What ``value`` says of itself; one whose ``str`` fails must not cost the answer that it lies in."""
    if isinstance(value, str):
        return value
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - it is some stranger's code
        return f"<{type(value).__name__}: {type(error).__name__}>"


def _count(data: Any, most: int) -> int:
    """How many values ``data`` has, counted until there are more than ``most``."""
    found, waiting = 0, [data]
    while waiting and found <= most:
        each = waiting.pop()
        found += 1
        if isinstance(each, dict | list | tuple):
            found += len(each)
            if found <= most:
                waiting += [value for value in (each.values() if isinstance(each, dict) else each) if _holds(value)]
    return found


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list | tuple)
