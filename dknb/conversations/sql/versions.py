"""The version of a store: what it is, how a new store is made, and how an old one is brought up to date.

The steps are a list of functions rather than alembic's scripts: there is one line of versions and no downgrade, and a store
that is up to date is opened without importing anything. All steps of a store are one transaction, under a lock that keeps
other processes out: what fails leaves the store as it was, and of two that migrate at once the second finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, insert, inspect, select, text, update

from ...errors import SchemaVersionError, StorageError
from ..state import SCHEMA_VERSION
from .schema import labels, meta, nodes, tables
from .words import make_index, rebuild_index

__all__ = ["STEPS", "is_behind", "migrate", "version_of"]

_VERSION = "schema_version"

#: A number of our own for PostgreSQL's advisory locks.
_LOCK = 0x646B6E62


def version_of(connection: Connection, where: str) -> str | None:
    """The version of the store; None if the database is empty.

    Raises:
        StorageError: The database is another program's.
        SchemaVersionError: The store is a newer dknb's.
    """
    there = set(inspect(connection).get_table_names(schema=_schema(connection)))
    if not there:
        return None
    known = select(meta.c.value).where(meta.c.key == _VERSION)
    version: str | None = connection.execute(known).scalar() if "meta" in there else None
    if version is None or not version.partition(".")[0].isdecimal():
        raise StorageError(
            f"The database {where} is not a store of dknb: it has the tables {', '.join(sorted(there)[:5])}.",
            hint="Keep the store in a database of its own.",
        )
    if _numbers(version)[0] > _numbers(SCHEMA_VERSION)[0]:
        raise SchemaVersionError(
            f"The store {where} has version {version}; this dknb reads versions up to {SCHEMA_VERSION}.",
            hint="Update dknb (pip install -U dknb), or keep the store elsewhere.",
        )
    return version


def is_behind(version: str | None) -> bool:
    """Whether a store of that version (None: an empty one) has to be made or migrated."""
    return version is None or _numbers(version) < _numbers(SCHEMA_VERSION)


def migrate(connection: Connection, where: str) -> None:
    """Bring a store up to date, or make an empty database one; another process may be doing the same.

    Raises:
        StorageError: The database is another program's.
        SchemaVersionError: The store is a newer dknb's.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    version = version_of(connection, where)
    if version is None:
        _make_tables(connection)
        return
    for target, step in STEPS:
        if _numbers(version) < _numbers(target):
            step(connection)
            version = target
            connection.execute(update(meta).where(meta.c.key == _VERSION), {"value": version})


def _make_tables(connection: Connection) -> None:
    """Make the tables of a new store."""
    if (schema := _schema(connection)) is not None:
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    tables.create_all(connection)
    make_index(connection)
    connection.execute(insert(meta), {"key": _VERSION, "value": SCHEMA_VERSION})


def _schema(connection: Connection) -> str | None:
    """The schema that holds the tables, where the database has such."""
    found: str | None = connection.get_execution_options().get("dknb_schema")
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))


def _to_1_1_0(connection: Connection) -> None:
    """Give nodes an id of their own, labels, and an index of their words; 1.0.0 was on SQLite only."""
    columns = ", ".join(column.name for column in nodes.columns if column.name != "id")
    connection.execute(text("ALTER TABLE nodes RENAME TO nodes_before"))
    nodes.create(connection)
    labels.create(connection)
    connection.execute(
        text(f"INSERT INTO nodes ({columns}) SELECT {columns} FROM nodes_before ORDER BY conversation_id, seq")
    )
    connection.execute(text("DROP TABLE nodes_before"))
    make_index(connection)
    rebuild_index(connection)


#: For each released version after the first: how a store of the version before becomes one.
STEPS: list[tuple[str, Callable[[Connection], None]]] = [("1.1.0", _to_1_1_0)]
