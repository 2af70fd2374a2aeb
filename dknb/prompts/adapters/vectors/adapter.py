"""Documents found by the nearness of their vectors to the query's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from ...._sync import in_thread, run
from ....errors import ConfigError, RAGError
from ..base import AsyncResourceAdapter, SearchResult
from ..dotted import MISSING, checked_key, looked_up
from ..faces import Waiting
from ..filters import Filters
from ..lexical import checked_k, checked_query
from .documents import Document, Givens, as_list, last_of_each, storable
from .embedder import Embedder, EmbeddingProvider, unit_matrix
from .store import VectorStore
from .turn import WriterTurn, to_the_end

if TYPE_CHECKING:
    from .embedder import Matrix

__all__ = ["AsyncVectorAdapter", "VectorAdapter"]

#: What makes vectors: a provider, or a function of a list of texts, plain or async.
Source: TypeAlias = EmbeddingProvider | Callable[[list[str]], Any]
#: Documents that are embedded and kept before the next are: what is paid is kept, whatever happens to the rest.
_PORTION = 2_048


class AsyncVectorAdapter(AsyncResourceAdapter):
    """`VectorAdapter` with methods that are awaited."""

    def __init__(
        self,
        embed: Source | None = None,
        path: str | Path | None = None,
        *,
        model: str | None = None,
        name: str = "vectors",
    ) -> None:
        super().__init__(name)
        self._embedder = Embedder(embed, model) if embed is not None else None
        self._store = VectorStore(path, self._embedder.model if self._embedder else model, name)
        self._writing = WriterTurn()

    def __reduce__(self) -> NoReturn:
        raise ConfigError(
            f"{self.name}: vectors and their model cannot be pickled or copied.",
            hint="Keep them in a file, and open it in each process:  VectorAdapter(embed, path)",
        )

    async def upsert(self, documents: Givens, vectors: Any = None) -> list[str]:
        """See `VectorAdapter.upsert`."""
        wanted, matrix = await in_thread(self._wanted, documents, vectors)
        async with self._writing:
            await self._put(wanted, matrix)
        return [document.id for document in wanted]

    async def add(self, documents: Givens, vectors: Any = None) -> list[str]:
        """See `VectorAdapter.add`."""
        wanted, matrix = await in_thread(self._wanted, documents, vectors)
        async with self._writing:
            rows = await to_the_end(self._store.rows)
            taken = [each.id for each in wanted if rows is not None and rows.get(each.id) is not None]
            if taken:
                raise ConfigError(f"There is a document {taken[0]!r} already.", hint="Replace it with `upsert`")
            await self._put(wanted, matrix)
        return [document.id for document in wanted]

    async def delete(self, ids: str | Sequence[str]) -> int:
        """See `VectorAdapter.delete`."""
        async with self._writing:
            return await to_the_end(self._store.delete, [ids] if isinstance(ids, str) else list(ids))

    async def count(self) -> int:
        """How many documents there are."""
        rows = await self._rows()
        return 0 if rows is None else len(rows)

    async def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """See `VectorAdapter.get_value`."""
        checked_key(key)
        if (rows := await self._rows()) is None:
            return default
        if (document := rows.get(key)) is not None:
            return document.content
        document_id, _, field = key.partition(".")
        if (document := rows.get(document_id)) is None:
            return default
        value = looked_up(document.metadata, field)
        return default if value is MISSING else value

    async def search(
        self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """See `VectorAdapter.search`."""
        checked_query(query, k)
        Filters(filters)
        if not query.strip():
            raise RAGError("The query is blank: it has no vector.", adapter_name=self.name, query=query)
        if not await self.count():
            return []
        vector = (await self._embedded([query]))[0]
        return await self.search_vector(vector, k, filters, min_score=min_score)

    async def search_vector(
        self, vector: Any, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """See `VectorAdapter.search_vector`."""
        checked_k(k)
        conditions = Filters(filters)
        unit = unit_matrix([vector])[0]
        if not unit.any():
            raise RAGError("The query's vector is zero: nothing is near to it.", adapter_name=self.name)
        rows = await self._rows()
        return [] if rows is None else await rows.search(unit, k, conditions, min_score)

    def _wanted(self, documents: Givens, vectors: Any) -> tuple[list[Document], Matrix | None]:
        """The documents, and their vectors if they are given."""
        wanted = [storable(each) if self._store.file else each for each in as_list(documents)]
        if vectors is None:
            return wanted, None
        matrix = unit_matrix(vectors)
        if len(matrix) != len(wanted):
            raise ConfigError(f"There are {len(wanted)} documents and {len(matrix)} vectors.")
        return wanted, matrix

    async def _rows(self) -> Any:
        """The documents as they are now; None where none were ever added."""
        if self._store.file is None or await in_thread(self._store.is_current):
            return self._store.kept
        async with self._writing:
            return await to_the_end(self._store.rows)

    async def _put(self, wanted: Sequence[Document], matrix: Matrix | None) -> None:
        if matrix is not None:
            _warn_of_zeros(wanted, matrix)
            await to_the_end(self._store.put, *_distinct(wanted, matrix))
            return
        fresh = await to_the_end(self._store.changed, last_of_each(wanted))
        for begin in range(0, len(fresh), _PORTION):
            portion = fresh[begin : begin + _PORTION]
            vectors = await self._embedded([each.content for each in portion])
            _warn_of_zeros(portion, vectors)
            await to_the_end(self._store.put, portion, vectors)

    async def _embedded(self, texts: Sequence[str]) -> Matrix:
        if self._embedder is None:
            raise ConfigError(
                f"{self.name} has no embedding model.", hint="Give one: VectorAdapter(provider), or give vectors"
            )
        return await self._embedder.vectors(texts)


def _warn_of_zeros(documents: Sequence[Document], vectors: Matrix) -> None:
    import numpy as np

    zeros = [documents[place].id for place in np.flatnonzero(~vectors.any(axis=1)).tolist()]
    if zeros:
        shown = ", ".join(map(repr, zeros[:5])) + (", ..." if len(zeros) > 5 else "")
        warnings.warn(
            f"Vectors are zero, and so near to no query, of {len(zeros)} of the documents: {shown}", stacklevel=2
        )


def _distinct(documents: Sequence[Document], vectors: Matrix) -> tuple[list[Document], Matrix]:
    """Documents and their vectors; of documents that share an id, the last."""
    places = {document.id: place for place, document in enumerate(documents)}
    if len(places) == len(documents):
        return list(documents), vectors
    return [documents[place] for place in places.values()], vectors[list(places.values())]


class VectorAdapter(Waiting[AsyncVectorAdapter]):
    """Documents, found by the cosine between their vectors and the query's; every search is exact.

    The vectors are a float32 matrix in memory (1.5 GB for 1,000,000 of 384 numbers). With a path the documents are in a
    file too, an SQLite database: each change is written whole or not at all, is read by whoever opens the file next, and
    is found by the next search of other processes that have it open. A file keeps the name of the model, and refuses
    vectors of another one or of another length.

    Args:
        embed: What makes vectors of texts: a provider (sync or async), or a function from a list of texts to a vector
            for each. Without one, give vectors, and search with ``search_vector``.
        path: The file; None keeps the documents in memory alone.
        model: The model's name; if it is not given, ``provider/model`` of a provider or a function's qualified name.
        name: What messages call it.

    >>> def letters(texts):
    ...     return [[text.count(letter) for letter in "abcdefgh"] for text in texts]
    >>> adapter = VectorAdapter(letters)
    >>> adapter.upsert(["a bee", {"id": "f", "content": "a hag", "lang": "en"}])[1]
    'f'
    >>> [(each["content"], round(each["score"], 2)) for each in adapter.search("gag", k=1)]
    [('a hag', 0.73)]
    """

    def __init__(
        self,
        embed: Source | None = None,
        path: str | Path | None = None,
        *,
        model: str | None = None,
        name: str = "vectors",
    ) -> None:
        super().__init__(AsyncVectorAdapter(embed, path, model=model, name=name))

    def upsert(self, documents: Givens, vectors: Any = None) -> list[str]:
        """Add documents, or replace those of the same ids; what is there already, unchanged, is not embedded again.

        Args:
            documents: Texts, or dicts of ``content`` (or ``text``), ``id`` (if it is not given, the text decides it)
                and ``metadata``; other keys go into the metadata. A Series is its texts, a DataFrame a dict for each
                row, and a dict of texts has their ids.
            vectors: A vector for each, if they are known. They are written in one piece; documents that are embedded
                here, in pieces of 2,048.

        Returns:
            The id of each.

        Raises:
            ConfigError: A document has no text, or there is no model and no vectors.
            RAGError: The model failed, or its vectors are broken or cannot be compared with those that are there.

        Warns:
            UserWarning: A document's vector is zero, so that no search tells it from others.
        """
        return run(self._adapter.upsert(documents, vectors))

    def add(self, documents: Givens, vectors: Any = None) -> list[str]:
        """As ``upsert``, for new documents alone.

        Raises:
            ConfigError: A document of this id is there; nothing is added then.
        """
        return run(self._adapter.add(documents, vectors))

    def delete(self, ids: str | Sequence[str]) -> int:
        """Delete documents; how many of these there were."""
        return run(self._adapter.delete(ids))

    def count(self) -> int:
        """How many documents there are."""
        return run(self._adapter.count())

    def search_vector(
        self, vector: Any, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """As ``search``, with a vector in place of a query.

        The scores are cosines, from -1 to 1. The metadata are the document's, and its ``id``; that is ``document_id``
        where the metadata have an ``id`` of their own.

        Raises:
            ConfigError: ``k`` or a filter is wrong.
            RAGError: The vector is zero or broken, or of another length than the documents'.
        """
        return run(self._adapter.search_vector(vector, k, filters, min_score=min_score))
