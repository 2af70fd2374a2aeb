"""Taking entries out of a recording, while other kernels may be adding to it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...errors import RecordingError
from .disk import as_typed, is_replaced, open_to_read
from .entry import Identity
from .index import ENTRY
from .lines import HEADER_START, PIECE_STARTS, name_of, references, request_of
from .lock import locked

__all__ = ["Pruned", "prune"]


@dataclass(frozen=True)
class Pruned:
    """How many entries were taken out, and the bytes of the file before and after."""

    removed: int
    before: int
    after: int


def prune(path: Path, remove: Container[Identity]) -> Pruned:
    """Take entries out, with what only they need; the lines that stay are not changed.

    The new file takes the place of the old one at once: after a crash one of the two is there, and a kernel that has the
    old one open goes on in the new one.

    Raises:
        RecordingError: The file cannot be read or written.
    """
    path = path.expanduser().resolve()  # a link goes on pointing to it
    while True:
        with open_to_read(path) as file, locked(file):
            if not is_replaced(file, path):
                return _prune(file, path, remove)


def _prune(file: BinaryIO, path: Path, remove: Container[Identity]) -> Pruned:
    needed = _needed(file, remove)
    before, removed = os.fstat(file.fileno()).st_size, 0
    written = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
            written = Path(new.name)
            for line in _lines(file):
                if _is_kept(line, remove, needed):
                    new.write(line)
                else:
                    removed += ENTRY.match(line) is not None
            new.flush()
            os.fsync(new.fileno())
            after = new.tell()
        shutil.copymode(path, written)
        written.replace(path)
    except OSError as error:
        if written is not None:
            with suppress(OSError):
                written.unlink()
        raise RecordingError(f"{as_typed(path)} cannot be replaced: {error.strerror or error}.") from error
    return Pruned(removed, before, after)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines, all of them ended."""
    file.seek(0)
    for line in file:
        yield line if line.endswith(b"\n") else line + b"\n"


def _is_kept(line: bytes, remove: Container[Identity], needed: Container[str]) -> bool:
    if (which := _identity(line)) is not None:
        return which not in remove
    if line.startswith(PIECE_STARTS):
        return name_of(line).decode() in needed
    return line.startswith(HEADER_START)


def _identity(line: bytes) -> Identity | None:
    head = ENTRY.match(line)
    return (head[1].decode(), head[2].decode(), int(head[3])) if head else None


def _needed(file: BinaryIO, remove: Container[Identity]) -> set[str]:
    """The hashes of the pieces that the entries that stay are made of."""
    pieces: dict[str, list[str]] = {}
    waiting: set[str] = set()
    for line in _lines(file):
        with suppress(ValueError, KeyError):
            if (which := _identity(line)) is not None:
                if which not in remove:
                    waiting.update(references(request_of(line)))
            elif line.startswith(PIECE_STARTS):
                pieces[name_of(line).decode()] = list(references(json.loads(line)))
    needed: set[str] = set()
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting.update(set(pieces.get(name, ())) - needed)
    return needed
