"""A pandas DataFrame as a data source. pandas comes with the frame; nothing here imports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ...errors import ConfigError, RAGError, did_you_mean
from .base import ResourceAdapter, SearchResult
from .dotted import checked_key
from .faces import InThread
from .filters import Filters
from .lexical import checked_query, ranked, text_scores

__all__ = ["AsyncDataFrameAdapter", "DataFrameAdapter", "rows_of"]

#: A pandas DataFrame, which has no type here.
Frame: TypeAlias = Any


class DataFrameAdapter(ResourceAdapter):
    """The rows of a DataFrame, searched by the words in some columns and filtered by any.

    The frame is read anew at each call. A result's content is the text of the column, or, where there are several,
    a line ``column: value`` for each; its metadata are the row's other columns, and ``row``, its label in the index.

    Args:
        frame: The DataFrame.
        content: The column or columns that are searched and shown; every column of text if it is not given.
        key: The column that ``get_value`` looks for; the index if it is not given.
        name: What messages call it.

    Raises:
        ConfigError: It is no DataFrame, has two columns of a name or none of text, or a column is not there.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"title": ["Bees", "Ants"], "text": ["They fly.", "They dig."], "year": [2020, 2024]})
    >>> adapter = DataFrameAdapter(frame, content="text", key="title")
    >>> adapter.search("dig", filters={"year": {"gte": 2021}})[0]["metadata"]
    {'title': 'Ants', 'year': 2024, 'row': 1}
    >>> adapter.get_value("Bees.year")
    2020
    """

    def __init__(
        self,
        frame: Frame,
        content: str | Sequence[str] | None = None,
        key: str | None = None,
        name: str = "dataframe",
    ) -> None:
        super().__init__(name)
        if not hasattr(frame, "columns") or not hasattr(frame, "index"):
            raise ConfigError(f"A DataFrame adapter takes a DataFrame, not {type(frame).__name__!r}.")
        if not frame.columns.is_unique:
            raise ConfigError(
                f"Columns of the DataFrame share a name: {list(frame.columns[frame.columns.duplicated()])}."
            )
        self._frame = frame
        self._key = key
        if content is None:
            self._content = _text_columns(frame)
        else:
            self._content = [content] if isinstance(content, str) or not isinstance(content, Sequence) else [*content]
        if not self._content:
            raise ConfigError("The DataFrame has no column of text.", hint="Name one: content='...'")
        self._check_columns(ConfigError)

    def _check_columns(self, kind: type[ConfigError | RAGError]) -> None:
        """Refuse a frame without the columns that are asked for; it may have lost them since."""
        for column in [*self._content, *([self._key] if self._key is not None else [])]:
            if column not in self._frame.columns:
                names = [str(each) for each in self._frame.columns]
                raise kind(
                    f"The DataFrame has no column {column!r}.{did_you_mean(str(column), names)}",
                    hint=f"It has: {', '.join(names[:20])}",
                )

    def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """A row as a dict for its key, or one of its values for ``key.column``; of several rows, the first."""
        checked_key(key)
        self._check_columns(RAGError)
        for label, column in _readings(key):
            for place in self._places(label)[:1]:
                row = self._row(place)
                if column is None:
                    return row
                if column in row:
                    return row[column]
        return default

    def search(
        self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None, *, min_score: float | None = None
    ) -> list[SearchResult]:
        """See `ResourceAdapter.search`; a filter's field is a column."""
        checked_query(query, k)
        self._check_columns(RAGError)
        places = self._filtered(Filters(filters))
        texts = self._texts(places)
        scores = text_scores(query, texts)
        results = []
        for at, score in ranked(scores, k, min_score):
            place = places[at]
            results.append(SearchResult(content=texts[at], score=score, metadata=self._metadata_of(place)))
        return results

    def _filtered(self, filters: Filters) -> list[int]:
        columns = {str(column): column for column in self._frame.columns}
        filters.check_names(columns)
        places = list(range(len(self._frame)))
        for condition in filters.conditions:
            values = _plain(self._frame[columns[condition.field]])
            places = [place for place in places if condition.holds(values[place])]
        return places

    def _texts(self, places: Sequence[int]) -> list[str]:
        columns = [(str(column), _plain(self._frame[column].iloc[list(places)])) for column in self._content]
        if len(columns) == 1:
            return ["" if value is None else str(value) for value in columns[0][1]]
        return [
            "\n".join(f"{column}: {values[at]}" for column, values in columns if values[at] is not None)
            for at in range(len(places))
        ]

    def _places(self, label: str) -> list[int]:
        labels = self._frame.index if self._key is None else _plain(self._frame[self._key])
        return [place for place, each in enumerate(labels) if each is not None and str(each) == label]

    def _row(self, place: int) -> dict[str, Any]:
        return {str(column): _plain(self._frame[column].iloc[[place]])[0] for column in self._frame.columns}

    def _metadata_of(self, place: int) -> dict[str, Any]:
        row = self._row(place)
        shown = {str(column) for column in self._content}
        others = {column: value for column, value in row.items() if column not in shown}
        return {**others, "row": _item(self._frame.index[place])}


class AsyncDataFrameAdapter(InThread[DataFrameAdapter]):
    """`DataFrameAdapter` with methods that are awaited."""

    def __init__(
        self,
        frame: Frame,
        content: str | Sequence[str] | None = None,
        key: str | None = None,
        name: str = "dataframe",
    ) -> None:
        super().__init__(DataFrameAdapter(frame, content, key, name))


def rows_of(frame: Frame) -> list[dict[str, Any]]:
    """The rows as dicts by column, with values as Python has them; those that are missing are left out."""
    columns = [(str(column), _plain(frame[column])) for column in frame.columns]
    return [
        {column: values[place] for column, values in columns if values[place] is not None}
        for place in range(len(frame))
    ]


def _text_columns(frame: Frame) -> list[Any]:
    """The columns that hold a text somewhere."""
    return [column for column in frame.columns if any(isinstance(value, str) for value in frame[column])]


def _readings(key: str) -> list[tuple[str, str | None]]:
    """What a key can mean: a row's key, or one and a column, divided at any of its dots."""
    parts = key.split(".")
    divided = [(".".join(parts[:at]), ".".join(parts[at:])) for at in range(len(parts) - 1, 0, -1)]
    return [(key, None), *divided]


def _plain(series: Any) -> list[Any]:
    """The values as Python has them; None for those that pandas counts as missing."""
    return [
        None if missing else _item(value)
        for value, missing in zip(series.tolist(), series.isna().tolist(), strict=True)
    ]


def _item(value: Any) -> Any:
    """A number of numpy's as one of Python's."""
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value
