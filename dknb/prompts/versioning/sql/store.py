"""Versions, experiments and events in an SQL database; a row each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..types import PromptVersion
from ._experiments import SqlExperiments
from .database import SqlDatabase

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["SQLVersionStorage"]


class SQLVersionStorage(SqlExperiments):
    """Keeps versions, experiments and events in an SQLite file or a PostgreSQL database, for all processes that open it.

    An SQLite file may be one that holds other tables, and is made when something is kept. On a server it is the schema
    ``dknb_prompts``.

    Every method raises ``PromptError`` where the database cannot be read or written.

    Args:
        address: The path of an SQLite file, ``sqlite:///path``, or ``postgresql://user:password@host:port/database``.

    Attributes:
        path: The SQLite file; None for a server.

    Raises:
        ConfigError: It is no such address.
    """

    def __init__(self, address: str | Path) -> None:
        self._database = SqlDatabase(address)
        self.path = self._database.path

    def add(self, version: PromptVersion) -> bool:
        """Keep a version; False if its prompt has one of that number."""
        from .schema import versions

        row = {name: getattr(version, name) for name in ("version_id", "name", "prompt_type", "version")}
        with self._changing() as connection:
            insert = self._database.insert_new(versions).returning(versions.c.version_id)
            return connection.execute(insert, {**row, "document": _text(version)}).first() is not None

    def update(self, name: str, prompt_type: str, change: Callable[[PromptVersion], PromptVersion]) -> None:
        """Put ``change(version)`` in place of each version of a prompt, in one step."""
        from sqlalchemy import select, update

        from .schema import versions

        of_prompt = select(versions.c.document).where(versions.c.name == name, versions.c.prompt_type == prompt_type)
        with self._changing() as connection:
            for (document,) in connection.execute(of_prompt.with_for_update()).all():
                version = _version(document)
                changed = update(versions).where(versions.c.version_id == version.version_id)
                connection.execute(changed, {"document": _text(change(version))})

    def remove(self, version_id: str) -> bool:
        """Forget a version; False if there is none of that id."""
        from sqlalchemy import delete

        from .schema import versions

        with self._changing() as connection:
            return connection.execute(delete(versions).where(versions.c.version_id == version_id)).rowcount > 0

    def find(self, version_id: str) -> PromptVersion | None:
        """The version of that id."""
        from .schema import versions

        found = self._documents(versions.c.version_id == version_id)
        return found[0] if found else None

    def versions(self, name: str, prompt_type: str) -> list[PromptVersion]:
        """The versions of a prompt, in no order."""
        from .schema import versions

        return self._documents((versions.c.name == name) & (versions.c.prompt_type == prompt_type))

    def names(self, prompt_type: str) -> list[str]:
        """The names of prompts that have versions, sorted."""
        from sqlalchemy import select

        from .schema import versions

        with self._database.reading(versions) as connection:
            if connection is None:
                return []
            known = select(versions.c.name).where(versions.c.prompt_type == prompt_type).distinct()
            return sorted(connection.execute(known).scalars())

    def revision(self) -> int:
        """A number that is another after each change of a version or an experiment, whoever made it."""
        if not self._database.may_exist():
            return 0
        from .schema import revision

        return self._database.number(revision.c.number)

    def close(self) -> None:
        """Close the connections; the next use opens them again."""
        self._database.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._database.name!r})"

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """A transaction, which counts as a change when it ends well."""
        from sqlalchemy import update

        from .schema import revision

        with self._database.writing() as connection:
            # First, so that on a server, too, who changes waits for who changes.
            connection.execute(update(revision).values(number=revision.c.number + 1))
            yield connection
        self._database.settle()

    def _documents(self, which: Any) -> list[PromptVersion]:
        from sqlalchemy import select

        from .schema import versions

        with self._database.reading(versions) as connection:
            if connection is None:
                return []
            return [
                _version(document)
                for document in connection.execute(select(versions.c.document).where(which)).scalars()
            ]


def _text(version: PromptVersion) -> str:
    return json.dumps(version.to_dict(), ensure_ascii=False)


def _version(document: str) -> PromptVersion:
    return PromptVersion.from_dict(json.loads(document))
