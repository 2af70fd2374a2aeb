"""Results that are given beforehand, or by a function: for tests, for trying a prompt, for a search of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ...errors import ConfigError, DknbError, RAGError
from ...errors.secrets import told
from .base import AsyncResourceAdapter, SearchResult
from .dotted import MISSING, looked_up
from .faces import Waiting, call
from .filters import Filters
from .lexical import checked_query

__all__ = ["InMemoryAdapter", "InMemoryAsyncAdapter"]

#: Results of any query, or a function (plain or async) from the query to them.
Results: TypeAlias = Sequence[Mapping[str, Any] | str] | Callable[[str], Any]
_PARTS = ("content", "score", "metadata")


class InMemoryAsyncAdapter(AsyncResourceAdapter):
    """`InMemoryAdapter` with methods that are awaited."""

    def __init__(
        self, search_results: Results | None = None, data: Mapping[str, Any] | None = None, name: str = "inmemory_async"
    ) -> None:
        super().__init__(name)
        self._results = search_results if callable(search_results) else _listed(search_results)
        self._data = data if data is not None else {}
        #: How often ``search`` was called.
        self.search_count = 0

    def reset(self) -> None:
        """Count searches from 0 again."""
        self.search_count = 0

    async def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """See `InMemoryAdapter.get_value`."""
        value = looked_up(self._data, key)
        return default if value is MISSING else value

    async def search(
        self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """See `InMemoryAdapter.search`."""
        self.search_count += 1
        checked_query(query, k)
        conditions = Filters(filters)
        results = [_result(each) for each in await self._given(query)]
        conditions.check_fields(each["metadata"] for each in results)
        kept = [each for each in results if conditions.match(each["metadata"])]
        return [each for each in kept if min_score is None or each["score"] >= min_score][:k]

    async def _given(self, query: str) -> Sequence[Mapping[str, Any] | str]:
        if not callable(self._results):
            return self._results
        try:
            given = await call(self._results, query)
        except DknbError:
            raise
        except Exception as error:
            raise RAGError(f"{self.name}: {told(error)}", adapter_name=self.name, query=query) from error
        if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
            raise RAGError(
                f"{self.name}: its function gave {type(given).__name__!r}, no list of results.",
                adapter_name=self.name,
                query=query,
            )
        return given


class InMemoryAdapter(Waiting[InMemoryAsyncAdapter]):
    """Results that are given: a search returns them in their order, whatever is asked; filters and ``k`` hold.

    Args:
        search_results: Texts or dicts of ``content`` (or ``text``), ``score`` (1.0 if it is not given), ``metadata``; others go
            into the metadata. Or a function from the query to such a list, plain or async.
        data: Values by dotted key, for ``get_value``.
        name: What messages call it.

    Attributes:
        search_count: How often ``search`` was called.

    >>> adapter = InMemoryAdapter([{"content": "Python is a language", "score": 0.9, "lang": "en"}])
    >>> adapter.search("python", filters={"lang": "en"})
    [{'content': 'Python is a language', 'score': 0.9, 'metadata': {'lang': 'en'}}]
    >>> InMemoryAdapter(lambda query: [f"all about {query}"]).search("bees")[0]["content"]
    'all about bees'
    """

    def __init__(
        self, search_results: Results | None = None, data: Mapping[str, Any] | None = None, name: str = "inmemory"
    ) -> None:
        super().__init__(InMemoryAsyncAdapter(search_results, data, name))

    @property
    def search_count(self) -> int:
        """How often ``search`` was called."""
        return self._adapter.search_count

    def reset(self) -> None:
        """Count searches from 0 again."""
        self._adapter.reset()


def _listed(results: Any) -> list[Any]:
    """Results that are given beforehand.

    Raises:
        ConfigError: They are no list of results.
    """
    if results is None:
        return []
    if isinstance(results, str | Mapping) or hasattr(results, "columns") or not isinstance(results, Iterable):
        raise ConfigError(
            f"Results are a list of texts or dicts, not {type(results).__name__!r}.",
            hint='Write [{"content": "..."}], or a function of the query:  lambda query: results.get(query, [])',
        )
    return list(results)


def _result(given: object) -> SearchResult:
    if isinstance(given, str):
        return SearchResult(content=given, score=1.0, metadata={})
    text = "content" if not isinstance(given, Mapping) or "content" in given else "text"
    if not isinstance(given, Mapping) or given.get(text) is None:
        raise ConfigError(f"A search result is {given!r}.", hint='Write a text, or {"content": ..., "score": ...}')
    others = {str(name): value for name, value in given.items() if name not in (*_PARTS, text)}
    more = given.get("metadata") or {}
    if not isinstance(more, Mapping):
        raise ConfigError(f"The metadata of a search result are {more!r}.", hint='Write {"source": "..."}')
    return SearchResult(content=str(given[text]), score=_score(given.get("score")), metadata={**others, **more})


def _score(given: Any) -> float:
    try:
        return 1.0 if given is None else float(given)
    except (TypeError, ValueError):
        raise ConfigError(f"The score of a search result is {given!r}.", hint="Write a number, e.g. 0.9") from None
