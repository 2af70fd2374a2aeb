"""Token counts as servers tell them: what is no count is left out, since an answer must not be lost for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

__all__ = ["count", "is_count", "tidy_usage", "usage_of"]

#: More tokens than any answer has; what is beyond is a fault of the server.
_MOST = 10**12


def is_count(value: Any) -> TypeGuard[int]:
    """Whether a value is a number of something: whole, finite and not below 0."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _MOST and value % 1 == 0


def count(told: Any, *path: str) -> int | None:
    """The count at a place in plain data; None where there is none."""
    for name in path:
        told = told.get(name) if isinstance(told, Mapping) else None
    return int(told) if is_count(told) else None


def usage_of(told: Any, prompt: str, completion: str, details: Mapping[str, int | None]) -> dict[str, int] | None:
    """The counts of an answer under our names; None where the server told none, or not how many.

    Args:
        told: What the server told.
        prompt: Its name of the prompt's tokens; it may leave them out.
        completion: Its name of the answer's tokens; it may leave them out.
        details: Further counts under our names; those that are None are left out.
    """
    if not isinstance(told, Mapping) or not told:
        return None
    asked, answered = (0 if told.get(name) is None else count(told, name) for name in (prompt, completion))
    if asked is None or answered is None:
        return None
    whole = {"prompt_tokens": asked, "completion_tokens": answered}
    whole["total_tokens"] = count(told, "total_tokens") or asked + answered
    return whole | {name: number for name, number in details.items() if number is not None}


def tidy_usage(usage: Any) -> dict[str, int] | None:
    """A usage under our names without what is no count; None where prompt or answer have none."""
    if not isinstance(usage, Mapping):
        return None
    whole = {name: int(number) for name, number in usage.items() if isinstance(name, str) and is_count(number)}
    broken = any(usage.get(name) is not None and name not in whole for name in ("prompt_tokens", "completion_tokens"))
    return None if broken else whole or None
