"""Searches: all that a render needs side by side, each within its time, none failing unseen."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Protocol

from ... import _sync
from ...errors import DknbError, did_you_mean
from ...errors.secrets import told, without_secrets
from .cache import ExpiringCache
from .retrieval import SearchQuestion

__all__ = ["Answer", "Answers", "SearchSource", "results_of", "search_all", "time_now"]


class SearchSource(Protocol):
    """What a builder searches in; ``search`` may be a coroutine function."""

    def search(self, query: str, k: int = 5, filters: dict[str, Any] | None = None) -> Any:
        """The ``k`` best results, each ``{"content", "score", "metadata"}``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search gave.

    Attributes:
        results: ``{"content", "score", "metadata"}`` each, best first.
        timestamp: When it was searched for: ISO format, UTC.
        error: Why there are no results.
        reused: ``cached_rag`` or ``rag_cache`` where nothing was searched for now.
        formatted: The text that an earlier render made of it, to be used as it is.
    """

    results: tuple[Mapping[str, Any], ...] = ()
    timestamp: str = ""
    error: str | None = None
    reused: str | None = None
    formatted: str | None = None


#: Answers by the key of their question.
Answers = dict[tuple[str, str, int, str], Answer]


async def search_all(
    sources: Mapping[str, Any], questions: Iterable[SearchQuestion], cache: ExpiringCache[Answer] | None = None
) -> Answers:
    """The answers to all questions, searched for side by side; a failure is an answer with an error."""
    by_key = {question.key: question for question in questions}
    answers = await asyncio.gather(*(_answer(sources, question, cache) for question in by_key.values()))
    return dict(zip(by_key, answers, strict=True))


async def _answer(sources: Mapping[str, Any], question: SearchQuestion, cache: ExpiringCache[Answer] | None) -> Answer:
    if cache is not None and (kept := cache.get(question.key)) is not None:
        return replace(kept, reused="rag_cache")
    answer = await _searched(sources, question)
    if cache is not None and answer.error is None:
        cache.put(question.key, answer)
    return answer


async def _searched(sources: Mapping[str, Any], question: SearchQuestion) -> Answer:
    now = time_now()
    source = sources.get(question.adapter_name)
    if source is None or not hasattr(source, "search"):
        return Answer(timestamp=now, error=_no_source(sources, question.adapter_name))
    deadline = asyncio.timeout(question.timeout)
    try:
        async with deadline:
            results = await _search(source, question)
        near = [result for result in results_of(results) if _is_near(result, question.min_score)]
        return Answer(tuple(near[: question.k]), now)
    except Exception as error:  # noqa: BLE001 - whatever a data source raises is the cause that we tell
        late = isinstance(error, TimeoutError) and deadline.expired()
        return Answer(timestamp=now, error=f"no answer within {question.timeout:g} seconds" if late else _cause(error))


def _is_near(result: Mapping[str, Any], least: float | None) -> bool:
    """Whether a result scores enough; one without a score cannot be told, and stays."""
    score = result.get("score")
    return least is None or score is None or score >= least


def time_now() -> str:
    """The time, as records have it."""
    return datetime.now(timezone.utc).isoformat()


def _no_source(sources: Mapping[str, Any], name: str) -> str:
    if name in sources:
        return f"the adapter {name!r} cannot be searched"
    there = ", ".join(map(repr, sources)) or "none"
    return f"the builder has no adapter {name!r}.{did_you_mean(name, sources)} It has: {there}"


def _cause(error: Exception) -> str:
    # It goes into the result, and with that into saved notebooks.
    return without_secrets(str(error)) if isinstance(error, DknbError) else told(error)


async def _search(source: SearchSource, question: SearchQuestion) -> Any:
    filters = dict(question.filters) if question.filters is not None else None
    if inspect.iscoroutinefunction(source.search):
        return await source.search(question.query, k=question.k, filters=filters)
    # A thread of its own: a search that hangs must hold up neither other work nor the end of the process.
    found = await _sync.in_thread(source.search, question.query, k=question.k, filters=filters)
    return await found if inspect.isawaitable(found) else found


def results_of(found: object) -> list[Mapping[str, Any]]:
    """What a search gave, as results.

    Raises:
        TypeError: It is no list of results.
    """
    if isinstance(found, str | Mapping) or not isinstance(found, Sequence):
        raise TypeError(f"search must give a list of results, not {type(found).__name__}")
    return [_result(item) for item in found]


def _result(item: object) -> Mapping[str, Any]:
    if isinstance(item, str):
        item = {"content": item}
    if not isinstance(item, Mapping) or not isinstance(item.get("metadata") or {}, Mapping):
        raise TypeError(f"a result must be a mapping with content, score and metadata, not {item!r}"[:300])
    return {
        **item,
        "content": item.get("content", ""),
        "score": item.get("score"),
        "metadata": dict(item.get("metadata") or {}),
    }
