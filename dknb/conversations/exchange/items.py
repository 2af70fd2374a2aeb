"""Reading JSON piece by piece: an array, lines, or values one after the other, however large the file is."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ...errors import StorageError
from .checks import told

__all__ = ["read_items"]

#: Characters that are read at a time, and that one item may have.
CHUNK = 1 << 20
MOST_ITEM = 1 << 30

_TOKEN = re.compile(r'["{}\[\],]')
_QUOTED = re.compile(r'["\\]')


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.40} is no number that JSON has")
    return number


#: Numbers that are none could be read, and then not be written: they are refused at once.
_STRICT = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)

_HINT = "The file must hold JSON: an object, an array of objects, or one object a line."


def read_items(path: Path) -> Iterator[tuple[str, Any]]:
    """The objects of a JSON file, each with its place: the items of an array, or the values of the file.

    Raises:
        StorageError: It cannot be read, or is no JSON.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, text in enumerate(_texts(file), 1):
                where = f"{path}, item {number}"
                with told(where, _HINT):
                    item = _STRICT.decode(text.strip())
                yield where, item
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} cannot be read: {error}.", hint="Name a file of JSON in UTF-8.") from error
    except ValueError as error:
        raise StorageError(f"{path}: {error}", hint=_HINT) from error


def _texts(file: TextIO) -> Iterator[str]:
    """The text of each item: what stands between outer brackets; within an outer array, that of its items."""
    scan = _Scan()
    while chunk := file.read(CHUNK):
        yield from scan.feed(chunk)
    scan.end()


class _Scan:
    """Finds where items begin and end, without parsing them."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._size = 0
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._array = False
        self._begun = False

    def feed(self, chunk: str) -> Iterator[str]:
        """The items that end in this piece of the file."""
        start = 0
        for begin, end in self._brackets(chunk):
            token = chunk[begin:end]
            if self._ends_item(token):
                yield self._take(chunk[start:end])
                start = end
            elif self._opens_array(token) or self._separates(token):
                self._outside(chunk[start:begin])
                start = end
        self._keep(chunk[start:])

    def _brackets(self, chunk: str) -> Iterator[tuple[int, int]]:
        """Where brackets and commas stand that are not in quotes."""
        position = int(self._escaped)
        self._escaped = False
        while (match := (_QUOTED if self._quoted else _TOKEN).search(chunk, position)) is not None:
            position = match.end()
            token = match.group()
            if token == '"':
                self._quoted = not self._quoted
            elif token == "\\":
                self._escaped = position == len(chunk)
                position += 1
            else:
                yield match.span()

    def _ends_item(self, token: str) -> bool:
        if token in "{[" and not self._is_outer(token):
            self._begun = True
            self._depth += 1
        elif token in "}]" and self._depth:
            self._depth -= 1
            return self._depth == 0
        return False

    def _is_outer(self, token: str) -> bool:
        return token == "[" and not self._begun

    def _opens_array(self, token: str) -> bool:
        if not self._is_outer(token):
            return False
        self._begun = self._array = True
        return True

    def _separates(self, token: str) -> bool:
        """Whether it stands between items: a comma, or the end of the outer array."""
        if self._depth:
            return False
        if not self._array or token not in ",]":
            raise ValueError(f"there is a stray {token!r}")
        self._array = token == ","
        return True

    def _outside(self, text: str) -> None:
        between = "".join((*self._kept, text)).strip()
        self._kept, self._size = [], 0
        if between:
            raise ValueError(f"{between!r:.60} is no object")

    def _keep(self, text: str) -> None:
        self._size += len(text)
        if self._size > MOST_ITEM:
            raise ValueError(f"an item has more than {MOST_ITEM:,} characters")
        self._kept.append(text)

    def _take(self, text: str) -> str:
        self._keep(text)
        item = "".join(self._kept)
        self._kept, self._size = [], 0
        return item

    def end(self) -> None:
        """Nothing more comes."""
        if self._depth or self._quoted or self._array:
            raise ValueError("it was cut short: its last item has no end")
        self._outside("")
        if not self._begun:
            raise ValueError("it is empty")
