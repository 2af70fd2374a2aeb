"""A Dask cluster as a run sees it, whatever event loop its client lives on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from ..._lazy import extra
from ...errors import ClusterError, ConfigError
from .sealing import Sealed
from .working import stop_run, work

__all__ = ["Cluster"]

T = TypeVar("T")

#: Parts of a run at a time on a worker: while the last calls of one are awaited, the other makes some.
_ON_A_WORKER = 2

#: Seconds in which workers are told to stop.
_PATIENCE_S = 1.0


class Cluster:
    """A client of ``dask.distributed``, synchronous or asynchronous.

    Args:
        client: The client.

    Raises:
        ConfigError: It is none.
        MissingExtra: Dask is not installed.
    """

    def __init__(self, client: Any) -> None:
        with extra("distributed"):
            from distributed import Client

        if not isinstance(client, Client):
            raise ConfigError(
                f"executor is {client!r:.100}, and no client of a Dask cluster.",
                hint="from dask.distributed import Client; experiment.run(executor=Client('tcp://...'))",
            )
        self._client: Any = client

    def refuse_waiting(self) -> None:
        """Refuse to be waited for where its own event loop would wait too.

        Raises:
            ConfigError: That would be for ever.
        """
        with suppress(RuntimeError):
            if asyncio.get_running_loop() is self._loop:
                raise ConfigError(
                    "The client lives on the event loop that would wait here.",
                    hint="Write  await experiment.arun(executor=client)",
                )

    async def places(self) -> int:
        """How many parts of a run it works at, at a time; 1 while it has no workers.

        Raises:
            ClusterError: It cannot be reached.
        """
        threads: dict[str, int] = await self._there(lambda: self._client.nthreads())
        return max(1, sum(min(number, _ON_A_WORKER) for number in threads.values()))

    async def work(self, key: str, *sealed: Sealed) -> Sealed:
        """Have a part of a run worked at; a worker that dies is replaced by another.

        Raises:
            ClusterError: It is not to be had, as workers die of it, or the cluster is gone.
        """
        return await self._there(lambda: self._submitted(key, sealed))

    async def stop(self, run: str) -> None:
        """Let all workers end their parts of a run, and keep what they were answered."""
        with suppress(ClusterError, asyncio.TimeoutError):
            told = self._there(lambda: self._client.run(stop_run, run, on_error="ignore"))
            await asyncio.wait_for(told, _PATIENCE_S)

    @property
    def _loop(self) -> Any:
        return self._client.loop.asyncio_loop

    async def _submitted(self, key: str, sealed: tuple[Sealed, ...]) -> Sealed:
        future = self._client.submit(work, *sealed, key=key, pure=False)
        try:
            returned: Sealed = await future
        except asyncio.CancelledError:
            await self._client.cancel([future], force=True)
            raise
        finally:
            future.release()
        return returned

    async def _there(self, make: Callable[[], Awaitable[T]]) -> T:
        """What ``make()`` gives on the loop of the client, where also a synchronous one is awaited."""

        async def made() -> T:
            return await make()

        loop = self._loop
        try:
            if loop is asyncio.get_running_loop():
                return await made()
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(made(), loop))
        except Exception as error:
            # What is worked at gives its own errors back: this one is of the cluster.
            raise ClusterError(
                f"The cluster has given up a part of the run: {type(error).__name__}: {error}",
                hint="What was stored is kept; running it again goes on from there",
            ) from error
