"""A store in a PostgreSQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._lazy import extra
from ...errors import ConfigError
from . import database
from .database import Database

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["SCHEMA", "PostgresDatabase"]

#: The schema that holds the tables, so that other programs may use the same database.
SCHEMA = "dknb"

#: Seconds to wait for a server that does not answer.
CONNECT_S = 10


class PostgresDatabase(Database):
    """A database of a PostgreSQL server, at least version 13, with a schema of dknb's own in it.

    The driver is psycopg: the store works on a thread of its own, where a synchronous driver is the simplest and fastest.
    A password that the address does not have is taken from ``PGPASSWORD`` or ``~/.pgpass``.
    """

    def __init__(self, address: str) -> None:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(address).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError):
            raise ConfigError(
                "The address of the store is no URL.",
                hint="It goes like this: postgresql://user:password@host:5432/name",
            ) from None
        self._url = url
        port = f":{url.port}" if url.port else ""
        self.name = f"postgresql://{url.host or ''}{port}/{url.database or ''}"
        self.reading = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True, "dknb_schema": SCHEMA}
        # Who writes to a conversation waits for the lock on its row first, and then has to see what the other wrote.
        self.writing = {"isolation_level": "READ COMMITTED", "dknb_schema": SCHEMA}

    def engine(self) -> Engine:
        """SQLAlchemy's engine."""
        from sqlalchemy import create_engine, event

        with extra("postgres"):
            import psycopg  # noqa: F401 - SQLAlchemy imports it by name; here it says which extra brings it

        engine = create_engine(
            self._url,
            connect_args={"connect_timeout": CONNECT_S, "application_name": "dknb"},
            pool_size=1,
            hide_parameters=True,
        )

        @event.listens_for(engine, "connect")
        def set_up(dbapi_connection: Any, _: Any) -> None:
            dbapi_connection.execute(f"SET search_path TO {SCHEMA}")
            dbapi_connection.execute("SET jit TO off")  # compiling a statement takes longer than any of ours
            dbapi_connection.execute(f"SET lock_timeout TO {database.BUSY_MS}")
            dbapi_connection.commit()

        return engine
