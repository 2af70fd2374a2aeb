"""Data sources that prompts draw values and retrieved texts from."""

from __future__ import annotations

from importlib import import_module
from typing import Any

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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
