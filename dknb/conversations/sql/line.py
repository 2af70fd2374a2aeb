"""A line to a database: one connection, worked on by one thread."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from ...errors import StorageError, StoreUnreachable
from ..stores.worker import Worker
from .database import Database
from .faults import storage_error

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["StoreLine"]

P = ParamSpec("P")
T = TypeVar("T")


class StoreLine:
    """A connection to ``database``, opened at first use, and the thread that works on it.

    All but `run` and `close` runs on that thread.

    Args:
        database: The database.
        name: Name of the thread.
        patient: Whether what is asked here may take long.
    """

    def __init__(self, database: Database, name: str, *, patient: bool) -> None:
        self._database = database
        self._worker = Worker(name)
        self._patient = patient
        self._engine: Engine | None = None
        self._opened: Hashable = None
        self._pid = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work`` on the line's thread, after all that was given before."""
        return await self._worker.run(work, *args, **kwargs)

    async def close(self) -> None:
        """Close the connection and end the thread; the next use opens the one and starts the other again."""
        if self._worker.idle:
            return
        await self._worker.run(self.forget)
        await self._worker.stop()

    def again(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work``, and once more on a new connection if the one that was there broke off."""
        try:
            return work(*args, **kwargs)
        except StoreUnreachable as error:
            if error.unsure or not error.lost:
                raise
            self.forget()
            return work(*args, **kwargs)

    def exists(self) -> bool:
        """Whether there is a store."""
        if not self._database.may_exist():
            return False
        with self.faults():
            return self.open(make=False) is not None

    @contextmanager
    def connection(self, *, write: bool) -> Iterator[Connection]:
        """A connection in a transaction, committed at the end, rolled back if anything is raised."""
        with self.faults() as faults:
            engine = self.open(make=True)
            assert engine is not None
            options = self._database.writing if write else self._database.reading
            with engine.connect().execution_options(**options) as connection:
                yield connection
                faults.committing = write
                connection.commit()

    @contextmanager
    def faults(self) -> Iterator[_Stage]:
        """What the database complains about inside becomes a `StorageError`; what else is raised is not the store's."""
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        stage = _Stage()
        try:
            yield stage
        except (SQLAlchemyError, sqlite3.Error, UnicodeError) as error:
            lost = isinstance(error, DBAPIError) and error.connection_invalidated
            raise storage_error(self._database.name, error, lost=lost, unsure=lost and stage.committing) from error

    def open(self, *, make: bool) -> Engine | None:
        """The engine of a store that is up to date; None if there is none and none is to be made."""
        if self._engine is not None and self._opened == self._database.identity():
            return self._engine
        self.forget()
        if make:
            self._make_place()
        engine = self._database.engine(patient=self._patient)
        self._engine, self._pid = engine, os.getpid()
        if not self._prepared(engine, make=make):
            self.forget()
            return None
        self._opened = self._database.identity()
        return engine

    def forget(self) -> None:
        """Let go of the database; the next use opens it again."""
        engine, self._engine, self._opened = self._engine, None, None
        if engine is not None:
            engine.dispose(close=self._pid == os.getpid())

    def _make_place(self) -> None:
        try:
            self._database.make_place()
        except OSError as error:
            raise storage_error(self._database.name, error) from error

    def _prepared(self, engine: Engine, *, make: bool) -> bool:
        """Make the tables of a new store, bring an old one up to date; whether there is a store then."""
        from .versions import is_behind, migrate, version_of

        with engine.connect().execution_options(**self._database.reading) as connection:
            version = version_of(connection, self._database.name)
        if version is None and not make:
            return False
        if not is_behind(version):
            return True
        if version is not None and self._database.read_only:
            raise StorageError(
                f"The store {self._database.name} is of an older dknb (version {version}), and may not be written.",
                hint="Copy it to where it may be written: there it is brought up to date when it is opened.",
            )
        with engine.connect().execution_options(**self._database.writing) as connection:
            self._database.take_time(connection)
            migrate(connection, self._database.name)
            connection.commit()
        return True


class _Stage:
    """How far a transaction is."""

    committing = False
