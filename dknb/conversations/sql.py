"""A store in an SQL database, SQLite by default; one row a node."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ..errors import ConfigError, SchemaVersionError
from ._row_storage import RowStorage
from .faults import storage_error
from .rows import Rows
from .state import SCHEMA_VERSION
from .worker import Worker

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["SQLConversationStorage"]

P = ParamSpec("P")
T = TypeVar("T")

#: Milliseconds to wait for another process that writes.
BUSY_MS = 30_000


class SQLConversationStorage(RowStorage):
    """Keeps conversations in an SQLite file, shared by all processes that open it (not on network file systems).

    Works from any event loop: a thread of its own does what waits. The file, and its folder, are made at the first
    write; a folder called ``.dknb`` gets a ``.gitignore``, so that the store is not committed by accident.

    Args:
        url: Path of the file, or an SQLAlchemy URL (``sqlite:///path``; ``sqlite://`` for one in memory).

    Raises:
        ConfigError: The URL is of a database that is not supported.
    """

    def __init__(self, url: str | os.PathLike[str]) -> None:
        super().__init__()
        self.path = _path_of(os.fspath(url))
        self._worker = Worker("dknb-store")
        self._engine: Engine | None = None
        self._opened: tuple[int, int] | None = None
        self._writing = False

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._worker.run(work, *args, **kwargs)

    async def close(self) -> None:
        """Close the file and end the thread; the next use opens the one and starts the other again."""
        await self._worker.run(self._forget)
        await self._worker.stop()

    def __repr__(self) -> str:
        return f"SQLConversationStorage({str(self.path or ':memory:')!r})"

    # All below runs on the worker's thread

    def _exists(self) -> bool:
        return self.path is None or self.path.exists()

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Rows]:
        from sqlalchemy.exc import SQLAlchemyError

        from ._sql_rows import SqlRows

        try:
            engine = self._open(write)
            self._writing = write
            with engine.begin() as connection:
                yield SqlRows(connection)
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError) as error:
            raise storage_error(self._name, error) from error

    @property
    def _name(self) -> str:
        return "in memory" if self.path is None else str(self.path)

    def _open(self, write: bool) -> Engine:
        if self._engine is not None and self._opened == self._identity():
            return self._engine
        self._forget()
        if self.path is not None and write:
            _make_folder(self.path.parent)
        engine = self._engine = self._connect()
        self._prepare(engine)
        self._opened = self._identity()
        return engine

    def _prepare(self, engine: Engine) -> None:
        """Make the tables of a new store; refuse one of another program or of a newer dknb."""
        from .schema import make_tables, version_of

        self._writing = False
        with engine.begin() as connection:
            version = version_of(connection, self._name)
        if version is None:
            self._writing = True
            with engine.begin() as connection:
                make_tables(connection)
            version = SCHEMA_VERSION
        if int(version.partition(".")[0]) > int(SCHEMA_VERSION.partition(".")[0]):
            raise SchemaVersionError(
                f"The store {self._name} has version {version}; this dknb reads versions up to {SCHEMA_VERSION}.",
                hint="Update dknb (pip install -U dknb), or keep the store in another file.",
            )

    def _identity(self) -> tuple[int, int]:
        """The process, and the file: a fork must not share a connection, and a file may be taken away under us."""
        try:
            inode = 0 if self.path is None else self.path.stat().st_ino
        except OSError:
            inode = -1
        return os.getpid(), inode

    def _connect(self) -> Engine:
        from sqlalchemy import URL, create_engine, event

        database = None if self.path is None else str(self.path)
        engine = create_engine(
            URL.create("sqlite", database=database), connect_args={"timeout": BUSY_MS / 1000}, pool_reset_on_return=None
        )

        @event.listens_for(engine, "connect")
        def set_up(dbapi_connection: Any, _: Any) -> None:
            # Python's own transactions begin too late: read-then-write would lose against another process.
            dbapi_connection.isolation_level = None
            for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
                dbapi_connection.execute(f"PRAGMA {pragma}")
            _write_ahead(dbapi_connection)

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if self._writing else "BEGIN")

        return engine

    def _forget(self) -> None:
        """Let go of the database; the next use opens it again."""
        engine, self._engine = self._engine, None
        if engine is not None:
            ours = self._opened is None or self._opened[0] == os.getpid()
            engine.dispose(close=ours)
        self._opened = None


def _path_of(url: str) -> Path | None:
    """The file that a path or URL means; None for a database in memory."""
    if url in (":memory:", "sqlite://", "sqlite:///:memory:"):
        return None
    scheme, found, rest = url.partition(":///")
    if found and scheme == "sqlite":
        return Path(rest)
    if "://" in url:
        raise ConfigError(
            f"Conversations cannot be kept at {url.partition('://')[0]}://…: only SQLite is supported.",
            hint='Give the path of a file, for example ".dknb/store.db".',
        )
    return Path(url)


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if folder.name == ".dknb" and not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let others read a new store while one writes. The setting stays in the file; that of an old one is its own."""
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return
    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            # Two processes that make the store at once: SQLite does not wait for this lock by itself.
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)
