"""A mapping as a data source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ConfigError
from .base import ResourceAdapter, SearchResult
from .dotted import MISSING, leaves, looked_up
from .faces import InThread
from .filters import Filters
from .lexical import checked_query, ranked, text_scores

__all__ = ["AsyncDictResourceAdapter", "DictResourceAdapter"]

#: How much a match of the key counts, beside one of the value.
_OF_A_KEY = 0.9


class DictResourceAdapter(ResourceAdapter):
    """A dict, whose values are reached by dotted keys and searched by the words in values and keys.

    The dict is read anew at each call. A search gives values that are neither mappings nor lists, as text, with
    ``metadata["key"]``; None is not among them.

    Args:
        data: The dict; mappings and lists in it are entered.
        name: What messages call it.
        case_sensitive: Whether a search minds upper and lower case.

    >>> adapter = DictResourceAdapter({"user": {"name": "Ada"}, "tags": ["maths", "engines"]})
    >>> adapter.get_value("user.name"), adapter.get_value("tags.1"), adapter.get_value("user.age", 0)
    ('Ada', 'engines', 0)
    >>> adapter.search("ada")
    [{'content': 'Ada', 'score': 1.0, 'metadata': {'key': 'user.name'}}]
    """

    def __init__(self, data: Mapping[str, Any], name: str = "dict_adapter", case_sensitive: bool = False) -> None:
        if not isinstance(data, Mapping):
            raise ConfigError(f"A dict adapter takes a mapping, not {type(data).__name__!r}.")
        super().__init__(name)
        self._data = data
        self._case_sensitive = case_sensitive

    def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """The value of a dotted key, or ``default``; a key that contains dots itself comes first."""
        value = looked_up(self._data, key)
        return default if value is MISSING else value

    def search(
        self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """See `ResourceAdapter.search`; the one field of a filter is ``key``."""
        checked_query(query, k)
        conditions = Filters(filters)
        conditions.check_names(["key"])
        pairs = [(key, str(value)) for key, value in leaves(self._data) if value is not None]
        pairs = [(key, text) for key, text in pairs if conditions.match({"key": key})]
        by_text = text_scores(query, [text for _, text in pairs], case_sensitive=self._case_sensitive)
        by_key = text_scores(query, [_spaced(key) for key, _ in pairs], case_sensitive=self._case_sensitive)
        scores = [_better(of_text, of_key) for of_text, of_key in zip(by_text, by_key, strict=True)]
        return [
            SearchResult(content=pairs[place][1], score=score, metadata={"key": pairs[place][0]})
            for place, score in ranked(scores, k, min_score)
        ]


def _better(of_text: float | None, of_key: float | None) -> float | None:
    scores = [score for score in (of_text, None if of_key is None else _OF_A_KEY * of_key) if score is not None]
    return max(scores, default=None)


def _spaced(key: str) -> str:
    return key.replace(".", " ").replace("_", " ")


class AsyncDictResourceAdapter(InThread[DictResourceAdapter]):
    """`DictResourceAdapter` with methods that are awaited."""

    def __init__(self, data: Mapping[str, Any], name: str = "async_dict_adapter", case_sensitive: bool = False) -> None:
        super().__init__(DictResourceAdapter(data, name, case_sensitive))
