"""The tables of the store, for SQLAlchemy Core. Importing this imports SQLAlchemy: do it at use."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    inspect,
    select,
)

from ..errors import StorageError
from .state import SCHEMA_VERSION

__all__ = ["branches", "calls", "conversations", "make_tables", "meta", "nodes", "version_of"]

_VERSION = "schema_version"

#: A time: ISO 8601 in UTC, which sorts as text and is read by every tool.
TIME = String(40)

tables = MetaData()

meta = Table("meta", tables, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

conversations = Table(
    "conversations",
    tables,
    Column("id", Text, primary_key=True),
    Column("metadata", Text, nullable=False),
    Column("next_seq", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("current_seq", Integer, nullable=False),
    Column("current_branch", Text),
    Column("created_at", TIME, nullable=False),
    Column("updated_at", TIME, nullable=False),
)


def _conversation() -> Column[str]:
    return Column("conversation_id", Text, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False)


nodes = Table(
    "nodes",
    tables,
    _conversation(),
    Column("seq", Integer, nullable=False),
    Column("parent_seq", Integer),
    Column("ordinal", Integer, nullable=False),
    Column("role", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("message", Text),
    Column("prompt_name", Text),
    Column("branch_name", Text),
    Column("cell", Text),
    Column("state", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("hidden", Integer, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("session", Text),
    PrimaryKeyConstraint("conversation_id", "seq"),
    UniqueConstraint("conversation_id", "parent_seq", "ordinal"),
)

branches = Table(
    "branches",
    tables,
    _conversation(),
    Column("name", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("head_seq", Integer, nullable=False),
    Column("hidden", Integer, nullable=False),
    Column("updated_at", TIME, nullable=False),
    PrimaryKeyConstraint("conversation_id", "name"),
)

# The ledger outlives its conversations: what was spent was spent.
calls = Table(
    "calls",
    tables,
    Column("id", Integer, primary_key=True),
    Column("conversation_id", Text),
    Column("node_seq", Integer),
    Column("cell", Text),
    Column("kind", Text, nullable=False),
    Column("provider", Text),
    Column("model", Text),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("cost_usd", Float),
    Column("duration_s", Float),
    Column("outcome", Text, nullable=False),
    Column("at", TIME, nullable=False),
    Index("calls_of_conversation", "conversation_id"),
)


def version_of(connection: Connection, where: str) -> str | None:
    """The version of the store; None if the database is empty.

    Raises:
        StorageError: The database is another program's.
    """
    there = set(inspect(connection).get_table_names())
    if not there:
        return None
    known = select(meta.c.value).where(meta.c.key == _VERSION)
    version: str | None = connection.execute(known).scalar() if "meta" in there else None
    if version is None or not version.partition(".")[0].isdecimal():
        raise StorageError(
            f"The database {where} is not a store of dknb: it has the tables {', '.join(sorted(there)[:5])}.",
            hint="Keep the store in a file of its own.",
        )
    return version


def make_tables(connection: Connection) -> None:
    """Make what is missing of a new store; another process may be doing the same."""
    tables.create_all(connection)
    if connection.execute(select(meta.c.key).where(meta.c.key == _VERSION)).first() is None:
        connection.execute(insert(meta), {"key": _VERSION, "value": SCHEMA_VERSION})
