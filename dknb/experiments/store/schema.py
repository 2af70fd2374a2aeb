"""The tables of experiments, for SQLAlchemy Core. Importing this imports SQLAlchemy: do it at use."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    insert,
    inspect,
    select,
    text,
)

from ...conversations.sql.schema import NUMBER, TIME, meta
from ...errors import SchemaVersionError

__all__ = ["LOCK", "are_there", "experiments", "leases", "make", "tables", "trials"]

#: Version of these tables: a higher major version cannot be read by this dknb, a higher minor one can.
VERSION = "1.0.0"

_KEY = "experiments_version"

#: A number of our own for PostgreSQL's advisory locks.
LOCK = 0x646B6E78

tables = MetaData()

experiments = Table(
    "experiments",
    tables,
    Column("id", NUMBER, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("conversation_id", Text, nullable=False),
    Column("design", Text, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("updated_at", TIME, nullable=False),
)

# ``is_part`` is 0 for a trial of an earlier design; ``raw`` is an output that no database takes as text, as JSON.
trials = Table(
    "trials",
    tables,
    Column("id", NUMBER, primary_key=True),
    Column("experiment_id", NUMBER, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("is_part", Integer, nullable=False),
    Column("item", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("version", Text),
    Column("model", Text, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("output", Text),
    Column("raw", Text),
    Column("parsed", Text),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("replayed", Integer, nullable=False),
    Column("cost_usd", Float),
    Column("duration_s", Float),
    Column("error", Text),
    Column("asked", Text),
    Column("question_seq", Integer),
    Column("question_id", Text),
    Column("node_seq", Integer),
    Column("node_id", Text),
    Column("scores", Text, nullable=False),
    Column("score_errors", Text, nullable=False),
    Column("scored", Text, nullable=False),
    Column("at", TIME, nullable=False),
    UniqueConstraint("experiment_id", "key"),
    Index("trials_of_node", "experiment_id", "node_seq"),
)

# The run itself, and each part of it that somebody works at who is not the one that began it: ``holder`` is who does now,
# ``place`` its process, and ``seen_at`` when it gave its last sign of life, in seconds since 1970.
leases = Table(
    "experiment_leases",
    tables,
    Column("experiment_id", NUMBER, ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    Column("shard", Text, primary_key=True),
    Column("holder", Text),
    Column("spent", Float, nullable=False),
    Column("place", Text),
    Column("seen_at", Float),
)


def are_there(connection: Connection) -> bool:
    """Whether the store has experiments.

    Raises:
        SchemaVersionError: They are a newer dknb's.
    """
    schema = connection.get_execution_options().get("dknb_schema")
    if not inspect(connection).has_table("trials", schema=schema):
        return False
    version = connection.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar()
    if version is not None and int(version.partition(".")[0]) > int(VERSION.partition(".")[0]):
        raise SchemaVersionError(
            f"The experiments of the store have version {version}; this dknb reads versions up to {VERSION}.",
            hint="Update dknb (pip install -U dknb), or keep the store elsewhere.",
        )
    return True


def make(connection: Connection) -> None:
    """Make the tables where there are none; another process may be doing the same."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    if are_there(connection):
        _renew_leases(connection)
        return
    tables.create_all(connection)
    connection.execute(insert(meta), {"key": _KEY, "value": VERSION})


def _renew_leases(connection: Connection) -> None:
    """Make the table of leases anew where it is not as it is now: what it holds ends with the runs."""
    schema = connection.get_execution_options().get("dknb_schema")
    found = inspect(connection)
    there = found.has_table(leases.name, schema=schema)
    if there and {column["name"] for column in found.get_columns(leases.name, schema=schema)} == set(
        leases.columns.keys()
    ):
        return
    leases.drop(connection, checkfirst=True)
    leases.create(connection)
