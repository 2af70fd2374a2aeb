"""Writing trials as they arrive: each commit takes all that has arrived while the one before was under way."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from ...errors import StoreUnreachable
from ..store.rows import Entry, TrialRow
from ..store.store import ExperimentStore, Opened

__all__ = ["TrialWriter"]

log = logging.getLogger("dknb.experiments")

#: Seconds between tries to reach a store that does not answer, and how often it is tried.
_PATIENCE_S, _TRIES = 0.5, 20


@dataclass(slots=True)
class _Waiting:
    """What is to be written of a trial, and who waits for it."""

    number: int
    entry: Entry
    done: asyncio.Future[None]

    def tell(self, error: Exception | None = None) -> None:
        """Say how it went; who waited may have been broken off, and then nobody is to be told."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class TrialWriter:
    """Writes what it is given, together with all else that has arrived by then; nothing waits for more to come.

    Args:
        store: The store.
        opened: The experiment.
        rows: The trials of the run by their numbers, which get to know their nodes.
    """

    def __init__(self, store: ExperimentStore, opened: Opened, rows: dict[int, TrialRow]) -> None:
        self._store, self._opened, self._rows = store, opened, rows
        self._waiting: dict[int, _Waiting] = {}
        self._task: asyncio.Task[None] | None = None
        self._broken: Exception | None = None

    def add(self, number: int, entry: Entry) -> asyncio.Future[None]:
        """Have a trial written; the future is done when it is.

        What is added while an earlier state of the trial still waits takes its place, and its node along.

        Raises:
            StorageError: The store failed before.
        """
        if self._broken is not None:
            raise self._broken
        before = self._waiting.get(number)
        if before is None:
            before = self._waiting[number] = _Waiting(number, entry, asyncio.get_running_loop().create_future())
            before.done.add_done_callback(_seen)
        else:
            entry.messages, entry.answer = before.entry.messages, before.entry.answer
            entry.calls = [*before.entry.calls, *entry.calls]
            before.entry = entry
        if self._task is None:
            self._task = asyncio.create_task(self._write())
        return before.done

    async def drain(self) -> None:
        """Wait until all that was added is written.

        Raises:
            StorageError: It could not be.
        """
        while self._task is not None and not self._task.done():
            await asyncio.shield(self._task)
        if self._broken is not None:
            raise self._broken

    async def _write(self) -> None:
        """Write until nothing waits any more."""
        while self._waiting:
            batch, self._waiting = list(self._waiting.values()), {}
            try:
                rows = await self._kept([self._placed(waiting) for waiting in batch])
            except Exception as error:  # noqa: BLE001 - it is raised where the trials are waited for
                self._broken = error
                for waiting in [*batch, *self._waiting.values()]:
                    waiting.tell(error)
                break
            for waiting, row in zip(batch, rows, strict=True):
                self._rows[waiting.number] = _at_node_of(row, self._rows[waiting.number])
                waiting.tell()
        self._task = None

    def _placed(self, waiting: _Waiting) -> Entry:
        """What is to be written, at the node that was written before where it brings none."""
        if waiting.entry.answer is None:
            waiting.entry.row = _at_node_of(self._rows[waiting.number], waiting.entry.row)
        return waiting.entry

    async def _kept(self, entries: list[Entry]) -> list[TrialRow]:
        """Write a batch, also to a store that is away for a while: the answers are paid for."""
        unsure = False
        for _ in range(_TRIES):
            try:
                return await self._store.write(self._opened, entries, again=unsure)
            except StoreUnreachable as error:
                unsure = unsure or error.unsure
                log.warning("the store is away, answers wait to be written: %s", error)
                await asyncio.sleep(_PATIENCE_S)
        return await self._store.write(self._opened, entries, again=unsure)


def _at_node_of(there: TrialRow, row: TrialRow) -> TrialRow:
    return replace(row, question=there.question, node_seq=there.node_seq, node_id=there.node_id)


def _seen(future: asyncio.Future[None]) -> None:
    """An exception that nobody fetches is not worth a line on the terminal: the next `add` raises it."""
    if not future.cancelled():
        future.exception()
