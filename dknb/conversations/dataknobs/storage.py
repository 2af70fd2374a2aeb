"""A store of conversations on a dataknobs-data database, in documents that the peer reads and writes too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from ..state import ConversationState
from ..steps import Amendment, Change, Step
from ..stores._halts import without_halts
from ..stores._row_storage import NodeTree, RowStorage
from ..stores.rows import Rows
from ..stores.worker import Worker
from ._rows import LEDGER, DocumentRows, Documents
from .database import DocumentDatabase

__all__ = ["DataknobsConversationStorage"]

P = ParamSpec("P")
T = TypeVar("T")


class DataknobsConversationStorage(RowStorage):
    """Keeps each conversation as one record of a dataknobs-data database, as dataknobs-llm does (schema 1.1.0).

    A record is read and written whole for each turn, so a turn costs time in proportion to the conversation's length: for
    long ones take `SQLConversationStorage`. What the peer has no place for (branches, labels, deletions, the ledger)
    lies in the record's metadata under ``"dknb"``, which the peer keeps; calls of no conversation, or of a deleted
    one, are in a record ``dknb-ledger``.

    No writer loses anything, whether in this process or another: a database in SQLite or in a file (sync or async) is held
    from reading to writing (a file by a lock on ``FILE.dknb-lock`` beside it), one in memory has one process. Others cannot be
    held, and are refused unless the caller promises that nobody else writes. The peer's own programs hold nothing: what they
    write over is told with the next turn or refresh, as a `StorageError`.

    A conversation is called as its record is. In a search, a list of calls or a list, a record that cannot be read is left out,
    and the log says so.

    Needs the extra ``dataknobs``.

    Args:
        database: A connected database, sync or async. An async one is used on the event loop of whoever awaits.
        only_writer: Whether no other process ever writes to it.

    Raises:
        ConfigError: It is no such database, or one that others may write to meanwhile.
    """

    reserved = frozenset({LEDGER})

    def __init__(self, database: Any, *, only_writer: bool = False) -> None:
        super().__init__()
        self._database = DocumentDatabase(database, only_writer=only_writer)
        self._worker = Worker("dknb-dataknobs")
        self._expected: ConversationState | None = None

    @property
    def database(self) -> Any:
        """The database that was given."""
        return self._database.database

    async def close(self) -> None:
        """End the thread that it works on. The database stays open: it belongs to who made it."""
        await self._worker.stop()

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()

        def there() -> T:
            self._database.loop = loop
            with without_halts():
                return work(*args, **kwargs)

        return await self._worker.run(there)

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Rows]:
        database = self._database
        with database.held(write=write):
            rows = DocumentRows(Documents(database.read, database.read_all, database.write, database.delete))
            rows.expected = self._expected
            yield rows
            if write:
                rows.flush()

    def _exists(self) -> bool:
        return True

    # A state is only brought up to a document that still has what the state knows to be stored.

    def _save(self, state: ConversationState) -> None:
        with self._expecting(state):
            super()._save(state)

    def _write_step(self, state: ConversationState, step: Step) -> list[NodeTree]:
        with self._expecting(state):
            return super()._write_step(state, step)

    def _write_amendment(self, state: ConversationState, amendment: Amendment) -> None:
        with self._expecting(state):
            super()._write_amendment(state, amendment)

    def _update(self, state: ConversationState, change: Change) -> None:
        with self._expecting(state):
            super()._update(state, change)

    def _refresh(self, state: ConversationState) -> bool:
        with self._expecting(state):
            return super()._refresh(state)

    @contextmanager
    def _expecting(self, state: ConversationState) -> Iterator[None]:
        before, self._expected = self._expected, state
        try:
            yield
        finally:
            self._expected = before
