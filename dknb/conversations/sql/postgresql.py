"""A store in a PostgreSQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._lazy import extra
from ...errors import ConfigError
from . import database
from .database import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["SCHEMA", "PostgresDatabase"]

#: The schema that holds the tables, so that other programs may use the same database.
SCHEMA = "dknb"

#: Seconds to wait for a server that does not answer.
CONNECT_S = 10

#: Seconds after which a machine that confirms nothing that was sent to it is gone.
GONE_S = 30

#: How many times as long as a turn what may take long may take.
LONGER = 10


class PostgresDatabase(Database):
    """A database of a PostgreSQL server, at least version 13, with a schema of dknb's own in it.

    The driver is psycopg: the store works on a thread of its own, where a synchronous driver is the simplest and fastest.
    A password that the address does not have is taken from ``PGPASSWORD`` or ``~/.pgpass``.
    """

    def __init__(self, address: str, answer_s: float = database.ANSWER_S) -> None:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(address).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError):
            raise _no_url("The address of the store is no URL.") from None
        rest = address.partition("://")[2]
        if rest.count("@") > 1 or ("@" in rest and url.username is None):
            # Whatever of it is the password would be shown as the host.
            raise _no_url("The address of the store has an @, / or : in its user or password.")
        self._url = url
        self._answer_s = answer_s
        port = f":{url.port}" if url.port else ""
        self.name = f"postgresql://{url.host or ''}{port}/{url.database or ''}"
        self.reading = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True, "dknb_schema": SCHEMA}
        # Who writes to a conversation waits for the lock on its row first, and then has to see what the other wrote.
        self.writing = {"isolation_level": "READ COMMITTED", "dknb_schema": SCHEMA}

    def engine(self, *, patient: bool = False) -> Engine:
        """SQLAlchemy's engine."""
        from sqlalchemy import create_engine, event

        with extra("postgres"):
            from .patience import PatientConnection

        answer_s = self._answer_s * (LONGER if patient else 1)
        gone_ms = int(1000 * min(GONE_S, self._answer_s))
        told = {"connect_timeout": max(2, int(min(CONNECT_S, self._answer_s))), "application_name": "dknb"}
        alive = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
        engine = create_engine(
            self._url,
            connect_args={**told, **alive, "tcp_user_timeout": gone_ms},
            pool_size=1,
            hide_parameters=True,
        )

        @event.listens_for(engine, "do_connect")
        def connect(dialect: Any, record: Any, args: Any, options: dict[str, Any]) -> PatientConnection:
            return PatientConnection.connect(*args, **options)

        @event.listens_for(engine, "connect")
        def set_up(dbapi_connection: PatientConnection, _: Any) -> None:
            dbapi_connection.answer_s = answer_s
            dbapi_connection.execute(f"SET search_path TO {SCHEMA}")
            dbapi_connection.execute("SET jit TO off")  # compiling a statement takes longer than any of ours
            dbapi_connection.execute(f"SET lock_timeout TO {database.BUSY_MS}")
            # A server that is there ends what takes too long by itself, and says so.
            dbapi_connection.execute(f"SET statement_timeout TO {max(1, int(900 * answer_s))}")
            dbapi_connection.commit()

        return engine

    def take_time(self, connection: Connection) -> None:
        """Let what is done in this transaction take as long as it takes, if only the machine is there."""
        connection.exec_driver_sql("SET LOCAL statement_timeout TO 0")
        driver: Any = connection.connection.driver_connection
        driver.take_time()


def _no_url(what: str) -> ConfigError:
    return ConfigError(
        what,
        hint="It goes like this: postgresql://user:password@host:5432/name, with %40 for an @ in the password, %2F for /, "
        "%3A for a colon.",
    )
