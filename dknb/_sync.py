"""The one bridge from synchronous callers to the async core.

Operations that wait are written once, as coroutines. A caller that cannot await (a magic, a plain script) hands the
coroutine to one background event loop, which lives in a daemon thread of this process. That works whether or not the
caller's own thread runs a loop, so it works in a notebook cell.

Whatever a coroutine raises is its caller's, also ``SystemExit``: the loop goes on with everything else.

When the calling thread is interrupted while it waits (the stop button of a notebook), the coroutine is cancelled and
given ``GRACE`` seconds to put away what it holds before the interrupt goes on its way.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, Generic, ParamSpec, TypeVar

__all__ = ["GRACE", "Stream", "in_thread", "iterate", "run"]

#: Seconds between looks for an interrupt, where it does not come by itself.
_LOOK_S = 0.1

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds that a cancelled coroutine gets to clean up.
GRACE = 3.0


class _LoopThread:
    """An event loop in a daemon thread; a fork's child makes its own."""

    _current: _LoopThread | None = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name="dknb-loop", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        """Run the loop; what asyncio lets through (``SystemExit``, ``KeyboardInterrupt``) ends no other call.

        Its task holds it already, so the caller gets it; what else is due waits in the loop.
        """
        while not self.loop.is_closed():
            with suppress(BaseException):
                self.loop.run_forever()

    @classmethod
    def get(cls) -> _LoopThread:
        with cls._lock:
            current = cls._current
            if current is None or current.pid != os.getpid() or not current.thread.is_alive():
                current = cls._current = cls()
            return current


def _forget_after_fork() -> None:
    # The child has the parent's objects but not its threads, and the lock may have been held by one of them.
    _LoopThread._lock = threading.Lock()
    _LoopThread._current = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


class _Job(Generic[T]):
    """A coroutine on the background loop, in the caller's context variables.

    Made first and started then, so that whoever is interrupted in between still holds what has to be cancelled.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        runner = _LoopThread.get()
        if threading.current_thread() is runner.thread:
            coroutine.close()
            raise RuntimeError("dknb: a synchronous call was made on dknb's own event loop; await the async one there")
        self._loop = runner.loop
        self._coroutine = coroutine
        self._context = contextvars.copy_context()
        self._task: asyncio.Task[T] | None = None
        self._finished = threading.Event()
        self._refused: BaseException | None = None

    def start(self) -> None:
        """Let it run; what comes in the way cancels it."""
        try:
            self._loop.call_soon_threadsafe(self._start_on_loop)
        except BaseException:
            self.cancel()
            raise

    def _start_on_loop(self) -> None:
        if self._finished.is_set():
            return
        try:
            self._task = self._loop.create_task(self._coroutine, context=self._context)
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            self._refused = error
            self._finished.set()
        else:
            self._task.add_done_callback(lambda _: self._finished.set())

    def _cancel_on_loop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        else:
            self._coroutine.close()
            self._finished.set()

    def cancel(self) -> None:
        """Cancel, and wait at most ``GRACE`` seconds for the coroutine to end."""
        self._loop.call_soon_threadsafe(self._cancel_on_loop)
        self._finished.wait(GRACE)

    def result(self) -> T:
        """Wait for the end; an interrupt of the waiting thread cancels the coroutine."""
        try:
            _wait(self._finished)
        except BaseException:
            self.cancel()
            raise
        if self._refused is not None:
            raise self._refused
        assert self._task is not None, "it was cancelled before it began"
        return self._task.result()


def _wait(finished: threading.Event) -> None:
    """Wait in a way that an interrupt ends, also below ``asyncio.run``.

    That takes the first interrupt for a cancellation of its main task, which does not learn of it while its loop waits here.

    Raises:
        KeyboardInterrupt: The wait was interrupted.
    """
    try:
        tasks = [(task, task.cancelling()) for task in asyncio.all_tasks()]
    except RuntimeError:  # no loop runs here
        tasks = []
    if not tasks:
        finished.wait()
    while not finished.wait(_LOOK_S):
        if any(task.cancelling() > before for task, before in tasks):
            raise KeyboardInterrupt


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run ``coroutine`` on the background loop and wait for its result.

    Raises:
        RuntimeError: Called on the background loop itself, which would wait for itself.
    """
    job = _Job(coroutine)
    job.start()
    return job.result()


async def in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of ``work`` in a thread of its own, in the caller's context variables.

    For what may hang: unlike the threads of ``asyncio.to_thread`` it takes nobody's place, and nobody waits for it, neither
    a caller that was cancelled nor the end of the loop or the process.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]  # T, as there was no error
        else:
            future.set_exception(RuntimeError(repr(error)) if isinstance(error, StopIteration) else error)

    def do() -> None:
        result, error = None, None
        try:
            result = context.run(work, *args, **kwargs)
        except BaseException as raised:  # noqa: BLE001 - it is raised where the result is awaited
            error = raised
        with suppress(RuntimeError):  # the loop that waited has been closed
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=do, name="dknb-work", daemon=True).start()
    return await future


class Stream(Generic[T]):
    """The items of an async iterator, handed over in batches to a thread that cannot await.

    A context manager: entering it starts the iterator, leaving it early cancels and closes it.
    """

    def __init__(self, make: Callable[[], AsyncIterator[T]], *, most_waiting: int = 100_000) -> None:
        self._items: deque[T] = deque()
        self._arrived = threading.Event()
        self._ended = threading.Event()
        self._most_waiting = most_waiting
        self._make = make
        self._job: _Job[None] | None = None

    async def _pump(self) -> None:
        source = self._make()
        try:
            async for item in source:
                self._items.append(item)
                self._arrived.set()
                while len(self._items) >= self._most_waiting:  # noqa: ASYNC110 - who takes them is another thread
                    await asyncio.sleep(0.01)
        finally:
            try:
                if (close := getattr(source, "aclose", None)) is not None:
                    await close()
            finally:
                self._ended.set()
                self._arrived.set()

    def _take(self) -> list[T]:
        taken: list[T] = []
        while self._items:
            taken.append(self._items.popleft())
        return taken

    def batches(self, pause: Callable[[], float] = lambda: 0.0) -> Iterator[list[T]]:
        """Yield what has arrived, waiting ``pause()`` seconds between batches; raise what the iterator raised."""
        while not self._ended.is_set():
            _wait(self._arrived)
            self._arrived.clear()
            if (seconds := pause()) > 0:
                self._ended.wait(seconds)
            if taken := self._take():
                yield taken
        if taken := self._take():
            yield taken
        assert self._job is not None
        self._job.result()

    def close(self) -> list[T]:
        """Cancel the iterator if it still runs; return what had arrived and was not yet taken."""
        if self._job is not None and not self._ended.is_set():
            self._job.cancel()
        return self._take()

    def __enter__(self) -> Stream[T]:
        self._job = _Job(self._pump())
        try:
            self._job.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def iterate(make: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
    """Yield the items of ``make()`` one by one, as they arrive; leaving the loop closes the async iterator."""
    with Stream(make, most_waiting=1_000) as stream:
        for batch in stream.batches():
            yield from batch
