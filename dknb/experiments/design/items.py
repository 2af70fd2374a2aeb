"""The items of an experiment: the rows of its data, each with a label."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...conversations.stores.rows import storable
from ...errors import DesignError, did_you_mean

__all__ = ["Item", "read_items", "row_hash"]

_WANTED = "Give a DataFrame, a list of dicts, or the path of a CSV, JSONL, JSON or Parquet file."


class Item(NamedTuple):
    """A row of the data.

    Attributes:
        label: What it is called, unlike any other.
        row: Its values by column; None for a missing one.
    """

    label: str
    row: Mapping[str, Any]


def row_hash(row: Mapping[str, Any]) -> str:
    """A short hash of a row; of values that are no JSON data it knows only what kind they are."""
    try:
        told = json.dumps(dict(row), skipkeys=True, default=lambda value: type(value).__name__)
    except (ValueError, RecursionError):  # a value that contains itself
        told = json.dumps(list(row))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def read_items(data: Any, label: str | None = None) -> list[Item]:
    """The items of a DataFrame, of dicts, or of a file.

    A cell of a CSV file is its text; an empty one is missing.

    Args:
        data: The data.
        label: The column that has the items' labels; without one the index of a DataFrame, else numbers from 0.

    Raises:
        DesignError: There are none, it is no data, a file cannot be read, or two items have one label.
    """
    labels, rows = _rows_of(data)
    if not rows:
        raise DesignError("The data has no rows: there is nothing to ask.", hint=_WANTED)
    if label is not None:
        if label not in rows[0]:
            near = did_you_mean(label, rows[0])
            raise DesignError(
                f"The data has no column {label!r} for the items' labels.{near}", hint=f"Columns: {', '.join(rows[0])}"
            )
        labels = [row[label] for row in rows]
    texts = [_label(each) for each in labels]
    _refuse_doubles(texts)
    return [Item(text, row) for text, row in zip(texts, rows, strict=True)]


def _rows_of(data: Any) -> tuple[Sequence[Any], list[dict[str, Any]]]:
    if isinstance(data, str | Path):
        data = _read_file(Path(data))
    if isinstance(data, Mapping):
        raise DesignError("The data is one mapping; items are a list of them.", hint='data=[{"text": "..."}, ...]')
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        return list(data.index), _frame_rows(data)
    if hasattr(data, "to_frame") and hasattr(data, "tolist"):  # a column
        return list(data.index), _frame_rows(data.to_frame(data.name if data.name is not None else "text"))
    if isinstance(data, bytes) or not isinstance(data, Iterable):
        raise DesignError(f"The data is {type(data).__name__!r}.", hint=_WANTED)
    rows = list(data)
    if odd := next((row for row in rows if not isinstance(row, Mapping)), None):
        raise DesignError(f"A row of the data is {odd!r:.60}, which is no dict.", hint='data=[{"text": "..."}, ...]')
    columns = {str(name): None for row in rows for name in row}
    whole = [{**columns, **{str(name): _plain(value) for name, value in row.items()}} for row in rows]
    return range(len(whole)), whole


def _frame_rows(frame: Any) -> list[dict[str, Any]]:
    names = [str(name) for name in frame.columns]
    doubles = [name for name, count in Counter(names).items() if count > 1]
    if doubles:
        raise DesignError(f"Two columns of the data are called {doubles[0]!r}.", hint="Rename one of them")
    columns = [_plain_column(frame.iloc[:, place].tolist()) for place in range(len(names))]
    if not columns:
        return []
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain_column(values: list[Any]) -> list[Any]:
    """The values as Python has them; whole numbers that pandas made floats of, beside missing ones, are whole again."""
    plain = [_plain(value) for value in values]
    given = [value for value in plain if value is not None]
    if len(given) < len(plain) and all(isinstance(value, float) and value.is_integer() for value in given):
        return [None if value is None else int(value) for value in plain]
    return plain


def _plain(value: Any) -> Any:
    """A value as Python has it; None for those that pandas counts as missing."""
    if isinstance(value, float):
        return None if value != value else value
    kind = type(value)
    if kind.__name__ in ("NaTType", "NAType"):
        return None
    return value.item() if kind.__module__ == "numpy" and getattr(value, "ndim", None) == 0 else value


def _read_file(path: Path) -> Any:
    readers = {
        ".csv": _read_csv,
        ".tsv": _read_csv,
        ".jsonl": _read_lines,
        ".ndjson": _read_lines,
        ".json": _read_json,
        ".parquet": _read_parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DesignError(f"The data {path.name!r} is no file of a known kind.", hint=_WANTED)
    try:
        return reader(path)
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        if isinstance(error, DesignError):
            raise
        raise DesignError(f"The data {path.name!r} cannot be read: {error}", hint=_WANTED) from error


def _read_csv(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
        rows = []
        for row in reader:
            if None in row:
                raise DesignError(f"Line {reader.line_num} of {path.name!r} has more cells than the first line.")
            rows.append({name: value or None for name, value in row.items()})
    return rows


def _read_lines(path: Path) -> list[Any]:
    rows = []
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise DesignError(f"Line {number} of {path.name!r} is no JSON: {error}") from error
    return rows


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8-sig"))


def _read_parquet(path: Path) -> Any:
    from ..._lazy import extra

    with extra("parquet"):
        import pyarrow  # type: ignore[import-untyped]  # noqa: F401 - pandas would name another way to install it
    import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

    return pd.read_parquet(path)


def _label(value: Any) -> str:
    value = _plain(value)
    text = "" if value is None else str(value)
    if not text.strip():
        raise DesignError(f"An item's label is {value!r}.", hint="Name a column without missing values: item='id'")
    return storable(text)


def _refuse_doubles(labels: Sequence[str]) -> None:
    doubles = [label for label, count in Counter(labels).items() if count > 1]
    if doubles:
        told = ", ".join(repr(label) for label in doubles[:5]) + (", …" if len(doubles) > 5 else "")
        raise DesignError(
            f"Items are told apart by their labels, and {len(doubles):,} of them are there more than once: {told}.",
            hint="Name the column that has them:  item='id'  or give the data an index without doubles:  reset_index()",
        )
