"""One writer at a time, whichever loop or thread it comes from; and work that is not left half done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from ...._sync import in_thread

__all__ = ["WriterTurn", "to_the_end"]

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds between two looks at whether it is one's turn.
_PAUSE = 0.002


class WriterTurn:
    """An async lock that several event loops can share, which those of asyncio cannot."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        while not self._lock.acquire(blocking=False):  # noqa: ASYNC110 - its holder may be on another loop
            await asyncio.sleep(_PAUSE)

    async def __aexit__(self, *exc_info: object) -> None:
        self._lock.release()


async def to_the_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function gives that runs in a thread; who is cancelled meanwhile waits until it is through."""
    work = asyncio.ensure_future(in_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        if not work.cancelled():
            work.exception()  # looked at, so that nobody reports it as missed
        raise
