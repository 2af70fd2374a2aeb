"""The SQLite file of a log, opened for reading. Its rows are data that somebody else wrote."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from ....errors import StorageError
from ....llm.parts import DocumentPart, ImagePart
from ...node import with_zone

if TYPE_CHECKING:
    import sqlite3

__all__ = ["LogDatabase", "Row", "attachment_of", "opened", "parsed", "text_of", "time_of", "usage_of"]

Row: TypeAlias = Mapping[str, Any]


class LogDatabase:
    """Questions to the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        self.tables = frozenset(row[0] for row in found)

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """The rows of a question, as dicts by column."""
        cursor = self._connection.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def linked(self, link: str, column: str, target: str, key: str, value: Any) -> list[dict[str, Any]]:
        """The rows of ``target`` that the table ``link`` ties to ``value``, in order; none where there is no such table."""
        if link not in self.tables or target not in self.tables:
            return []
        return self.rows(
            f'SELECT t.* FROM "{link}" l JOIN "{target}" t ON t.id = l."{column}" WHERE l."{key}" = ? ORDER BY l."order"',
            value,
        )

    def of(self, table: str, key: str, value: Any) -> list[dict[str, Any]]:
        """The rows of a table with that value, in the order of writing; none where there is no such table."""
        if table not in self.tables:
            return []
        return self.rows(f'SELECT * FROM "{table}" WHERE "{key}" = ? ORDER BY rowid', value)


@contextmanager
def opened(path: Path) -> Iterator[LogDatabase]:
    """The log in a file, which is not changed.

    Raises:
        StorageError: It cannot be read.
    """
    import sqlite3

    connection = None
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, check_same_thread=False)
        connection.text_factory = lambda given: given.decode("utf-8", "replace")
        yield LogDatabase(connection)
    except sqlite3.Error as error:
        raise StorageError(
            f"{path} cannot be read as a log of llm: {error}.",
            hint="Name its logs.db (llm logs path prints where it is).",
        ) from error
    finally:
        if connection is not None:
            connection.close()


def text_of(row: Row, column: str) -> str:
    """The text of a column; empty where it is null or the column is missing."""
    value = row.get(column)
    return value if isinstance(value, str) else "" if value is None else str(value)


def time_of(row: Row, *columns: str) -> datetime:
    """The time of the first of these columns that has one, in UTC; the beginning of 1970 if none has."""
    for column in columns:
        try:
            return with_zone(datetime.fromisoformat(text_of(row, column))).astimezone(timezone.utc)
        except (ValueError, OverflowError):
            continue
    return datetime.fromtimestamp(0, timezone.utc)


def parsed(text: Any) -> Any:
    """JSON of a column; None where it is null or none. Numbers that no store keeps (NaN, infinity) become text."""
    try:
        return json.loads(text, parse_constant=str, parse_float=_number) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def usage_of(row: Row) -> dict[str, Any]:
    """What a row says of a call: model, tokens, seconds, options."""
    counts = {"prompt_tokens": row.get("input_tokens"), "completion_tokens": row.get("output_tokens")}
    usage = {name: count for name, count in counts.items() if isinstance(count, int)}
    if usage:
        usage["total_tokens"] = sum(usage.values())
    milliseconds = row.get("duration_ms")
    found = {
        "model": row.get("resolved_model") or row.get("model"),
        "usage": usage,
        "duration_s": milliseconds / 1000 if isinstance(milliseconds, (int, float)) else None,
        "options": parsed(row.get("options_json")),
        "token_details": parsed(row.get("token_details")),
        "response_id": row.get("id"),
    }
    return {key: value for key, value in found.items() if value not in (None, "", {})}


def attachment_of(row: Row) -> ImagePart | DocumentPart:
    """An attachment. One that is only a path on somebody's machine is named, and the file is not read."""
    kind, content, url = text_of(row, "type") or None, row.get("content"), text_of(row, "url") or None
    data = base64.b64encode(content).decode("ascii") if isinstance(content, bytes) else None
    if kind is not None and kind.startswith("image/") and (data or url):
        return ImagePart(url=None if data else url, data=data, media_type=kind)
    name = text_of(row, "path") or None
    return DocumentPart(url=None if data else url, data=data, media_type=kind, name=name)
