"""The tables of the store, for SQLAlchemy Core. Importing this imports SQLAlchemy: do it at use."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
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
)

__all__ = ["branches", "calls", "conversations", "labels", "meta", "nodes", "tables"]

#: A time: ISO 8601 in UTC, which sorts as text and is read by every tool.
TIME = String(40).with_variant(String(40, collation="C"), "postgresql")

#: A number that the database gives; SQLite's own row number, which stays when a file is compacted.
NUMBER = BigInteger().with_variant(Integer, "sqlite")

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


# Within a conversation ids grow with seqs. The index of words goes by them. ``folded`` is what SQLite's index has instead of
# a content that it would fold otherwise than we do.
nodes = Table(
    "nodes",
    tables,
    Column("id", NUMBER, primary_key=True),
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
    Column("folded", Text),
    UniqueConstraint("conversation_id", "seq"),
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

labels = Table(
    "labels",
    tables,
    _conversation(),
    Column("seq", Integer, nullable=False),
    Column("name", Text, nullable=False),
    PrimaryKeyConstraint("conversation_id", "seq", "name"),
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
