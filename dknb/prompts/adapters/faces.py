"""The second face of an adapter that is written once.

What computes is written plainly, and its async face runs it in a thread; what waits is written as coroutines, and its
plain face waits for them. No adapter is written twice.

The threads are not those of ``asyncio.to_thread``: whoever asks a plain face may sit in one of these, and wait there for
others of them, until there are none left.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from ..._sync import in_thread, run
from .base import AsyncResourceAdapter, ResourceAdapter, SearchResult

__all__ = ["InThread", "Waiting", "call"]

Plain = TypeVar("Plain", bound=ResourceAdapter)
Awaited = TypeVar("Awaited", bound=AsyncResourceAdapter)


class InThread(AsyncResourceAdapter, Generic[Plain]):
    """The async face of a plain adapter: its methods run in a thread, so that they hold up no loop."""

    def __init__(self, adapter: Plain) -> None:
        super().__init__(adapter.name)
        self._adapter = adapter

    async def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """See the plain adapter."""
        return await in_thread(self._adapter.get_value, key, default, context)

    async def batch_get_values(
        self, keys: Sequence[str], default: Any = None, context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """See the plain adapter; one thread looks up all keys."""
        return await in_thread(self._adapter.batch_get_values, keys, default, context)

    async def search(
        self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """See the plain adapter."""
        return await in_thread(self._adapter.search, query, k, filters, min_score=min_score)


class Waiting(ResourceAdapter, Generic[Awaited]):
    """The plain face of an async adapter: its methods wait for the coroutines, wherever they are called."""

    def __init__(self, adapter: Awaited) -> None:
        super().__init__(adapter.name)
        self._adapter = adapter

    def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """See the async adapter."""
        return run(self._adapter.get_value(key, default, context))

    def batch_get_values(
        self, keys: Sequence[str], default: Any = None, context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """See the async adapter."""
        return run(self._adapter.batch_get_values(keys, default, context))

    def search(
        self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """See the async adapter."""
        return run(self._adapter.search(query, k, filters, min_score=min_score))


async def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of somebody's gives, be it awaited or not; one that is not runs in a thread."""
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004 - the method is what tells
        return await function(*arguments)
    given = await in_thread(function, *arguments)
    return await _resolved(given) if inspect.isawaitable(given) else given


async def _resolved(given: Awaitable[Any]) -> Any:
    return await given
