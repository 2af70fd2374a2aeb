"""Data sources that prompts draw values and retrieved texts from."""

from __future__ import annotations

from ..._lazy import exports

#: Where each public name lives; imported when it is asked for.
_HOMES = {
    "AsyncDataFrameAdapter": "frame",
    "AsyncDataknobsBackendAdapter": "dataknobs",
    "AsyncDictResourceAdapter": "dictionary",
    "AsyncResourceAdapter": "base",
    "AsyncSQLAdapter": "sql.adapter",
    "AsyncVectorAdapter": "vectors.adapter",
    "DataFrameAdapter": "frame",
    "DataknobsBackendAdapter": "dataknobs",
    "DictResourceAdapter": "dictionary",
    "InMemoryAdapter": "memory",
    "InMemoryAsyncAdapter": "memory",
    "ResourceAdapter": "base",
    "ResourceAdapterBase": "base",
    "SQLAdapter": "sql.adapter",
    "SearchResult": "base",
    "VectorAdapter": "vectors.adapter",
}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = exports(__name__, _HOMES)
