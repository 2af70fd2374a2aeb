"""A time limit for each of many waits."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable
from typing import Any, Self, TypeVar

__all__ = ["Watch"]

T = TypeVar("T")


class Watch:
    """Bounds each of many waits of one task with a single timer, so that it may be done for every piece of a stream.

    ``asyncio.timeout`` makes and drops a timer for each wait, a fifth of what a piece costs. This one looks, when its
    timer rings, how long the present wait has lasted.

    Args:
        seconds: The most that one wait may take; None for no limit.
        within: The most that all may take, from now on; None for no limit.
    """

    def __init__(self, seconds: float | None, within: float | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = math.inf if seconds is None else seconds
        self._ends = math.inf if within is None else self._loop.time() + within
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._since = 0.0
        self._rang = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def wait(self, answer: Awaitable[T]) -> T:
        """The result of ``answer``.

        Raises:
            TimeoutError: It did not come in time; what it waited for was cancelled.
        """
        if self._seconds == self._ends == math.inf:
            return await answer
        task = self._task = asyncio.current_task()
        assert task is not None
        cancellations = task.cancelling()
        self._since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_at(self._due(), self._look)
        try:
            return await answer
        except asyncio.CancelledError:
            if self._rang and task.uncancel() <= cancellations:
                raise TimeoutError from None
            raise
        finally:
            self._task = None

    def _due(self) -> float:
        return min(self._since + self._seconds, self._ends)

    def _look(self) -> None:
        self._timer = None
        if self._task is None:
            return
        due = self._due()
        if due > self._loop.time():
            self._timer = self._loop.call_at(due, self._look)
        else:
            self._rang = True
            self._task.cancel()
