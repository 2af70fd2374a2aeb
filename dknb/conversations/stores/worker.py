"""The thread that a store works on: nothing that it waits for blocks an event loop, and it belongs to none."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

__all__ = ["Worker"]

#: Seconds that a cancelled caller waits for what it has begun.
GRACE = 1.0

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """One thread, started at first use, that does what it is given one after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pool: ThreadPoolExecutor | None = None
        self._pid = 0
        self._lock = threading.Lock()

    @property
    def idle(self) -> bool:
        """Whether it has nothing to end: it has no thread."""
        return self._pool is None or self._pid != os.getpid()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of ``work``, which is done even if the caller is cancelled while it waits.

        A cancelled caller is held back for `GRACE` seconds at most, until its work is done: what it does next sees it.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        job = self._submit(work, *args, **kwargs)

        def done(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop that waited has been closed
                loop.call_soon_threadsafe(waiter.set_result, None)

        job.add_done_callback(done)
        try:
            await asyncio.shield(waiter)
        except asyncio.CancelledError:
            await asyncio.wait([waiter], timeout=GRACE)
            raise
        return job.result()

    def _submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        with self._lock:
            if self._pool is None or self._pid != os.getpid():
                # A fork's child has the parent's pool, but not its thread.
                self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self._name)
                self._pid = os.getpid()
            return self._pool.submit(work, *args, **kwargs)

    async def stop(self) -> None:
        """End the thread after what it has to do; the next use starts another."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)
