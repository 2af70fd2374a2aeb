"""The database that versions are kept in: an SQLite file, or a schema of a PostgreSQL database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from ...._lazy import extra
from ....errors import ConfigError, PromptError

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Engine, Insert, Table

__all__ = ["SqlDatabase"]

#: The schema of PostgreSQL that holds the tables, beside the one of conversations.
SCHEMA = "dknb_prompts"

#: Seconds to wait for another process that writes, and for a server.
PATIENCE_S = 30.0

#: A number of our own for PostgreSQL's advisory locks.
_LOCK = 0x646B6E70


class SqlDatabase:
    """Connections to a database, opened at use; all threads and processes may use it at once.

    An SQLite file is made, and an older one is brought up to date, when something is written.

    Args:
        address: The path of an SQLite file, ``sqlite:///path``, or ``postgresql://user:password@host:port/database``.

    Attributes:
        path: The SQLite file; None for a server.
        name: What messages call it, without a password.

    Raises:
        ConfigError: It is no such address.
    """

    def __init__(self, address: str | Path) -> None:
        self._address = address
        self.path = _file_of(address)
        self.name = self.path.name if self.path is not None else _server_name(str(address))
        self._lock = RLock()
        self._engine: Engine | None = None
        self._opened: Hashable = None
        self._pid = 0
        self._made = False
        self._seen: set[str] = set()

    def may_exist(self) -> bool:
        """Whether there may be such a database, as far as can be said without opening it."""
        return self.path is None or self.path.exists()

    @contextmanager
    def reading(self, *needed: Table) -> Iterator[Connection | None]:
        """A connection; None where there is no such database, or it has not these tables yet."""
        if not self.may_exist():
            yield None
            return
        with self._faults(), self._opened_engine().connect() as connection:
            yield connection if all(map(self._knows, needed)) else None

    def number(self, column: Column[int]) -> int:
        """The one number in a table; 0 if there is none yet. Quick, as it is asked for with every prompt."""
        if not self.may_exist():
            return 0
        place = f"{SCHEMA}." if self.path is None else ""
        with self._faults(), _raw(self._opened_engine()) as connection:
            if not self._knows(column.table):
                return 0
            found = connection.execute(f"SELECT {column.name} FROM {place}{column.table.name}").fetchone()
        return int(found[0]) if found else 0

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction, which is committed at the end and taken back if anything is raised."""
        with self._faults():
            engine = self._prepared()
            with engine.connect().execution_options(dknb_writes=True) as connection, connection.begin():
                yield connection

    def settle(self) -> None:
        """Put what was written into the file itself, as far as nobody is reading, so that it can be copied alone."""
        if self.path is None:
            return
        with suppress(sqlite3.Error), _raw(self._opened_engine()) as connection:
            connection.execute("PRAGMA busy_timeout=50")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute(f"PRAGMA busy_timeout={int(PATIENCE_S * 1000)}")

    def insert_new(self, table: Table) -> Insert:
        """The statement that inserts rows, but leaves alone those that are there."""
        if self.path is not None:
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table).on_conflict_do_nothing()
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing()

    def close(self) -> None:
        """Close the connections; the next use opens them again."""
        with self._lock:
            engine, self._engine, self._made = self._engine, None, False
            self._seen.clear()
            if engine is not None:
                engine.dispose(close=self._pid == os.getpid())

    @contextmanager
    def _faults(self) -> Iterator[None]:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError) as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            hint = (
                "Is it a file of dknb, and writable? (Moved away, a new one is begun.)"
                if self.path is not None
                else "Does the server run, and let you in?"
            )
            raise PromptError(f"The versions in {self.name} cannot be used: {reason}.", hint=hint) from error

    def _identity(self) -> Hashable:
        """The process, which must not share a connection, and the file, which may be taken away under us."""
        try:
            found = None if self.path is None else self.path.stat()
        except OSError:
            return os.getpid(), -1
        return os.getpid(), found and (found.st_dev, found.st_ino)

    def _opened_engine(self) -> Engine:
        with self._lock:
            if self._engine is None or self._opened != self._identity():
                self.close()
                self._engine = _sqlite(self.path) if self.path is not None else _server(str(self._address))
                self._opened, self._pid = self._identity(), os.getpid()
            return self._engine

    def _prepared(self) -> Engine:
        """The engine of a database that has all tables."""
        with self._lock:
            if self.path is not None and not self.may_exist():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.path.touch()
            engine = self._opened_engine()
            if not self._made:
                self._make(engine)
                self._made = True
            return engine

    def _make(self, engine: Engine) -> None:
        from sqlalchemy import text

        from .schema import revision, tables

        if self.path is not None:
            _write_ahead(engine)
        with engine.connect().execution_options(dknb_writes=True) as connection, connection.begin():
            if self.path is None:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            tables.create_all(connection)
            connection.execute(self.insert_new(revision), {"id": 1, "number": 0})

    def _knows(self, table: Table) -> bool:
        """Whether the table is there; one that is stays."""
        if not self._made and table.name not in self._seen:
            from sqlalchemy import inspect

            schema = SCHEMA if self.path is None else None
            if not inspect(self._opened_engine()).has_table(table.name, schema=schema):
                return False
            self._seen.add(table.name)
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._address,)


