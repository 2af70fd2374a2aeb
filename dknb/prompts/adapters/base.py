"""What a builder asks of a data source: the value of a name, and the texts that are nearest to a query."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

__all__ = ["AsyncResourceAdapter", "ResourceAdapter", "ResourceAdapterBase", "SearchResult"]


class SearchResult(TypedDict):
    """A text that was found.

    Attributes:
        content: The text.
        score: How near it is; larger is nearer. What 1.0 means is the adapter's business.
        metadata: What else is known of it; a mapping of the caller's own.
    """

    content: str
    score: float
    metadata: dict[str, Any]


class ResourceAdapterBase:
    """What both kinds of adapters have in common: a name, and whether their methods are awaited.

    Args:
        name: What messages and ``rag_metadata`` call the adapter.
        metadata: Whatever is to be known of it.
    """

    _name = "adapter"
    _metadata: Mapping[str, Any] = {}

    def __init__(self, name: str = "adapter", metadata: Mapping[str, Any] | None = None) -> None:
        self._name = name
        self._metadata = dict(metadata or {})

    @property
    def name(self) -> str:
        """What messages call the adapter."""
        return self._name

    def is_async(self) -> bool:
        """Whether the methods are awaited."""
        return isinstance(self, AsyncResourceAdapter)

    def get_metadata(self) -> dict[str, Any]:
        """The adapter's name, ``type`` (``"sync"`` or ``"async"``), class, and what it was given as metadata."""
        kind = "async" if self.is_async() else "sync"
        return {"name": self.name, "type": kind, "class": type(self).__name__, **self._metadata}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


class ResourceAdapter(ResourceAdapterBase, ABC):
    """A data source whose methods return what they found.

    A subclass supplies ``get_value`` and ``search``. They may be called from several threads at a time.
    """

    @abstractmethod
    def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """The value of ``key``, or ``default``; ``context`` holds what else is known, such as the caller's values."""

    @abstractmethod
    def search(
        self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """The texts nearest to ``query``, best first.

        Args:
            query: What to look for.
            k: Most results, at least 1.
            filters: Conditions on the metadata: ``{"lang": "en"}``, ``{"year": [2024, 2025]}`` (one of them) or
                ``{"year": {"gte": 2020}}`` with eq, ne, gt, gte, lt, lte, in, not_in, contains. All must hold.
            min_score: Leave out what scores less.

        Raises:
            ConfigError: ``k`` is no number from 1, or a filter cannot be honoured.
            RAGError: The source could not be searched.
        """

    def batch_get_values(
        self, keys: Sequence[str], default: Any = None, context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The value of each key, or ``default``."""
        return {key: self.get_value(key, default, context) for key in keys}


class AsyncResourceAdapter(ResourceAdapterBase, ABC):
    """A data source whose methods are awaited; otherwise as `ResourceAdapter`."""

    @abstractmethod
    async def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """See `ResourceAdapter.get_value`."""

    @abstractmethod
    async def search(
        self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """See `ResourceAdapter.search`."""

    async def batch_get_values(
        self, keys: Sequence[str], default: Any = None, context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The value of each key, or ``default``; the keys are looked up side by side."""
        values = await asyncio.gather(*(self.get_value(key, default, context) for key in keys))
        return dict(zip(keys, values, strict=True))
