"""Where batches are kept: in the store of the experiment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from ...conversations.stores._row_storage import RowStorage
from .kept import KeptBatch

__all__ = ["Shelf"]


class _MemoryBatches:
    """What `SqlBatches` does, in a dict."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, KeptBatch]] = {}

    def are_there(self) -> bool:
        return True

    def make(self) -> None:
        """Nothing: the place is there."""

    def listed(self, experiment: int) -> list[KeptBatch]:
        return [kept for number, kept in self._kept.values() if number == experiment]

    def keep(self, experiment: int, kept: KeptBatch) -> None:
        self._kept[kept.tag] = experiment, kept

    def forget(self, tag: str) -> None:
        self._kept.pop(tag, None)


_in_memory: WeakKeyDictionary[Any, _MemoryBatches] = WeakKeyDictionary()


class Shelf:
    """The batches of experiments that are not collected.

    Args:
        storage: The store.
    """

    def __init__(self, storage: RowStorage) -> None:
        self._storage = storage

    async def listed(self, experiment: int) -> list[KeptBatch]:
        """Those of an experiment, the oldest first.

        Raises:
            StorageError: The store cannot be read.
        """
        return await self._storage.work(self._listed, experiment)

    async def keep(self, experiment: int, kept: KeptBatch) -> None:
        """Keep one, in the place of the one of its tag.

        Raises:
            StorageError: The store cannot be written.
        """
        await self._storage.work(self._keep, experiment, kept)

    async def forget(self, kept: KeptBatch) -> None:
        """Keep one no longer.

        Raises:
            StorageError: The store cannot be written.
        """
        await self._storage.work(self._forget, kept.tag)

    # All below runs where the store is worked on

    @contextmanager
    def _batches(self, *, write: bool) -> Iterator[Any]:
        with self._storage.rows(write=write) as rows:
            if rows is None:
                yield None
                return
            connection = getattr(rows, "connection", None)
            if connection is None:
                yield _in_memory.setdefault(self._storage, _MemoryBatches())
                return
            from .table import SqlBatches

            batches = SqlBatches(connection)
            if write:
                batches.make()
            yield batches if write or batches.are_there() else None

    def _listed(self, experiment: int) -> list[KeptBatch]:
        with self._batches(write=False) as batches:
            return [] if batches is None else list(batches.listed(experiment))

    def _keep(self, experiment: int, kept: KeptBatch) -> None:
        with self._batches(write=True) as batches:
            batches.keep(experiment, kept)

    def _forget(self, tag: str) -> None:
        with self._batches(write=True) as batches:
            batches.forget(tag)
