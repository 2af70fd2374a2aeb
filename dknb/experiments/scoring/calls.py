"""The calls of scorers in a run: each is noted as it ends, whatever becomes of the score, and waits for room in a budget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar

from ...conversations.ledger import CallRecord
from ...errors import BudgetExceeded

__all__ = ["CallQueue", "all_ended", "call_made", "made_call", "noted"]

T = TypeVar("T")

#: Seconds after which a call that waits looks again, where nobody tells it that another one has ended.
_LOOK_AGAIN_S = 0.2


class CallQueue:
    """The calls of scorers that have no room in a budget wait here until others have ended: they reserve more than they cost."""

    def __init__(self) -> None:
        self._gate, self._ended = asyncio.Lock(), asyncio.Event()

    async def made(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call.

        Raises:
            BudgetExceeded: It does not fit, also when all others have ended.
        """
        try:
            try:
                return await call()
            except BudgetExceeded as error:
                if not _may_fit(error):
                    raise
            async with self._gate:  # one at a time, or each call that ends would wake all
                return await self._patiently(call)
        finally:
            self._ended.set()

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        while True:
            self._ended.clear()
            try:
                return await call()
            except BudgetExceeded as error:
                if not _may_fit(error):
                    raise
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _LOOK_AGAIN_S)


def _may_fit(error: BudgetExceeded) -> bool:
    """Whether it may fit when calls that run have ended."""
    return bool(error.estimate and error.reserved and error.estimate <= error.limit - error.spent)


_around: ContextVar[tuple[CallQueue, list[CallRecord]] | None] = ContextVar("dknb_scoring_calls", default=None)


@contextmanager
def noted(queue: CallQueue) -> Iterator[list[CallRecord]]:
    """Around scoring: the calls that have ended in it, also where no score comes of them."""
    ended: list[CallRecord] = []
    token = _around.set((queue, ended))
    try:
        yield ended
    finally:
        _around.reset(token)


async def made_call(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call of a scorer, when there is room for it.

    Raises:
        BudgetExceeded: There is none, and will be none.
    """
    around = _around.get()
    return await (call() if around is None else around[0].made(call))


def call_made(call: CallRecord) -> CallRecord:
    """Note a call that has ended."""
    around = _around.get()
    if around is not None:
        around[1].append(call)
    return call


async def all_ended(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What came of each, when all have ended: what others have paid for is not left alone because one failed.

    Raises:
        Exception: That of the first that failed.
        asyncio.CancelledError: It was cancelled, and so were they.
    """
    tasks = [asyncio.create_task(each) for each in work]
    try:
        if tasks:
            await asyncio.wait(tasks)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    failed = [task.exception() for task in tasks if not task.cancelled()]  # all are looked at, or asyncio complains
    if error := next((each for each in failed if each is not None), None):
        raise error
    return [task.result() for task in tasks]
