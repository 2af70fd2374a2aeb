"""Answers that are kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

__all__ = ["ExpiringCache"]

T = TypeVar("T")


class ExpiringCache(Generic[T]):
    """Values by key, each for some seconds; the oldest goes when there are too many. Any thread may use it.

    Args:
        seconds: How long a value is kept; 0 keeps none.
        most: How many are kept.
        clock: Tells the time in seconds.
    """

    def __init__(self, seconds: float, *, most: int = 1_000, clock: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> T | None:
        """The value, if it is still good."""
        with self._lock:
            expires, value = self._kept.get(key, (0.0, None))
            if value is None or self._clock() < expires:
                return value
            del self._kept[key]
            return None

    def put(self, key: Hashable, value: T) -> None:
        """Keep a value from now on."""
        if self._seconds <= 0:
            return
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (self._clock() + self._seconds, value)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
