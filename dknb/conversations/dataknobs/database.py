"""A dataknobs-data database, sync or async, as a thread that may wait uses it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from ..._lazy import extra
from ...errors import ConfigError, DknbError, StorageError

__all__ = ["DocumentDatabase"]

#: A database and a record of dataknobs-data, which have no types here.
Database: TypeAlias = Any
Record: TypeAlias = Any

_LOCKS: WeakKeyDictionary[Database, threading.RLock] = WeakKeyDictionary()
_LOCKS_LOCK = threading.Lock()

#: Seconds between two looks whether the loop that does something is still there.
LOOK_S = 0.5


class DocumentDatabase:
    """Documents by id in a database. Its methods are called in a thread that may wait.

    What an async database does, it does on the event loop of whoever waits for the thread: its connections belong there.
    """

    def __init__(self, database: Database) -> None:
        for name in ("read", "search", "upsert", "delete"):
            if not callable(getattr(database, name, None)):
                raise ConfigError(
                    f"{type(database).__name__!r} is no dataknobs-data database: it has no {name}().",
                    hint="Give one, for example dataknobs_data.backends.memory.AsyncMemoryDatabase()",
                )
        self.database = database
        self.loop: asyncio.AbstractEventLoop | None = None
        with _LOCKS_LOCK:
            self._lock = _LOCKS.setdefault(database, threading.RLock())

    def read(self, name: str) -> Mapping[str, Any] | None:
        """The document of an id."""
        record = self._do(self.database.read, name)
        return None if record is None else _document(record)

    def read_all(self) -> list[Mapping[str, Any]]:
        """All that is in the database, documents or not."""
        with extra("dataknobs"):
            from dataknobs_data.query import Query  # type: ignore[import-not-found,unused-ignore]  # not in all environments
        return [_document(record) for record in self._do(self.database.search, Query())]

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a document over the one of its id."""
        with extra("dataknobs"):
            from dataknobs_data.records import (  # type: ignore[import-not-found,unused-ignore]  # not in all environments
                Record,
            )
        self._do(self.database.upsert, name, Record(data=dict(document), storage_id=name))

    def delete(self, name: str) -> bool:
        """Delete a document; whether there was one."""
        return bool(self._do(self.database.delete, name))

    def close(self) -> None:
        """Close the database, if it can be."""
        if callable(close := getattr(self.database, "close", None)):
            self._do(close)

    @contextmanager
    def held(self, *, write: bool) -> Iterator[None]:
        """Keep others out who use this database object; on SQLite, while writing, all who use the file."""
        with self._lock:
            begun = write and self._begin()
            try:
                yield
            finally:
                if begun:
                    self._end()

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


async def _finish(waiting: Any) -> Any:
    return await waiting


def _document(record: Record) -> dict[str, Any]:
    return {name: field.value for name, field in record.fields.items()}
