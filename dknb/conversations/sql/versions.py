"""The version of a store: what it is, how a new store is made, and how an old one is brought up to date.

The steps are a list of functions rather than alembic's scripts: there is one line of versions and no downgrade, and a store
that is up to date is opened without importing anything. All steps of a store are one transaction, under a lock that keeps
other processes out: what fails leaves the store as it was, and of two that migrate at once the second finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, insert, inspect, select, text, update

from ...errors import SchemaVersionError, StorageError
from .schema import labels, meta, nodes, tables
from .words import folded, make_index, rebuild_index

__all__ = ["STEPS", "STORE_VERSION", "is_behind", "migrate", "version_of"]

#: Version of the tables: a higher major version cannot be read by this dknb, a higher minor one can.
STORE_VERSION = "1.2.0"

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
    if _numbers(version)[0] > _numbers(STORE_VERSION)[0]:
        raise SchemaVersionError(
            f"The store {where} has version {version}; this dknb reads versions up to {STORE_VERSION}.",
            hint="Update dknb (pip install -U dknb), or keep the store elsewhere.",
        )
    return version


def is_behind(version: str | None) -> bool:
    """Whether a store of that version (None: an empty one) has to be made or migrated."""
    return version is None or _numbers(version) < _numbers(STORE_VERSION)


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
    connection.execute(insert(meta), {"key": _VERSION, "value": STORE_VERSION})


def _schema(connection: Connection) -> str | None:
    """The schema that holds the tables, where the database has such."""
    found: str | None = connection.get_execution_options().get("dknb_schema")
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))


def _to_1_1_0(connection: Connection) -> None:
    """Labels. The ids of nodes and the index of words, which came with them, are made by the next step."""
    labels.create(connection)


def _to_1_2_0(connection: Connection) -> None:
    """The index of words has facts beside them, and words in one normal form."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE nodes ADD COLUMN folded TEXT"))
        rebuild_index(connection)
        return
    for trigger in ("added", "removed", "changed"):
        connection.execute(text(f"DROP TRIGGER IF EXISTS node_text_{trigger}"))
    connection.execute(text("DROP TABLE IF EXISTS node_text"))
    kept = ", ".join(column.name for column in nodes.columns if column.name not in ("id", "folded"))
    connection.execute(text("ALTER TABLE nodes RENAME TO nodes_before"))
    nodes.create(connection)
    connection.execute(
        text(f"INSERT INTO nodes ({kept}) SELECT {kept} FROM nodes_before ORDER BY conversation_id, seq")
    )
    connection.execute(text("DROP TABLE nodes_before"))
    _fold(connection)
    make_index(connection)
    rebuild_index(connection)


def _fold(connection: Connection) -> None:
    """Fold what SQLite would fold otherwise than we do, a part after the other."""
    after = 0
    while rows := connection.execute(_NOT_ASCII, {"after": after}).all():
        connection.execute(_FOLDED, [{"number": number, "text": folded(content)} for number, content in rows])
        after = rows[-1][0]


_NOT_ASCII = text(
    "SELECT id, content FROM nodes WHERE id > :after AND length(content) <> length(CAST(content AS BLOB))"
    " ORDER BY id LIMIT 200"
)
_FOLDED = text("UPDATE nodes SET folded = :text WHERE id = :number")

#: For each version after the first: how a store of the version before becomes one.
STEPS: list[tuple[str, Callable[[Connection], None]]] = [("1.1.0", _to_1_1_0), ("1.2.0", _to_1_2_0)]
