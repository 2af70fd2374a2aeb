"""Writing together what arrives together: a transaction has all that came while the one before was written."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["Together"]

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Does ``work`` on what is given, in a thread, a list at a time; nothing waits for more to come.

    Args:
        work: Gives a result for each item, or the error that is its own; what it raises is everybody's.
        waits: Whether it may wait; what does not is done at once, where it is asked for.
    """

    def __init__(self, work: Callable[[list[T]], list[R | Exception]], *, waits: bool = True) -> None:
        self._work = work
        self._waits = waits
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = Lock()
        self._waiting: list[tuple[T, Future[R]]] = []
        self._busy = False

    async def do(self, item: T) -> R:
        """The result for one item; it is done when this returns."""
        if not self._waits:
            [result] = self._work([item])
            if isinstance(result, Exception):
                raise result
            return result
        if self._pid != os.getpid():
            self._reset()  # the parent's thread is not here
        future: Future[R] = Future()
        with self._lock:
            self._waiting.append((item, future))
            first, self._busy = not self._busy, True
        if first:
            asyncio.get_running_loop().run_in_executor(None, self._drain)
        return await asyncio.wrap_future(future)

    def _drain(self) -> None:
        while taken := self._take():
            try:
                results = self._work([item for item, _ in taken])
            except BaseException as error:  # noqa: BLE001 - it is raised where each result is awaited
                for _, future in taken:
                    future.set_exception(error)
                continue
            for (_, future), result in zip(taken, results, strict=True):
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    def _take(self) -> list[tuple[T, Future[R]]]:
        with self._lock:
            taken, self._waiting = self._waiting, []
            self._busy = bool(taken)
        return [(item, future) for item, future in taken if future.set_running_or_notify_cancel()] or (
            self._take() if taken else []
        )
