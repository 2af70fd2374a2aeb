"""A dataknobs-data database, sync or async, as a thread that may wait uses it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from ..._lazy import extra
from ...errors import ConfigError, DknbError, StorageError
from ...llm.recordings.lock import locked
from ..exchange.documents import storable_document

__all__ = ["DocumentDatabase"]

#: A database and a record of dataknobs-data, which have no types here.
Database: TypeAlias = Any
Record: TypeAlias = Any

_LOCKS: WeakKeyDictionary[Database, threading.RLock] = WeakKeyDictionary()
_LOCKS_LOCK = threading.Lock()

#: The modules of databases that can be held while they are written.
_KINDS = {"memory": "memory", "file": "file", "sqlite": "sqlite", "sqlite_async": "sqlite"}

#: Seconds between two looks whether the loop that does something is still there.
LOOK_S = 0.5


class DocumentDatabase:
    """Documents by id in a database. Its methods are called in a thread that may wait.

    What an async database does, it does on the event loop of whoever waits for the thread: its connections belong there.
    """

    def __init__(self, database: Database, *, only_writer: bool = False) -> None:
        for name in ("read", "search", "upsert", "delete"):
            if not callable(getattr(database, name, None)):
                raise ConfigError(
                    f"{type(database).__name__!r} is no dataknobs-data database: it has no {name}().",
                    hint="Give one, for example dataknobs_data.backends.memory.AsyncMemoryDatabase()",
                )
        self._kind = _kind(database)
        if self._kind is None and not only_writer:
            raise ConfigError(
                f"A {type(database).__name__} lets nobody hold it while he writes: what two processes write at the same "
                "moment would be lost.",
                hint="Take one in SQLite, a file or memory; or SQLConversationStorage, also for PostgreSQL. If nobody else "
                "ever writes: DataknobsConversationStorage(database, only_writer=True)",
            )
        self.database = database
        self.loop: asyncio.AbstractEventLoop | None = None
        with _LOCKS_LOCK:
            self._lock = _LOCKS.setdefault(database, threading.RLock())

    def read(self, name: str) -> Mapping[str, Any] | None:
        """The document of an id."""
        record = self._do(self.database.read, name)
        return None if record is None else _document(record)

    def read_all(self) -> list[tuple[str, Mapping[str, Any]]]:
        """All that is in the database by its id, documents or not."""
        with extra("dataknobs"):
            from dataknobs_data.query import Query  # type: ignore[import-not-found,unused-ignore]  # not in all environments
        return [(str(record.id), _document(record)) for record in self._do(self.database.search, Query())]

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a document over the one of its id; one that the database refuses for its text, with that escaped."""
        with extra("dataknobs"):
            from dataknobs_data.records import (  # type: ignore[import-not-found,unused-ignore]  # not in all environments
                Record,
            )
        try:
            self._do(self.database.upsert, name, Record(data=dict(document), storage_id=name))
        except StorageError:
            if (plain := storable_document(document)) is None:
                raise
            self._do(self.database.upsert, name, Record(data=plain, storage_id=name))

    def delete(self, name: str) -> bool:
        """Delete a document; whether there was one."""
        return bool(self._do(self.database.delete, name))

    def close(self) -> None:
        """Close the database, if it can be."""
        if callable(close := getattr(self.database, "close", None)):
            self._do(close)

    @contextmanager
    def held(self, *, write: bool) -> Iterator[None]:
        """Keep others out who use this database object; while writing, also all who use its file."""
        with self._lock, self._file_held(write):
            begun = write and self._begin()
            try:
                yield
            finally:
                if begun:
                    self._end()

    @contextmanager
    def _file_held(self, write: bool) -> Iterator[None]:
        """Keep other processes out of a database in a plain file, by a lock on a file beside it."""
        if not (write and self._kind == "file"):
            yield
            return
        path = Path(f"{self.database.filepath}.dknb-lock")
        try:
            file = path.open("ab")
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error}.", hint="It keeps other writers out.") from error
        with file, locked(file) as held:
            if not held:
                raise StorageError(
                    f"{path} cannot be locked: others could write at the same moment.",
                    hint="Try again, or put the database on a disk of this machine.",
                )
            yield

    def _begin(self) -> bool:
        connection = self._sqlite()
        if connection is None or connection.in_transaction:
            return False
        self._do(connection.execute, "BEGIN IMMEDIATE")
        return True

    def _end(self) -> None:
        """End the transaction, if no write has: then there was none, or it failed."""
        connection = self._sqlite()
        if connection is not None and connection.in_transaction:
            self._do(connection.rollback)

    def _sqlite(self) -> Any:
        """The connection of a SQLite database, sync or async; None for any other."""
        for name in ("conn", "db"):
            connection = getattr(self.database, name, None)
            if type(connection).__module__.split(".")[0] in ("sqlite3", "aiosqlite"):
                return connection
        return None

    def _do(self, method: Callable[..., Any], *arguments: Any) -> Any:
        try:
            if not inspect.iscoroutinefunction(method):
                given = method(*arguments)
                return self._awaited(given) if inspect.isawaitable(given) else given
            return self._awaited(method(*arguments))
        except DknbError:
            raise
        except Exception as error:
            raise StorageError(
                f"The dataknobs database failed: {error!r:.300}",
                hint="Is it connected (await database.connect()), and from this event loop?",
            ) from error

    def _awaited(self, waiting: Any) -> Any:
        loop = self.loop
        if loop is None or loop.is_closed():
            waiting.close()
            raise StorageError("The event loop that the dataknobs database was used from is gone.")
        future = asyncio.run_coroutine_threadsafe(_finish(waiting), loop)
        while True:
            try:
                return future.result(LOOK_S)
            except NotYet:
                if future.done():
                    raise
                if not loop.is_running():
                    future.cancel()
                    raise StorageError("The event loop that the dataknobs database was used from has ended.") from None
            except asyncio.CancelledError:
                raise StorageError("The event loop that the dataknobs database was used from is ending.") from None


def _kind(database: Database) -> str | None:
    """How others are kept out of a database while it is written: ``"sqlite"``, ``"file"``, or ``"memory"``; None if not."""
    for base in type(database).__mro__:
        package, _, module = base.__module__.rpartition(".")
        if package == "dataknobs_data.backends" and module in _KINDS:
            return _KINDS[module]
    return None


async def _finish(waiting: Any) -> Any:
    return await waiting


def _document(record: Record) -> dict[str, Any]:
    return {name: field.value for name, field in record.fields.items()}
