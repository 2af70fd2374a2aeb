"""A store in an SQLite file."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from . import database
from .database import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["SqliteDatabase", "file_of"]


class SqliteDatabase(Database):
    """An SQLite file, shared by all processes that open it (not on network file systems), or one in memory.

    Its folder is made with it; a folder called ``.dknb`` gets a ``.gitignore``, so that the store is not committed by
    accident.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.in_memory = path is None
        self.name = "in memory" if path is None else str(path)
        self.reading = {}
        self.writing = {"dknb_writes": True}

    def identity(self) -> Hashable:
        """The process, and the file, which may be taken away under us."""
        try:
            inode = 0 if self.path is None else self.path.stat().st_ino
        except OSError:
            inode = -1
        return super().identity(), inode

    def may_exist(self) -> bool:
        """Whether there is a file."""
        return self.path is None or self.path.exists()

    def make_place(self) -> None:
        """Make the folder."""
        if self.path is None:
            return
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if folder.name == ".dknb" and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")

    @property
    def read_only(self) -> bool:  # type: ignore[override]  # asked each time: a medium may be mounted anew
        """Whether file or folder may not be written: SQLite needs the folder, too."""
        path = self.path
        return path is not None and path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))

    def _connect(self) -> sqlite3.Connection:
        timeout = database.BUSY_MS / 1000
        if self.path is None or not self.read_only:
            return sqlite3.connect(self.path or ":memory:", timeout=timeout, check_same_thread=False)
        # Without a log beside it nobody is writing it, and it can be read although no lock can be taken.
        log = self.path.with_name(f"{self.path.name}-wal")
        alone = not (log.exists() and log.stat().st_size)
        address = f"{self.path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
        return sqlite3.connect(address, uri=True, timeout=timeout, check_same_thread=False)

    def engine(self, *, patient: bool = False) -> Engine:
        """SQLAlchemy's engine, whose transactions begin at once and, if they write, keep others from writing."""
        from sqlalchemy import URL, create_engine, event

        engine = create_engine(
            URL.create("sqlite", database=None if self.path is None else str(self.path)),
            creator=self._connect,
            pool_reset_on_return=None,
            hide_parameters=True,
        )

        @event.listens_for(engine, "connect")
        def set_up(dbapi_connection: Any, _: Any) -> None:
            # Python's own transactions begin too late: read-then-write would lose against another process.
            dbapi_connection.isolation_level = None
            for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
                dbapi_connection.execute(f"PRAGMA {pragma}")
            if not self.read_only:
                _write_ahead(dbapi_connection)

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            writes = connection.get_execution_options().get("dknb_writes")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine


def file_of(address: str) -> Path | None:
    """The file that a path or URL means; None for a database in memory.

    Raises:
        ConfigError: It is a URL with a host.
    """
    if address in (":memory:", "sqlite://", "sqlite:///:memory:"):
        return None
    scheme, found, rest = address.partition(":///")
    if found and scheme == "sqlite":
        return Path(rest)
    if "://" in address:
        raise ConfigError(
            "The address of the store is no address of an SQLite file.", hint="It has three slashes: sqlite:///path"
        )
    return Path(address)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let others read a new store while one writes. The setting stays in the file; that of an old one is its own."""
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return
    until = time.monotonic() + database.BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            # Two processes that make the store at once: SQLite does not wait for this lock by itself.
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)
