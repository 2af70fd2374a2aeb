"""Databases of the package dataknobs-data as data sources."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Mapping
from typing import Any, Protocol, TypeAlias

from ..._lazy import extra
from ..._sync import in_thread
from ...errors import ConfigError, DknbError, RAGError
from ...errors.secrets import told
from .base import AsyncResourceAdapter, SearchResult
from .dotted import checked_key
from .faces import Waiting
from .filters import Filters
from .lexical import checked_query, found

__all__ = ["AsyncDataknobsBackendAdapter", "DataknobsBackendAdapter"]

#: A Record of dataknobs-data, which has no type here.
Record: TypeAlias = Any
_PLAIN = (str, int, float, bool, list, tuple, dict, type(None))


class DataknobsDatabase(Protocol):
    """What is asked of a database, sync or async."""

    def read(self, id: str) -> Any:
        """The record of an id, or None."""

    def search(self, query: Any) -> Any:
        """The records that a Query selects."""


class AsyncDataknobsBackendAdapter(AsyncResourceAdapter):
    """`DataknobsBackendAdapter` with methods that are awaited.

    An async database is awaited where the adapter is; the methods of a sync one run in a thread.
    """

    def __init__(
        self,
        database: DataknobsDatabase,
        name: str = "async_dataknobs_backend",
        text_field: str = "content",
        metadata_field: str | None = None,
    ) -> None:
        if not callable(getattr(database, "read", None)) or not callable(getattr(database, "search", None)):
            raise ConfigError(
                f"{type(database).__name__!r} is no dataknobs-data database.",
                hint="Give one, for example dataknobs_data.backends.memory.AsyncMemoryDatabase()",
            )
        super().__init__(name)
        self._database = database
        self._text_field = text_field
        self._metadata_field = metadata_field

    async def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """See `DataknobsBackendAdapter.get_value`."""
        checked_key(key)
        if (record := await self._read(key)) is not None:
            return record.to_dict(include_metadata=True)
        record_id, dot, field = key.partition(".")
        if not dot or (record := await self._read(record_id)) is None:
            return default
        return record.get_value(field, default)

    async def search(
        self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """See `DataknobsBackendAdapter.search`."""
        checked_query(query, k)
        Filters(filters)
        with extra("dataknobs"):
            from dataknobs_data.query import Query  # type: ignore[import-not-found,unused-ignore]  # not in all environments
        records = await self._asked(self._database.search, Query(), query=query)
        return await in_thread(self._found, records, query, k, filters, min_score)

    def _found(
        self, records: list[Record], query: str, k: int, filters: Mapping[str, Any] | None, min_score: float | None
    ) -> list[SearchResult]:
        documents = [self._document(record) for record in records]
        return found(query, k, [each for each in documents if each[0] is not None], filters, min_score)

    def _document(self, record: Record) -> tuple[Any, dict[str, Any]]:
        text = record.get_value(self._text_field)
        values = {name: field.value for name, field in record.fields.items() if name != self._text_field}
        metadata = {name: value for name, value in values.items() if isinstance(value, _PLAIN)}
        if self._metadata_field is not None and isinstance(more := values.get(self._metadata_field), Mapping):
            metadata |= more
        metadata |= record.metadata
        return None if text is None else str(text), {**metadata, "record_id": record.storage_id or record.id}

    async def _read(self, key: str) -> Record | None:
        return await self._asked(self._database.read, key)

    async def _asked(self, method: Any, argument: Any, query: str | None = None) -> Any:
        try:
            if inspect.iscoroutinefunction(method):
                return await method(argument)
            given = await in_thread(method, argument)
            return await given if isinstance(given, Awaitable) else given
        except DknbError:
            raise
        except Exception as error:
            raise RAGError(f"{self.name}: {told(error)}", adapter_name=self.name, query=query) from error


class DataknobsBackendAdapter(Waiting[AsyncDataknobsBackendAdapter]):
    """A database of dataknobs-data: its records by id, and searched by the words in one of their fields.

    A search reads all records and ranks them here, by the same words on every backend. A result's metadata are the
    record's other fields (vectors apart), its own metadata, and ``record_id``; a filter's field is one of those. Needs
    the extra ``dataknobs``.

    Args:
        database: A sync or async database; an async one has to work on dknb's own event loop (memory and SQLite do).
        name: What messages call it.
        text_field: The field that is searched and shown.
        metadata_field: A field whose mapping is spread into the results' metadata.

    Raises:
        ConfigError: It is no such database.

    >>> from dataknobs_data import Record                                    # doctest: +SKIP
    >>> from dataknobs_data.backends.memory import SyncMemoryDatabase        # doctest: +SKIP
    >>> database = SyncMemoryDatabase()                                      # doctest: +SKIP
    >>> database.upsert("bees", Record({"content": "Bees fly.", "n": 1}))    # doctest: +SKIP
    >>> DataknobsBackendAdapter(database).search("bees", filters={"n": 1})   # doctest: +SKIP
    >>> DataknobsBackendAdapter(database).get_value("bees.n")                # doctest: +SKIP
    1
    """

    def __init__(
        self,
        database: DataknobsDatabase,
        name: str = "dataknobs_backend",
        text_field: str = "content",
        metadata_field: str | None = None,
    ) -> None:
        super().__init__(AsyncDataknobsBackendAdapter(database, name, text_field, metadata_field))
