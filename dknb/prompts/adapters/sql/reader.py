"""A database that is only read, through SQLAlchemy, with a sync or an async driver."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from ...._sync import in_thread
from ....errors import ConfigError, MissingExtra, RAGError
from ....errors.secrets import without_secrets
from .address import driver_package, no_address, place_of, secrets_of
from .shared import read_shared, read_shared_awaited, shares_connections

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, TextClause
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["Lines", "Reader"]

#: Rows, by the names of their columns.
Lines: TypeAlias = list[dict[str, Any]]

#: Connections that one adapter has open at a time.
_AT_ONCE = 8
#: Seconds that asking a database to stop may take.
_TO_STOP = 2.0


class Reader:
    """Runs statements that read.

    Args:
        source: An SQLAlchemy URL (each call then opens a connection of its own), an Engine, or an AsyncEngine.
        name: What messages call it.

    Raises:
        ConfigError: It is none of these, or an Engine with one connection for all that is none of SQLite.
        MissingExtra: The URL's driver is not installed.
    """

    def __init__(self, source: Any, name: str) -> None:
        self.name = name
        is_engine = hasattr(source, "connect") and hasattr(source, "dialect")
        self._engine: Engine | AsyncEngine = source if is_engine else _engine(source)
        self._shared = shares_connections(self._engine, name)
        self._home = threading.get_ident()
        self._gate = threading.BoundedSemaphore(_AT_ONCE)

    def __reduce__(self) -> NoReturn:
        raise ConfigError(
            f"{self.name}: connections to a database cannot be pickled or copied.",
            hint="Make the adapter anew in each process, of the database's URL",
        )

    @property
    def is_async(self) -> bool:
        """Whether the driver is one that is awaited."""
        return bool(self._engine.dialect.is_async)

    def read(
        self, statement: TextClause, values: Mapping[str, Any], most: int, running: _Running | None = None
    ) -> Lines:
        """At most so many rows, with a sync driver.

        Raises:
            RAGError: The database refuses, or cannot be reached.
        """
        self._check_thread()
        if self._shared:
            with self._failures():
                return read_shared(self._engine, self.name, statement, values, most)
        with self._gate, self._failures(), self._engine.connect() as connection:  # type: ignore[union-attr]
            if running is None:
                return _rows(connection, statement, values, most)
            with running.on(connection):
                return _rows(connection, statement, values, most)

    async def read_awaited(self, statement: TextClause, values: Mapping[str, Any], most: int) -> Lines:
        """As ``read``, with either kind of driver; who is cancelled tells the database to stop.

        Raises:
            RAGError: The database refuses, or cannot be reached.
        """
        if self.is_async and self._shared:
            with self._failures():
                return await read_shared_awaited(self._engine, self.name, statement, values, most)
        if self.is_async:
            with self._failures():
                async with self._engine.connect() as connection:  # type: ignore[union-attr]
                    rows: Lines = await connection.run_sync(_rows, statement, values, most)
                    return rows
        running = _Running()
        try:
            return await in_thread(self.read, statement, values, most, running)
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                await asyncio.wait_for(in_thread(running.stop), _TO_STOP)
            raise

    def _check_thread(self) -> None:
        from sqlalchemy.pool import SingletonThreadPool

        if isinstance(self._engine.pool, SingletonThreadPool) and threading.get_ident() != self._home:
            raise RAGError(
                f"{self.name}: each thread has another database in memory here, and this one's is empty.",
                adapter_name=self.name,
                hint='Share it: create_engine("sqlite://", poolclass=StaticPool)',
            )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Errors of the database as ours, without what its address keeps secret."""
        import sqlite3

        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, OverflowError) as error:
            cause = " ".join(str(getattr(error, "orig", None) or error)[:20_000].split())
            shown = without_secrets(cause, secrets_of(self._engine.url))[:500]
            # Not chained: what a driver says may hold the password.
            raise RAGError(f"{self.name} ({place_of(self._engine.url)}): {shown}", adapter_name=self.name) from None


class _Running:
    """The connection on which a statement runs at the moment, for whoever wants it to stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._stopped = False

    @contextmanager
    def on(self, connection: Connection) -> Iterator[None]:
        with self._lock:
            if self._stopped:
                raise RAGError("The search was cancelled.")
            self._connection = connection
        try:
            yield
        finally:
            with self._lock:
                self._connection = None

    def stop(self) -> None:
        """Ask the driver to stop; one that cannot goes on to its end, and nobody waits for it."""
        with self._lock, suppress(Exception):
            self._stopped = True
            if self._connection is not None:
                driver = self._connection.connection.driver_connection
                stop = getattr(driver, "interrupt", None) or getattr(driver, "cancel", None)
                if stop is not None:
                    stop()


def _rows(connection: Connection, statement: TextClause, values: Mapping[str, Any], most: int) -> Lines:
    """The first rows, on a connection that cannot write where the database knows such a thing."""
    kind = connection.dialect.name
    if kind == "postgresql":
        connection = connection.execution_options(postgresql_readonly=True)
    if kind != "sqlite":
        return _fetched(connection, statement, values, most)
    connection.exec_driver_sql("pragma query_only = on")
    try:
        return _fetched(connection, statement, values, most)
    finally:
        connection.exec_driver_sql("pragma query_only = off")


def _fetched(connection: Connection, statement: TextClause, values: Mapping[str, Any], most: int) -> Lines:
    with connection.execute(statement, values) as result:
        return [dict(row) for row in result.mappings().fetchmany(most)]


def _engine(url: Any) -> Engine | AsyncEngine:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return _connecting(make_url(url))
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"The database driver {error.name!r} is not installed.",
            hint=f"Install it with:  pip install {driver_package(error.name)}",
        ) from None
    except (ArgumentError, ValueError):
        problem, hint = no_address(url)
        # Not chained and not shown: what does not parse may hold a password anywhere.
        raise ConfigError(problem, hint=hint) from None


def _connecting(address: URL) -> Engine | AsyncEngine:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    if not address.get_dialect().is_async:
        return create_engine(address, poolclass=NullPool)
    with extra_of_async():
        from sqlalchemy.ext.asyncio import create_async_engine
    return create_async_engine(address, poolclass=NullPool)


@contextmanager
def extra_of_async() -> Iterator[None]:
    """Around what async drivers need and others do not, which SQLAlchemy says in its own words."""
    try:
        yield
    except ImportError as error:
        raise MissingExtra(
            f"{getattr(error, 'name', None) or 'greenlet'} is not installed, which async database drivers need.",
            hint='Install it with:  pip install "sqlalchemy[asyncio]"',
        ) from error
