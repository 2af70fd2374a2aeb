"""Versions in an SQLite file, which outlives the kernel and serves several."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import PromptError
from .storage import Change
from .types import PromptVersion

__all__ = ["SQLiteVersionStorage"]

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS prompt_versions (version_id TEXT PRIMARY KEY, name TEXT NOT NULL, "
    "prompt_type TEXT NOT NULL, version TEXT NOT NULL, document TEXT NOT NULL, UNIQUE (name, prompt_type, version))",
    "CREATE TABLE IF NOT EXISTS prompt_revision (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL)",
    "INSERT OR IGNORE INTO prompt_revision VALUES (1, 0)",
)
_OF_PROMPT = "SELECT document FROM prompt_versions WHERE name = ? AND prompt_type = ?"
#: Seconds to wait for another process that writes.
_PATIENCE = 10.0


class SQLiteVersionStorage:
    """Versions in an SQLite file; several processes may use it at once.

    The file is made when the first version is kept. It may be one that holds other tables.

    Every method raises ``PromptError`` where the file cannot be read or written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def add(self, version: PromptVersion) -> bool:
        """Keep a version; False if its prompt has one of that number."""
        row = (version.version_id, version.name, version.prompt_type, version.version, _text(version))
        try:
            with self._writing() as db:
                db.execute("INSERT INTO prompt_versions VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.IntegrityError:
            return False
        return True

    def update(self, name: str, prompt_type: str, change: Change) -> None:
        """Put ``change(version)`` in place of each version of a prompt, in one step."""
        with self._writing() as db:
            for row in db.execute(_OF_PROMPT, (name, prompt_type)).fetchall():
                version = _version(row)
                document = (_text(change(version)), version.version_id)
                db.execute("UPDATE prompt_versions SET document = ? WHERE version_id = ?", document)

    def remove(self, version_id: str) -> bool:
        """Forget a version; False if there is none of that id."""
        with self._writing() as db:
            return db.execute("DELETE FROM prompt_versions WHERE version_id = ?", (version_id,)).rowcount > 0

    def find(self, version_id: str) -> PromptVersion | None:
        """The version of that id."""
        rows = self._rows("SELECT document FROM prompt_versions WHERE version_id = ?", version_id)
        return _version(rows[0]) if rows else None

    def versions(self, name: str, prompt_type: str) -> list[PromptVersion]:
        """The versions of a prompt, in no order."""
        return [_version(row) for row in self._rows(_OF_PROMPT, name, prompt_type)]

    def names(self, prompt_type: str) -> list[str]:
        """The names of prompts that have versions, sorted."""
        rows = self._rows("SELECT DISTINCT name FROM prompt_versions WHERE prompt_type = ?", prompt_type)
        return sorted(row[0] for row in rows)

    def revision(self) -> int:
        """A number that is another after each change, whoever made it."""
        rows = self._rows("SELECT number FROM prompt_revision")
        return int(rows[0][0]) if rows else 0

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        with self._open() as db:
            known = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'prompt_revision'").fetchone()
            return db.execute(query, values).fetchall() if known[0] else []

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, which counts as a change when it ends well."""
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                db.execute(statement)
            yield db
            db.execute("UPDATE prompt_revision SET number = number + 1")
            db.execute("COMMIT")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
            yield db
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.Error, OSError) as error:
            raise PromptError(
                f"The versions in {self.path.name} cannot be used: {error}.", hint="Is it a file of dknb, and writable?"
            ) from error
        finally:
            if db is not None:
                db.close()  # which takes back what was not committed


def _text(version: PromptVersion) -> str:
    return json.dumps(version.to_dict(), ensure_ascii=False)


def _version(row: tuple[Any, ...]) -> PromptVersion:
    return PromptVersion.from_dict(json.loads(row[0]))
