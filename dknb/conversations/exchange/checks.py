"""Looking at plain data that somebody else wrote: each value is checked before it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, TypeVar

from ...errors import ConfigError, ConversationError, SchemaVersionError, StorageError
from ..node import with_zone

__all__ = ["told", "typed", "typed_or", "utc_time"]

T = TypeVar("T")

_CALLED = {dict: "an object", list: "a list", str: "text", int: "a number"}


@contextmanager
def told(where: str, hint: str | None = None) -> Iterator[None]:
    """Say where something is wrong; whatever is wrong becomes a `StorageError`."""
    try:
        yield
    except (SchemaVersionError, StorageError):
        raise
    except (ConversationError, ConfigError) as error:
        raise StorageError(f"{where}: {error}", hint=hint or error.hint) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise StorageError(f"{where}: {error!s:.300}", hint=hint) from error


def typed(data: Mapping[str, Any], key: str, kind: type[T]) -> T:
    """The value of ``key``, which must be of that kind.

    Raises:
        ValueError: It is missing.
        TypeError: It is something else.
    """
    if key not in data:
        raise ValueError(f"{key!r} is missing")
    value = data[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{key!r} is {value!r:.60}, not {_CALLED[kind]}")
    return value


def typed_or(data: Mapping[str, Any], key: str, kind: type[T]) -> T | None:
    """The value of ``key``, which must be of that kind; None if it is missing or null."""
    return None if data.get(key) is None else typed(data, key, kind)


def utc_time(data: Mapping[str, Any], key: str) -> datetime:
    """The time of ``key`` (ISO 8601) in UTC; one without a zone is taken to be UTC.

    Raises:
        ValueError: It is missing, or no time.
    """
    text = typed(data, key, str)
    try:
        return with_zone(datetime.fromisoformat(text)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError(f"{key!r} is {text!r:.60}, not a time (ISO 8601)") from None
