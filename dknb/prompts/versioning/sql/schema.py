"""The tables of versions and experiments, for SQLAlchemy Core. Importing this imports SQLAlchemy: do it at use."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = ["assignments", "events", "experiments", "revision", "tables", "versions"]

#: A time: ISO 8601 in UTC with microseconds, which sorts as text.
_TIME = String(40).with_variant(String(40, collation="C"), "postgresql")

tables = MetaData()

versions = Table(
    "prompt_versions",
    tables,
    Column("version_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("prompt_type", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("document", Text, nullable=False),
    UniqueConstraint("name", "prompt_type", "version"),
)

revision = Table(
    "prompt_revision",
    tables,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
)

experiments = Table(
    "ab_experiments",
    tables,
    Column("experiment_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("started_at", _TIME, nullable=False),
    Column("document", Text, nullable=False),
    Index("ab_experiments_of_prompt", "name"),
)

assignments = Table(
    "ab_assignments",
    tables,
    Column("experiment_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("variant", Text, nullable=False),
    PrimaryKeyConstraint("experiment_id", "user_id"),
    sqlite_with_rowid=False,
)

events = Table(
    "prompt_events",
    tables,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("version_id", Text, nullable=False),
    Column("experiment_id", Text),
    Column("variant", Text),
    Column("at", _TIME, nullable=False),
    Column("success", Integer, nullable=False),
    Column("response_time", Float),
    Column("tokens", BigInteger),
    Column("user_rating", Float),
    Column("metadata", Text, nullable=False),
    Index("prompt_events_of_version", "version_id", "at"),
    Index("prompt_events_of_arm", "experiment_id", "variant"),
)
