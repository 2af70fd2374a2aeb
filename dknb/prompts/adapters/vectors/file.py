"""Documents and their vectors in a file: an SQLite database, so that a change is written whole or not at all.

Several processes may use one file. Each write counts ``changes`` up, by which the others see that there is something
to read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

from ....errors import RAGError
from .documents import Document
from .rows import VectorRows

if TYPE_CHECKING:
    from .embedder import Matrix

__all__ = ["Facts", "VectorFile", "check_same"]

_FORMAT = 1
_TABLES = (
    """create table facts (only integer primary key check (only = 1), format integer not null,
    dimension integer not null, model text, changes integer not null, born text not null)""",
    "create table documents (id text primary key, content text not null, metadata text not null, vector blob not null)",
)
#: Documents that are read at a time.
_PORTION = 10_000
#: Seconds to wait for another process that writes.
_PATIENCE = 30.0


class Facts(NamedTuple):
    """What a file says of itself; ``born`` tells it from one that was made in its place."""

    dimension: int
    model: str | None
    changes: int = 0
    born: str = ""


class VectorFile:
    """The file at a path; it is made by the first write.

    Every method may wait for the disk or for another process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def facts(self) -> Facts | None:
        """What the file says of itself; None where nothing was written yet.

        Raises:
            RAGError: It is no such file, or of a newer format.
        """
        if not self.path.exists():
            return None
        with self._opened() as connection:
            return _facts(connection, self.path)

    def load(self) -> tuple[VectorRows, Facts] | None:
        """All documents, in the order in which they were put.

        Raises:
            RAGError: The file cannot be read.
        """
        if not self.path.exists():
            return None
        with self._opened() as connection:
            connection.execute("begin")
            if (facts := _facts(connection, self.path)) is None:
                return None
            rows = VectorRows(facts.dimension)
            rows.reserve(connection.execute("select count(*) from documents").fetchone()[0])
            for portion in _portions(connection):
                rows.put(*_read(portion, facts.dimension, self.path))
            return rows, facts

    def put(self, documents: Sequence[Document], vectors: Matrix, model: str | None) -> Facts:
        """Write documents and their vectors; what the file says then.

        Raises:
            RAGError: The file holds vectors of another model or length, or cannot be written.
        """
        lines = (
            (document.id, document.content, json.dumps(document.metadata), vector.tobytes())
            for document, vector in zip(documents, vectors.astype("<f4", copy=False), strict=True)
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._changing(vectors.shape[1], model) as connection:
            connection.executemany("replace into documents values (?, ?, ?, ?)", lines)
            return self._counted(connection)

    def delete(self, ids: Iterable[str]) -> Facts:
        """Delete documents; what the file says then.

        Raises:
            RAGError: The file cannot be written.
        """
        with self._changing(None, None) as connection:
            connection.executemany("delete from documents where id = ?", [(each,) for each in ids])
            return self._counted(connection)

    @contextmanager
    def _changing(self, dimension: int | None, model: str | None) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction that is committed at the end; with a dimension, it must be the file's."""
        with self._opened() as connection:
            connection.execute("begin immediate")
            if (facts := _facts(connection, self.path)) is None:
                for statement in _TABLES:
                    connection.execute(statement)
                connection.execute(
                    "insert into facts values (1, ?, ?, ?, 0, ?)", (_FORMAT, dimension, model, token_hex(8))
                )
            elif dimension is not None:
                check_same(facts, dimension, model, str(self.path))
            yield connection
            connection.execute("commit")

    def _counted(self, connection: sqlite3.Connection) -> Facts:
        connection.execute("update facts set changes = changes + 1")
        facts = _facts(connection, self.path)
        assert facts is not None
        return facts

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)) as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise RAGError(f"The vectors in {self.path} cannot be read or written: {error}") from error


def check_same(facts: Facts, dimension: int, model: str | None, where: str) -> None:
    """Refuse vectors that cannot be compared with those that are there.

    Raises:
        RAGError: They are of another model, or of another length.
    """
    if facts.model is not None and model is not None and model != facts.model:
        raise RAGError(
            f"{where} holds vectors of {facts.model!r}; those of {model!r} cannot be compared with them.",
            hint="Use that model, or another file",
        )
    if dimension != facts.dimension:
        raise RAGError(
            f"{where} holds vectors of {facts.dimension} numbers; these have {dimension}.",
            hint="Use the model that made them, or another file",
        )


def _facts(connection: sqlite3.Connection, path: Path) -> Facts | None:
    tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
    if not tables:
        return None
    if not {"facts", "documents"} <= tables:
        raise RAGError(f"{path} is a database, but holds no vectors of dknb.", hint="Name another file")
    given, *facts = connection.execute("select format, dimension, model, changes, born from facts").fetchone()
    if given != _FORMAT:
        raise RAGError(f"{path} is of format {given}; this dknb reads format {_FORMAT}.", hint="Use a newer dknb")
    return Facts(*facts)


def _portions(connection: sqlite3.Connection) -> Iterator[list[tuple[Any, ...]]]:
    cursor = connection.execute("select id, content, metadata, vector from documents order by rowid")
    while lines := cursor.fetchmany(_PORTION):
        yield lines


def _read(lines: Sequence[tuple[Any, ...]], dimension: int, path: Path) -> tuple[list[Document], Matrix]:
    import numpy as np

    if any(len(line[3]) != 4 * dimension for line in lines):
        raise RAGError(f"A vector in {path} does not have {dimension} numbers: the file is damaged.")
    try:
        documents = [Document(line[0], line[1], json.loads(line[2])) for line in lines]
    except ValueError as error:
        raise RAGError(f"Metadata in {path} do not parse: the file is damaged. {error}") from error
    return documents, np.frombuffer(b"".join(line[3] for line in lines), "<f4").reshape(-1, dimension)
