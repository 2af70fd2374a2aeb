"""The documents of a vector adapter: in memory, and in step with a file where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .documents import Document
from .file import Facts, VectorFile, check_same
from .rows import VectorRows

if TYPE_CHECKING:
    from .embedder import Matrix

__all__ = ["VectorStore"]


class VectorStore:
    """Documents with vectors of one model.

    Every method may wait for the disk. Those that change something, and ``rows``, are called by one at a time.
    """

    def __init__(self, path: str | Path | None, model: str | None, name: str) -> None:
        self.file = VectorFile(Path(path).expanduser()) if path is not None else None
        #: What was there when it was last looked at; None where none were ever added.
        self.kept: VectorRows | None = None
        self._facts: Facts | None = None
        self._model = model
        self._where = str(self.file.path) if self.file else name

    def is_current(self) -> bool:
        """Whether ``kept`` is what the file holds."""
        return self.file is None or self.file.facts() == self._facts

    def rows(self) -> VectorRows | None:
        """The documents as they are now.

        Raises:
            RAGError: The file cannot be read, or holds vectors of another model.
        """
        if self.file is not None and (facts := self.file.facts()) != self._facts:
            if facts is not None:
                check_same(facts, facts.dimension, self._model, self._where)
            self.kept, self._facts = self.file.load() or (None, None)
        return self.kept

    def changed(self, documents: Sequence[Document]) -> list[Document]:
        """Those that are not there, or not so."""
        rows = self.rows()
        return [each for each in documents if rows is None or rows.get(each.id) != each]

    def put(self, documents: Sequence[Document], vectors: Matrix) -> None:
        """Add documents with vectors of length 1, or replace those of the same ids.

        Raises:
            RAGError: The vectors cannot be compared with those that are there, or not be written.
        """
        rows = self.rows() or VectorRows(vectors.shape[1])
        check_same(self._facts or Facts(rows.dimension, self._model), vectors.shape[1], self._model, self._where)
        if self.file is not None:
            self._follow(self.file.put(documents, vectors, self._model))
        rows.put(documents, vectors)
        self.kept = rows.compacted()

    def delete(self, ids: Sequence[str]) -> int:
        """Delete documents; how many there were."""
        rows = self.rows()
        known = [each for each in dict.fromkeys(ids) if rows is not None and rows.get(each) is not None]
        if rows is None or not known:
            return 0
        if self.file is not None:
            self._follow(self.file.delete(known))
        rows.delete(known)
        self.kept = rows.compacted()
        return len(known)

    def _follow(self, written: Facts) -> None:
        """Keep in step with what was written, unless somebody else wrote in between; then all is read anew."""
        last = self._facts or written._replace(changes=0)
        if written == last._replace(changes=last.changes + 1):
            self._facts = written
