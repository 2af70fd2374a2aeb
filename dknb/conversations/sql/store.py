"""A store in an SQL database, SQLite by default; one row a node."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from ...errors import StorageError, StoreUnreachable
from ..stores._halts import without_halts
from ..stores._row_storage import RowStorage
from ..stores.rows import Rows
from ..stores.worker import Worker
from .database import database_at
from .faults import storage_error

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["SQLConversationStorage"]

P = ParamSpec("P")
T = TypeVar("T")


class SQLConversationStorage(RowStorage):
    """Keeps conversations in an SQLite file or a PostgreSQL database, shared by all processes that open it.

    Works from any event loop: a thread of its own does what waits. The store is made at the first write, and a store of an
    older dknb is brought up to date when it is opened. A connection that broke is made again once before it is an error.

    Args:
        url: Path of an SQLite file, or a URL: ``sqlite:///path``, ``sqlite://`` for one in memory,
            ``postgresql://user:password@host:port/database``.

    Attributes:
        path: The SQLite file; None if it is in none.

    Raises:
        ConfigError: The URL is of a database that is not supported.
    """

    def __init__(self, url: str | os.PathLike[str]) -> None:
        super().__init__()
        self._database = database_at(os.fspath(url))
        self.path = self._database.path
        self._worker = Worker("dknb-store")
        self._engine: Engine | None = None
        self._opened: Hashable = None
        self._pid = 0

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._worker.run(work, *args, **kwargs)

    async def _run_long(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def unhalted() -> T:
            with without_halts():
                return work(*args, **kwargs)

        return await self._worker.run(unhalted)

    async def close(self) -> None:
        """Close the connection and end the thread; the next use opens the one and starts the other again."""
        await self._worker.run(self._forget)
        await self._worker.stop()

    async def check(self) -> list[str]:
        """What is wrong in the store, a sentence each; nothing if it is sound. Others may go on reading meanwhile.

        Raises:
            StorageError: The store cannot be read, or is not there.
        """
        return await self._run_long(self._check)

    async def vacuum(self) -> None:
        """Make the index of words anew, and give unused space back. Others may go on; they wait while it works.

        Raises:
            StorageError: The store cannot be written, or is not there.
        """
        await self._run_long(self._vacuum)

    def __repr__(self) -> str:
        return f"SQLConversationStorage({self._database.name!r})"

    # All below runs on the worker's thread

    def _again(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        except StoreUnreachable as error:
            if error.unsure or not error.lost:
                raise
            self._forget()
            return work(*args, **kwargs)

    def _exists(self) -> bool:
        if not self._database.may_exist():
            return False
        with self._faults():
            return self._open(make=False) is not None

    def _check(self) -> list[str]:
        from .upkeep import flaws

        self._must_exist()
        with self._connection(write=True) as connection:
            return list(flaws(connection))

    def _vacuum(self) -> None:
        from .upkeep import compact
        from .words import rebuild_index

        self._must_exist()
        with self._connection(write=True) as connection:
            rebuild_index(connection)
        with self._faults():
            engine = self._open(make=False)
            assert engine is not None
            compact(engine)

    def _must_exist(self) -> None:
        if not self._exists():
            raise StorageError(f"There is no store {self._database.name}.", hint="Say where it is:  --store ADDRESS")

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Rows]:
        from ._rows import SqlRows

        with self._connection(write=write) as connection:
            yield SqlRows(connection)

    @contextmanager
    def _connection(self, *, write: bool) -> Iterator[Connection]:
        """A connection in a transaction, committed at the end, rolled back if anything is raised."""
        with self._faults() as faults:
            engine = self._open(make=True)
            assert engine is not None
            options = self._database.writing if write else self._database.reading
            with engine.connect().execution_options(**options) as connection:
                yield connection
                faults.committing = write
                connection.commit()

    @contextmanager
    def _faults(self) -> Iterator[_Stage]:
        """What a database complains about inside becomes a `StorageError`."""
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        stage = _Stage()
        try:
            yield stage
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError) as error:
            lost = isinstance(error, DBAPIError) and error.connection_invalidated
            raise storage_error(self._database.name, error, lost=lost, unsure=lost and stage.committing) from error

    def _open(self, *, make: bool) -> Engine | None:
        """The engine of a store that is up to date; None if there is none and none is to be made."""
        if self._engine is not None and self._opened == self._database.identity():
            return self._engine
        self._forget()
        if make:
            self._database.make_place()
        engine = self._database.engine()
        self._engine, self._pid = engine, os.getpid()
        if not self._prepared(engine, make=make):
            self._forget()
            return None
        self._opened = self._database.identity()
        return engine

    def _prepared(self, engine: Engine, *, make: bool) -> bool:
        """Make the tables of a new store, bring an old one up to date; whether there is a store then."""
        from .versions import is_behind, migrate, version_of

        with engine.connect().execution_options(**self._database.reading) as connection:
            version = version_of(connection, self._database.name)
        if version is None and not make:
            return False
        if is_behind(version):
            with engine.connect().execution_options(**self._database.writing) as connection:
                migrate(connection, self._database.name)
                connection.commit()
        return True

    def _forget(self) -> None:
        """Let go of the database; the next use opens it again."""
        engine, self._engine, self._opened = self._engine, None, None
        if engine is not None:
            engine.dispose(close=self._pid == os.getpid())


class _Stage:
    """How far a transaction is."""

    committing = False
