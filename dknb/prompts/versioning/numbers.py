"""Version numbers: ``1.2.3``, or shorter, with ``-beta.1`` for what comes before a release."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...errors import VersioningError

__all__ = ["check_number", "next_patch", "sort_key", "split_name"]

_NUMBER = re.compile(
    r"(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8}))?(?:\.(0|[1-9]\d{0,8}))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)

_Key = tuple[tuple[int, int, int], int, tuple[tuple[int, int, str], ...]]


def check_number(text: str) -> str:
    """The version number, if it is one.

    Raises:
        VersioningError: It is none.
    """
    if not _NUMBER.fullmatch(str(text)):
        raise VersioningError(f"{text!r} is no version.", hint='A version is like "1.0", "1.2.3" or "2.0.0-beta.1".')
    return text


def sort_key(number: str) -> _Key:
    """What versions are ordered by: numbers as numbers, and ``1.0.0-beta`` before ``1.0.0``."""
    found = _NUMBER.fullmatch(check_number(number))
    assert found is not None
    major, minor, patch = (int(found[index] or 0) for index in (1, 2, 3))
    parts = found[4].split(".") if found[4] else []
    early = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
    return (major, minor, patch), 0 if parts else 1, early


def next_patch(numbers: Iterable[str]) -> str:
    """The number after the greatest: ``1.0.0`` is the first."""
    keys = [sort_key(number)[0] for number in numbers]
    if not keys:
        return "1.0.0"
    major, minor, patch = max(keys)
    return f"{major}.{minor}.{patch + 1}"


def split_name(name: str) -> tuple[str, str | None]:
    """The prompt and the version in ``NAME@VERSION``; no version where what follows the last ``@`` is none."""
    prompt, at, number = name.rpartition("@")
    return (prompt, number) if at and prompt and _NUMBER.fullmatch(number) else (name, None)
