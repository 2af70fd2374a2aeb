"""Documents and their vectors in memory: a float32 matrix that is searched whole, so that what is found is exact.

Rows are written once. A document that is replaced or deleted leaves a dead row behind until half of all are dead. So a
search sees all documents as they were when it began, whoever writes meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ...._sync import in_thread
from ....errors import RAGError
from ..base import SearchResult
from ..filters import Filters
from .documents import Document

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .embedder import Matrix

    Flags: TypeAlias = NDArray[np.bool_]

__all__ = ["VectorRows"]

#: Fewer rows than this are not worth another thread.
_PIECE = 65_536
#: Scores of which only the highest is looked at first.
_GROUP = 1_024


class VectorRows:
    """Documents, each with a vector of length 1."""

    def __init__(self, dimension: int) -> None:
        import numpy as np

        self.dimension = dimension
        self.places: dict[str, int] = {}
        self._documents: list[Document] = []
        self._matrix: Matrix = np.empty((0, dimension), np.float32)
        self._alive = np.empty(0, np.bool_)
        # Held where documents become seen or unseen; the copying of vectors comes before.
        self._seen = threading.Lock()

    def __len__(self) -> int:
        return len(self.places)

    def get(self, document_id: str) -> Document | None:
        """The document of an id."""
        place = self.places.get(document_id)
        return None if place is None else self._documents[place]

    def put(self, documents: Sequence[Document], vectors: Matrix) -> None:
        """Add documents, or replace those of the same ids; the vectors are rows of length 1."""
        used, needed = len(self._documents), len(self._documents) + len(documents)
        if needed > len(self._matrix):
            self.reserve(max(needed, 2 * used))
        self._matrix[used:needed] = vectors
        with self._seen:
            self._documents += documents
            self._alive[used:needed] = True
            for place, document in enumerate(documents, used):
                self._kill(document.id)
                self.places[document.id] = place

    def reserve(self, rows: int) -> None:
        """Make room for so many rows, if there is less."""
        import numpy as np

        if rows <= len(self._matrix):
            return
        matrix = np.empty((rows, self.dimension), np.float32)
        matrix[: len(self._matrix)] = self._matrix
        with self._seen:
            self._alive = np.concatenate([self._alive, np.zeros(rows - len(self._alive), np.bool_)])
            self._matrix = matrix

    def _kill(self, document_id: str) -> bool:
        place = self.places.pop(document_id, None)
        if place is not None:
            self._alive[place] = False
        return place is not None

    def delete(self, ids: Iterable[str]) -> int:
        """Delete documents; how many there were."""
        with self._seen:
            return sum(self._kill(document_id) for document_id in ids)

    def compacted(self) -> VectorRows:
        """These rows, or new ones without the dead where those are most."""
        if len(self._documents) < 2 * len(self.places) + _GROUP:
            return self
        fresh = VectorRows(self.dimension)
        places = sorted(self.places.values())
        fresh.put([self._documents[place] for place in places], self._matrix[places])
        return fresh

    async def search(self, vector: Matrix, k: int, filters: Filters, min_score: float | None) -> list[SearchResult]:
        """The documents of the highest cosine with a vector of length 1; of one cosine, the older first.

        Raises:
            RAGError: The vector has another length than the documents'.
            ConfigError: A filter cannot be honoured.
        """
        if len(vector) != self.dimension:
            raise RAGError(
                f"The query's vector has {len(vector)} numbers, the documents' have {self.dimension}.",
                hint="Search with the model that made the documents' vectors",
            )
        matrix, alive = await in_thread(self._snapshot)
        scores = await _products(matrix, vector)
        return await in_thread(self._chosen, scores, alive, k, filters, min_score)

    def _snapshot(self) -> tuple[Matrix, Flags]:
        with self._seen:
            count = len(self._documents)
            return self._matrix[:count], self._alive[:count].copy()

    def _chosen(
        self, scores: Matrix, alive: Flags, k: int, filters: Filters, min_score: float | None
    ) -> list[SearchResult]:
        scores[~alive] = -2  # below every cosine
        if filters:
            filters.check_fields(_metadata(self._documents[place]) for place in alive.nonzero()[0].tolist())
        least = -1.5 if min_score is None else max(min_score, -1.5)
        results: list[SearchResult] = []
        for place in _descending(scores, k):
            if len(results) == k or scores[place] < least:
                break
            metadata = _metadata(self._documents[place])
            if filters.match(metadata):
                score = float(min(max(scores[place], -1.0), 1.0))
                results.append(SearchResult(content=self._documents[place].content, score=score, metadata=metadata))
        return results


def _metadata(document: Document) -> dict[str, Any]:
    # A name of the document's own is not written over.
    return {**document.metadata, "document_id" if "id" in document.metadata else "id": document.id}


async def _products(matrix: Matrix, vector: Matrix) -> Matrix:
    """The product of each row with the vector.

    The time is what the memory needs to be read once. BLAS would be no faster, and its own threads spin against
    each other on a machine that has other work; so each row is multiplied for itself, in a thread for each processor.
    """
    import numpy as np

    products = np.empty(len(matrix), np.float32)
    piece = max(_PIECE, -(-len(matrix) // (os.cpu_count() or 1)))

    def multiply(begin: int) -> None:
        rows, out = matrix[begin : begin + piece], products[begin : begin + piece]
        if hasattr(np, "vecdot"):
            np.vecdot(rows, vector, out=out)
        else:  # numpy 1
            np.dot(rows, vector, out=out)

    await asyncio.gather(*(in_thread(multiply, begin) for begin in range(0, len(matrix), piece)))
    return products


def _descending(scores: Matrix, k: int) -> Iterator[int]:
    """Places from the highest score down; the first ``k`` at once, later ones in larger and larger portions."""
    done, portion = 0, k
    while done < len(scores):
        places = _top(scores, portion)
        yield from places[done:].tolist()
        done, portion = len(places), 8 * portion


def _top(scores: Matrix, k: int) -> Any:
    """The places of the ``k`` highest scores, highest first, the earlier of equal ones first."""
    import numpy as np

    groups = len(scores) // _GROUP
    if groups <= k:
        return np.argsort(-scores, kind="stable")[:k]
    # At least k scores reach the k-th highest of the groups' maxima: only those that do are sorted.
    highest = np.maximum.reduceat(scores, np.arange(0, len(scores), _GROUP))
    bound = np.partition(highest, len(highest) - k)[len(highest) - k]
    places = np.flatnonzero(scores >= bound)
    return places[np.argsort(-scores[places], kind="stable")[:k]]
