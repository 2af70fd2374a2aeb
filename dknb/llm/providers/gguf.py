"""What a GGUF file says of its model, read from its header without loading it.

Source: the format's specification, ``docs/gguf.md`` of ggml, versions 2 and 3.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["BrokenGguf", "GgufFacts", "gguf_facts", "gguf_files", "gguf_window"]

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
#: Parts of a model but the first, and what gives eyes to another model.
_NO_MODEL = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$|^mmproj")
#: Value types of the metadata that are plain numbers, as `struct` writes them.
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
_ALIGNMENT = 32


class BrokenGguf(Exception):
    """A file that is no GGUF, or not a whole one; the message goes on after the file's name."""


@dataclass(frozen=True)
class GgufFacts:
    """What the header of a model's file says.

    Attributes:
        architecture: The family of the model, for example ``"llama"``.
        context_length: The most tokens that the model was trained to read at once.
        chat_template: The Jinja template that makes a text of messages.
        pools: Whether the file says how the vectors of tokens become one of a text.
        causal: Whether the model goes on with a text; without that it only makes vectors.
    """

    architecture: str
    context_length: int | None
    chat_template: str | None
    pools: bool
    causal: bool


def gguf_facts(path: Path) -> GgufFacts:
    """The facts in the header of ``path``, read again only when the file has changed.

    Raises:
        OSError: The file cannot be read.
        BrokenGguf: It is no GGUF, or not a whole one.
    """
    at = path.stat()
    return _facts(path, at.st_size, at.st_mtime_ns)


def gguf_window(model: str) -> int | None:
    """The context length of a file that a model spec names; None where it is not known."""
    try:
        return gguf_facts(Path(model).expanduser()).context_length
    except (OSError, BrokenGguf):
        return None


def gguf_files(folder: Path) -> Iterator[str]:
    """The models in a folder and the folders right in it, in order, by their paths from where ``folder`` is told."""
    for file in sorted([*folder.glob("*.gguf"), *folder.glob("*/*.gguf")]):
        if not _NO_MODEL.search(file.name):
            yield file.as_posix()


@lru_cache(maxsize=64)
def _facts(path: Path, size: int, changed: int) -> GgufFacts:
    del changed  # A part of the cache's key.
    with path.open("rb") as file:
        begin = file.read(8)
        if begin[:4] != _MAGIC:
            raise BrokenGguf(f"is no GGUF file: it begins with {begin[:4]!r}, not with {_MAGIC!r}")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _of(_Reader(data), size)
            except (struct.error, OverflowError) as error:
                raise BrokenGguf(f"ends within its header, after {size:,} bytes") from error


def _of(reader: _Reader, size: int) -> GgufFacts:
    version = reader.number("I")
    if version not in _VERSIONS:
        raise BrokenGguf(f"is GGUF of version {version}; versions {_VERSIONS[0]} and {_VERSIONS[1]} can be read")
    tensors, entries = reader.number("Q"), reader.number("Q")
    values: dict[str, Any] = {}
    for _ in range(entries):
        name = reader.text()
        values[name] = reader.value(reader.number("I"))
    last = max((reader.tensor_offset() for _ in range(tensors)), default=0)
    alignment = values.get("general.alignment") or _ALIGNMENT
    begin = -(-reader.at // alignment) * alignment
    if tensors == 0 or begin + last >= size:
        raise BrokenGguf(f"is not whole: it ends after {size:,} bytes, within or before its weights")
    family = str(values.get("general.architecture", ""))
    return GgufFacts(
        architecture=family,
        context_length=values.get(f"{family}.context_length"),
        chat_template=values.get("tokenizer.chat_template"),
        pools=f"{family}.pooling_type" in values,
        causal=values.get(f"{family}.attention.causal") is not False,
    )


class _Reader:
    """Reads a header from its beginning to its end; `struct.error` where it is cut."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.at = len(_MAGIC)

    def number(self, kind: str) -> Any:
        (value,) = struct.unpack_from(f"<{kind}", self._data, self.at)
        self.at += struct.calcsize(f"<{kind}")
        return value

    def text(self) -> str:
        begin = self._skip_text()
        return self._data[begin : self.at].decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """A value of the metadata; None for a list, which nobody here needs."""
        if kind == _TEXT:
            return self.text()
        if kind != _LIST:
            return self.number(self._plain(kind))
        inner, count = self.number("I"), self.number("Q")
        if inner == _TEXT:
            for _ in range(count):
                self._skip_text()
        else:
            self._skip(struct.calcsize(f"<{self._plain(inner)}") * count)
        return None

    def tensor_offset(self) -> int:
        """Where the weights of the next tensor begin, counted from the end of the header."""
        self._skip_text()
        dimensions = self.number("I")
        self._skip(8 * dimensions + 4)
        return int(self.number("Q"))

    def _plain(self, kind: int) -> str:
        if kind not in _NUMBERS:
            raise BrokenGguf(f"has a value of the unknown type {kind} in its header")
        return _NUMBERS[kind]

    def _skip_text(self) -> int:
        """Go behind the next text, and say where it begins."""
        size = self.number("Q")
        begin = self.at
        self._skip(size)
        return begin

    def _skip(self, size: int) -> None:
        self.at += size
        if self.at > len(self._data):
            raise struct.error
