"""Holding an experiment while it is run: nobody else pays for the same calls."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from ...errors import StorageError
from ..store.claims import BEAT_S, new_claim
from ..store.runs import RunStore
from ..store.store import ExperimentStore, Opened

__all__ = ["Hold"]


class Hold:
    """A run's hold of its experiment; an async context manager, which lets go of it.

    Args:
        store: The store.
    """

    def __init__(self, store: ExperimentStore) -> None:
        self._store = RunStore(store.storage)
        self._claim = new_claim()
        self._opened: Opened | None = None
        self._beat: asyncio.Task[None] | None = None

    async def look(self, name: str) -> Opened | None:
        """The experiment with its trials, which nobody else runs from now on; None if there is none of that name.

        Raises:
            ExperimentRunning: Somebody else runs it.
            StorageError: The store cannot be read or written.
        """
        return self._held(await self._store.claim(name, self._claim))

    async def begin(self, name: str, design: Mapping[str, Any]) -> Opened:
        """The experiment with ``design`` from now on, made if `look` found none.

        One that somebody has made since then comes with the trials it has.

        Raises:
            ExperimentRunning: Somebody else runs it.
            StorageError: The store cannot be written.
        """
        if self._opened is None:
            opened = self._held(await self._store.begin(name, design, self._claim))
            assert opened is not None
            return opened
        await self._store.redesign(self._opened, design)
        return self._opened

    def _held(self, opened: Opened | None) -> Opened | None:
        self._opened = opened
        if opened is not None and self._beat is None:
            self._beat = asyncio.create_task(self._beating(opened))
        return opened

    async def _beating(self, opened: Opened) -> None:
        """Give signs of life; a store that is away for a while hears the next one."""
        while True:
            await asyncio.sleep(BEAT_S)
            with suppress(StorageError):
                await self._store.keep(opened, self._claim)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._claim.end()
        if self._beat is not None:
            self._beat.cancel()
            await asyncio.wait([self._beat])
        if self._opened is not None:
            with suppress(StorageError):  # it is known that it has ended, or will be by its silence
                await self._store.release(self._opened, self._claim)
