"""Blocking work of many calls, done by one thread after the other's, not by many threads at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary

__all__ = ["done_together"]

#: Pieces of work that are done in one go. Of more, the first callers would wait too long for the last.
_MOST = 20


async def done_together(work: Callable[[], None]) -> None:
    """Do ``work`` in a thread, together with what other calls of this loop have to do there meanwhile, in their order.

    Threads that write at the same time fight for the interpreter, which costs more than the writing. What was handed in
    is done, whether or not the caller waits for it.
    """
    loop = asyncio.get_running_loop()
    line = _lines.get(loop)
    if line is None:
        line = _lines[loop] = _Line()
    await line.done(work)


class _Line:
    """What waits to be done for the calls of one loop."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], None], asyncio.Future[None]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def done(self, work: Callable[[], None]) -> None:
        end = asyncio.get_running_loop().create_future()
        self._waiting.append((work, end))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        await end

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            outcomes: list[Exception | None] = []
            doing = loop.run_in_executor(None, _do, [work for work, _ in batch], outcomes)
            try:
                await asyncio.shield(doing)
            except asyncio.CancelledError:
                # The loop is about to end, and with it whoever could take up what is left.
                await asyncio.wait([doing])
                _do([work for work, _ in self._waiting], [])
                raise
            for (_, end), error in zip(batch, outcomes, strict=True):
                if end.done():
                    continue
                if error is None:
                    end.set_result(None)
                else:
                    end.set_exception(error)


def _do(batch: list[Callable[[], None]], outcomes: list[Exception | None]) -> None:
    for work in batch:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - handed on to whoever asked for this piece
            outcomes.append(error)
        else:
            outcomes.append(None)


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = WeakKeyDictionary()
