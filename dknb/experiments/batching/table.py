"""Batches in the tables of a database. Importing this imports SQLAlchemy: do it at use."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Column, Connection, Float, ForeignKey, Integer, Table, Text, inspect, text

from ...conversations.sql.schema import NUMBER, TIME
from ..store.schema import LOCK, tables
from .kept import KeptBatch

__all__ = ["SqlBatches"]

batches = Table(
    "batches",
    tables,  # the same as that of the experiments, so that one may point to the other
    Column("id", NUMBER, primary_key=True),
    Column("experiment_id", NUMBER, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("tag", Text, nullable=False, unique=True),
    Column("model", Text, nullable=False),
    Column("trials", Text, nullable=False),
    Column("handle", Text),
    Column("retry", Integer, nullable=False),
    Column("high", Float),
    Column("at", TIME, nullable=False),
)


class SqlBatches:
    """The batches of experiments that are not collected, within one transaction of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._do = connection.execute

    def are_there(self) -> bool:
        """Whether the store has a place for them."""
        schema = self._connection.get_execution_options().get("dknb_schema")
        return inspect(self._connection).has_table("batches", schema=schema)

    def make(self) -> None:
        """Make it, where there is none; another process may be doing the same."""
        if self._connection.dialect.name == "postgresql":
            self._do(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        if not self.are_there():
            batches.create(self._connection)

    def listed(self, experiment: int) -> list[KeptBatch]:
        """Those of an experiment, the oldest first."""
        found = self._do(batches.select().where(batches.c.experiment_id == experiment).order_by(batches.c.id))
        return [
            KeptBatch(
                row.tag,
                row.model,
                json.loads(row.trials),
                datetime.fromisoformat(row.at),
                None if row.handle is None else json.loads(row.handle),
                bool(row.retry),
                row.high,
            )
            for row in found
        ]

    def keep(self, experiment: int, kept: KeptBatch) -> None:
        """Keep one, in the place of the one of its tag."""
        self.forget(kept.tag)
        values = {
            "experiment_id": experiment,
            "tag": kept.tag,
            "model": kept.model,
            "trials": json.dumps(kept.trials),
            "handle": None if kept.handle is None else json.dumps(dict(kept.handle)),
            "retry": int(kept.retry),
            "high": kept.high,
            "at": kept.at.isoformat(),
        }
        self._do(batches.insert(), values)

    def forget(self, tag: str) -> None:
        """Keep one no longer."""
        self._do(batches.delete().where(batches.c.tag == tag))
