"""The answers of a database to a statement as search results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from ...._sync import run
from ....errors import ConfigError, RAGError, did_you_mean
from ..base import AsyncResourceAdapter, ResourceAdapter, SearchResult
from ..filters import Filters
from ..lexical import checked_query
from .reader import Lines, Reader
from .statement import Statement

__all__ = ["AsyncSQLAdapter", "SQLAdapter"]

#: Parameters of a search that are no filters.
_OWN = frozenset({"query", "k"})


class _Statements:
    """What the two faces have in common: what is asked, and what the rows mean."""

    def __init__(
        self,
        source: Any,
        statement: str,
        *,
        content: str,
        score: str,
        value_statement: str | None,
        parameters: Mapping[str, Any] | None,
        name: str,
    ) -> None:
        self.reader = Reader(source, name)
        self._search = Statement(statement)
        self._value = Statement(value_statement, "value_statement") if value_statement is not None else None
        self._content, self._score = content, score
        self._parameters = dict(parameters or {})
        names = self._search.names | (self._value.names if self._value else frozenset())
        if unused := sorted(self._parameters.keys() - names):
            _refuse(f"Parameter {unused[0]!r}", unused[0], names - _OWN)

    def search(self, query: str, k: int, filters: Mapping[str, Any] | None) -> tuple[Any, dict[str, Any], int]:
        """What to execute for a search."""
        checked_query(query, k)
        Filters(filters)
        known = self._search.names - _OWN
        for field in filters or {}:
            if field not in known:
                _refuse(f"Filter {field!r}", field, known)
        values = {**self._parameters, **(filters or {}), "query": query, "k": k}
        return (*self._search.bound(values), k)

    def value(self, key: str, context: Mapping[str, Any] | None) -> tuple[Any, dict[str, Any], int] | None:
        """What to execute for a value, if there is a statement for it and its parameters are known."""
        values = {**self._parameters, **(context or {}), "key": key}
        if self._value is None or not self._value.names <= values.keys():
            return None
        return (*self._value.bound(values), 1)

    def results(self, rows: Lines, min_score: float | None) -> list[SearchResult]:
        """The rows as results; one whose content is NULL is none."""
        if rows and self._content not in rows[0]:
            raise RAGError(
                f"{self.reader.name}: the rows have no column {self._content!r}, only {', '.join(rows[0])}.",
                adapter_name=self.reader.name,
                hint=f"Write  select ... as {self._content},  or name the column:  content=...",
            )
        results = [self._result(dict(row)) for row in rows if row[self._content] is not None]
        return [each for each in results if min_score is None or each["score"] >= min_score]

    def _result(self, row: dict[str, Any]) -> SearchResult:
        content = row.pop(self._content)
        if isinstance(content, bytes | bytearray | memoryview):
            raise self._wrong(self._content, content, "no text", "cast(... as text)")
        given = row.pop(self._score) if self._score in row else 1.0
        try:
            score = float(given or 0.0)
        except (TypeError, ValueError):
            raise self._wrong(self._score, given, "no number", "a number, or name another column: score=...") from None
        return SearchResult(content=str(content), score=score, metadata=row)

    def _wrong(self, column: str, value: Any, problem: str, remedy: str) -> RAGError:
        name = self.reader.name
        message = (
            f"{name}: the column {column!r} holds {str(value)[:80]!r} ({type(value).__name__}), which is {problem}."
        )
        return RAGError(message, adapter_name=name, hint=f"Select {remedy}")


def _refuse(what: str, field: str, known: Iterable[str]) -> NoReturn:
    names = sorted(known)
    there = f"It has: {', '.join(f':{name}' for name in names[:20])}" if names else "It has none for filters"
    raise ConfigError(
        f"{what}: the statement has no parameter :{field}.{did_you_mean(field, names)}",
        hint=f"{there}; write e.g.  where {field} = :{field}",
    )


def _first(rows: Lines, default: Any) -> Any:
    """The value of the first row: itself if it has one column, else all as a dict."""
    if not rows:
        return default
    return next(iter(rows[0].values())) if len(rows[0]) == 1 else rows[0]


class AsyncSQLAdapter(AsyncResourceAdapter):
    """`SQLAdapter` with methods that are awaited; a search that is cancelled stops in the database too."""

    def __init__(
        self,
        source: Any,
        statement: str,
        *,
        content: str = "content",
        score: str = "score",
        value_statement: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        name: str = "sql",
    ) -> None:
        super().__init__(name)
        self._statements = _Statements(
            source,
            statement,
            content=content,
            score=score,
            value_statement=value_statement,
            parameters=parameters,
            name=name,
        )

    async def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """See `SQLAdapter.get_value`."""
        asked = self._statements.value(key, context)
        return default if asked is None else _first(await self._statements.reader.read_awaited(*asked), default)

    async def search(
        self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """See `SQLAdapter.search`."""
        rows = await self._statements.reader.read_awaited(*self._statements.search(query, k, filters))
        return self._statements.results(rows, min_score)


class SQLAdapter(ResourceAdapter):
    """A database, searched by a statement whose parameters are bound and never written into it.

    The statement's parameters are ``:query``, ``:k``, and one for each filter; a filter that it has no parameter for is
    refused, and so is a search without a value for one. A list is for ``in :name``. The column ``content`` is the
    text, ``score`` the score (1.0 without one), the others are the metadata; the order is the statement's. Only
    statements that read are taken, in a transaction that is rolled back and, on SQLite and PostgreSQL, cannot write.

    Args:
        source: An SQLAlchemy URL, an Engine or an AsyncEngine; the driver may be sync or async.
        statement: The statement of a search.
        content: The column of the text.
        score: The column of the score.
        value_statement: The statement of ``get_value``, with ``:key`` and names of its context.
        parameters: Values of parameters that a search's filters do not give.
        name: What messages call it.

    Raises:
        ConfigError: A statement does not read, or the source is none of these.
        MissingExtra: The URL's driver is not installed.

    >>> adapter = SQLAdapter("sqlite://", "select 'about ' || :query as content, :lang as lang limit :k")
    >>> adapter.search("x'; drop table t; --", filters={"lang": "en"})
    [{'content': "about x'; drop table t; --", 'score': 1.0, 'metadata': {'lang': 'en'}}]
    """

    def __init__(
        self,
        source: Any,
        statement: str,
        *,
        content: str = "content",
        score: str = "score",
        value_statement: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        name: str = "sql",
    ) -> None:
        super().__init__(name)
        self._statements = _Statements(
            source,
            statement,
            content=content,
            score=score,
            value_statement=value_statement,
            parameters=parameters,
            name=name,
        )

    def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """What ``value_statement`` gives: the value of one column, or a dict of several; ``default`` without a row."""
        asked = self._statements.value(key, context)
        return default if asked is None else _first(self._read(*asked), default)

    def search(
        self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """See `ResourceAdapter.search`; a filter's field is a parameter of the statement."""
        return self._statements.results(self._read(*self._statements.search(query, k, filters)), min_score)

    def _read(self, statement: Any, values: Mapping[str, Any], most: int) -> Lines:
        reader = self._statements.reader
        # A sync driver's connection may belong to the caller's thread, as SQLite's in memory does.
        return (
            run(reader.read_awaited(statement, values, most))
            if reader.is_async
            else reader.read(statement, values, most)
        )
