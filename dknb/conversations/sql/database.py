"""What differs between the databases that a store may be in."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["ANSWER_S", "BUSY_MS", "Database", "database_at"]

#: Milliseconds to wait for another process that writes.
BUSY_MS = 30_000

#: Seconds to wait for the answer of a server; longer than for another process.
ANSWER_S = 120.0


class Database(ABC):
    """A place for a store.

    Attributes:
        name: What messages call it, without a password.
        path: The file; None if it is in none.
        in_memory: Whether it ends with its connection.
        read_only: Whether it lies where it may not be written.
        reading: SQLAlchemy's options for transactions that read: all that they read is of one moment.
        writing: Those for transactions that write.
    """

    name: str
    path: Path | None = None
    in_memory = False
    read_only = False
    reading: dict[str, Any]
    writing: dict[str, Any]

    @abstractmethod
    def engine(self, *, patient: bool = False) -> Engine:
        """SQLAlchemy's engine, with one connection: a line works on one thread.

        Args:
            patient: Whether what is asked there may take long.
        """

    def take_time(self, connection: Connection) -> None:  # noqa: B027 - who sets no limits has none to lift
        """Let what is done in this transaction take as long as it takes."""

    def identity(self) -> Hashable:
        """What must be the same for an open connection to be used: a fork must not share one."""
        return os.getpid()

    def may_exist(self) -> bool:
        """Whether a store may be there, as far as can be said without opening it."""
        return True

    def make_place(self) -> None:  # noqa: B027 - a server has its place
        """Make what a new store needs around it."""


def database_at(address: str, answer_s: float = ANSWER_S) -> Database:
    """The database at an address: the path of a file, or a URL.

    Raises:
        ConfigError: It is of a kind that is not supported, or no URL.
    """
    from .sqlite import SqliteDatabase, file_of

    scheme, found, _ = address.partition("://")
    if not found or scheme == "sqlite" or address == ":memory:":
        return SqliteDatabase(file_of(address))
    if scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        from .postgresql import PostgresDatabase

        return PostgresDatabase(address, answer_s)
    raise ConfigError(
        f"Conversations cannot be kept at {scheme if scheme.isalnum() else 'this'}://…: only in SQLite and PostgreSQL.",
        hint='Give the path of a file, for example ".dknb/store.db", or postgresql://user@host/database',
    )
