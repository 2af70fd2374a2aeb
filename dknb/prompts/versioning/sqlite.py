"""Versions in an SQLite file, which outlives the kernel and serves several."""

from __future__ import annotations

from pathlib import Path

from .sql.store import SQLVersionStorage

__all__ = ["SQLiteVersionStorage"]


class SQLiteVersionStorage(SQLVersionStorage):
    """Versions, experiments and events in an SQLite file; several processes may use it at once."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(Path(path))
