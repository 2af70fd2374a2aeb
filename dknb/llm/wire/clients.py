"""Clients of an SDK: one for each event loop, since their connections belong to a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Clients"]


class Closeable(Protocol):
    """What a client must offer."""

    def close(self) -> Awaitable[Any]:
        """Close its connections."""


C = TypeVar("C", bound=Closeable)


class Clients(Generic[C]):
    """The clients of one provider.

    Args:
        make: Makes a client; it may block (it imports the SDK), so it runs in a thread.
    """

    def __init__(self, make: Callable[[], C]) -> None:
        self._make = make
        self._made: dict[asyncio.AbstractEventLoop, asyncio.Task[C]] = {}

    async def get(self) -> C:
        """The client of the running loop, made at first use."""
        loop = asyncio.get_running_loop()
        task = self._made.get(loop)
        if task is None or _failed(task):
            self._forget_closed_loops()
            task = self._made[loop] = loop.create_task(asyncio.to_thread(self._make))
        # The client is for all callers: one of them that is cancelled must not take it from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Close all clients, each on its own loop. A client whose loop stands still or is gone cannot be closed."""
        made, self._made = self._made, {}
        here = asyncio.get_running_loop()
        for loop, task in made.items():
            if loop is here:
                await _close(task)
            elif loop.is_running():
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_close(task), loop))

    def _forget_closed_loops(self) -> None:
        for loop in list(self._made):
            if loop.is_closed():
                del self._made[loop]


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _close(task: asyncio.Task[Any]) -> None:
    with suppress(Exception):
        client = await task
        await client.close()