def _file_of(address: str | Path) -> Path | None:
    if isinstance(address, Path):
        return address
    scheme, found, rest = address.partition("://")
    if not found:
        return Path(address)
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return Path(rest[1:])
    if scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        return None
    raise ConfigError(
        f"Versions cannot be kept at {scheme}://…: only in SQLite and PostgreSQL.",
        hint='Give the path of a file, for example ".dknb/versions.db", or postgresql://user@host/database',
    )


def _server_name(address: str) -> str:
    from ...adapters.sql.address import place_of

    return place_of(_url(address))


def _url(address: str) -> Any:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(address).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise ConfigError(
            "The address of the versions is no URL.",
            hint="It goes like this: postgresql://user:password@host:5432/name, with %40 for an @ in the password",
        ) from None


def _server(address: str) -> Engine:
    from sqlalchemy import create_engine

    with extra("postgres"):
        import psycopg  # noqa: F401 - what is missing is said before SQLAlchemy says it in its own words
    told = {"connect_timeout": 10, "application_name": "dknb", "options": f"-c lock_timeout={int(PATIENCE_S * 1000)}"}
    engine = create_engine(_url(address), connect_args=told, pool_pre_ping=True, hide_parameters=True)
    return engine.execution_options(schema_translate_map={None: SCHEMA})


def _sqlite(path: Path) -> Engine:
    from sqlalchemy import URL, create_engine, event

    def connect() -> sqlite3.Connection:
        readable = f"{path.absolute().as_uri()}?mode=ro{_alone(path)}"
        place, uri = (path, False) if _is_writable(path) else (readable, True)
        return sqlite3.connect(place, uri=uri, timeout=PATIENCE_S, check_same_thread=False, isolation_level=None)

    engine = create_engine(URL.create("sqlite", database=str(path)), creator=connect, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        connection.execute(
            "PRAGMA synchronous=NORMAL"
        )  # with a log written ahead, what a killed process committed stays

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Python's own transactions begin too late: read-then-write would lose against another process.
        if connection.get_execution_options().get("dknb_writes"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _is_writable(path: Path) -> bool:
    """Whether file and folder may be written: SQLite needs the folder, too."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _alone(path: Path) -> str:
    """What lets a file be read although no lock can be taken: without a log beside it, nobody is writing it."""
    log = path.with_name(f"{path.name}-wal")
    return "" if log.exists() and log.stat().st_size else "&immutable=1"


def _write_ahead(engine: Engine) -> None:
    """Let others read while one writes, and a commit be quick. A file that others have open just now stays as it is."""
    with suppress(sqlite3.OperationalError), _raw(engine) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


@contextmanager
def _raw(engine: Engine) -> Iterator[Any]:
    """The driver's connection, outside of a transaction."""
    borrowed = engine.raw_connection()
    try:
        yield borrowed.driver_connection
    finally:
        borrowed.close()
