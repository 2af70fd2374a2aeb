"""The file of a recording: an index of lines that are only read when they are asked for, and an atomic append.

::

    {"dknb_recording":1}
    {"key":"<sha256>","run":"<session>","sample":0,"at":"...","request":{...},"response":{...},"events":[[0.12,{...}]]}

A line begins with what the index needs, so that opening parses no body. Nothing that is in the file is ever changed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import threading
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from ..errors import RecordingError

__all__ = ["Place", "RecordingFile", "as_typed"]

Json: TypeAlias = dict[str, Any]

FORMAT = 1
_HEADER = re.compile(rb'\{"dknb_recording": ?(\d+)')
_ENTRY = re.compile(rb'\{"key":"([0-9a-f]{64})","run":"([0-9a-f]{8})","sample":(\d+),')
_WHOLE = (b"}\n", b"}\r\n")

#: Where an answer lies: number of its session in the file, number of the sample in that session, offset in bytes.
#: A plain tuple, because opening makes one for each line.
Place: TypeAlias = tuple[int, int, int]


def as_typed(path: Path) -> str:
    """The path as somebody would type it here: short where it can be, quoted where it must be."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


class RecordingFile:
    """Entries by key, on disk.

    Attributes:
        path: The file, absolute.
        places: For each key where its answers lie, in the order in which they were asked for; as of opening.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._writer = _open_to_append(path) if writable else None
        try:
            self._reader = _open_to_read(path)
        except RecordingError:
            self._close_writer()
            raise
        self.places, others = _index(self._reader)
        try:
            _check_others(path, others, bool(self.places))
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether it can no longer be read."""
        return self._reader.closed

    def close(self) -> None:
        """Close it; `append` still works, and opens it again for its one line."""
        with self._reading:
            self._reader.close()
        with self._writing:
            self._close_writer()

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def entry(self, key: str, place: Place) -> Json:
        """Read one entry.

        Raises:
            ValueError: It is damaged, or the file was changed since it was opened.
        """
        line = self._line(place)
        if not line.startswith(b'{"key":"%b"' % key.encode()):
            raise ValueError("another line is there now")
        entry: Json = json.loads(line)
        return entry

    def first_entries(self) -> Iterator[tuple[Place, Json]]:
        """The first entry of each key that can be read."""
        for places in self.places.values():
            with suppress(ValueError):
                yield places[0], json.loads(self._line(places[0]))

    def line_number(self, place: Place) -> int:
        """The line that an entry is on, from 1."""
        _, _, offset = place
        with self._reading:
            self._reader.seek(0)
            return self._reader.read(offset).count(b"\n") + 1

    def _line(self, place: Place) -> bytes:
        _, _, offset = place
        with self._reading:
            self._reader.seek(offset)
            return self._reader.readline()

    def append(self, line: bytes) -> None:
        """Add a line in one write.

        Raises:
            OSError: It could not be written whole.
            RecordingError: The file is gone and cannot be made again.
        """
        with self._writing:
            assert self._writer is not None
            was_closed = self._writer.closed
            if was_closed or _replaced(self._writer, self.path):
                self._writer.close()
                self._writer = _open_to_append(self.path)
            try:
                _append(self._writer, line)
            finally:
                if was_closed:
                    self._writer.close()


def _append(file: FileIO, line: bytes) -> None:
    # A line that a process could not finish must not swallow this one.
    size = file.seek(0, os.SEEK_END)
    if size and file.seek(size - 1) >= 0 and file.read(1) != b"\n":
        line = b"\n" + line
    if file.write(line) != len(line):
        raise OSError("the disk is full")


def _index(file: BinaryIO) -> tuple[dict[bytes, list[Place]], list[tuple[int, bytes]]]:
    """The places of all entries, and the beginnings of the lines that are none, with their numbers."""
    places: defaultdict[bytes, list[Place]] = defaultdict(list)
    sessions: dict[bytes, int] = {}
    others: list[tuple[int, bytes]] = []
    offset, entry = 0, _ENTRY.match
    for number, line in enumerate(file, 1):
        if (found := entry(line)) and line.endswith(_WHOLE):
            key, run, sample = found.groups()
            places[key].append((sessions.setdefault(run, len(sessions)), int(sample), offset))
        elif not line.isspace():
            others.append((number, line[:100]))
        offset += len(line)
    for of_one_key in places.values():
        of_one_key.sort()  # calls that ran side by side were written in the order in which they ended
    return dict(places), others


def _check_others(path: Path, others: list[tuple[int, bytes]], has_entries: bool) -> None:
    versions = [int(found[1]) for _, line in others if (found := _HEADER.match(line))]
    if others and not versions and not has_entries:
        raise RecordingError(
            f"{as_typed(path)} is not a recording of dknb.", hint="Name another file; a new one is made for you"
        )
    if (newest := max(versions, default=FORMAT)) > FORMAT:
        raise RecordingError(
            f"{as_typed(path)} was written by a newer dknb (format {newest}; this one reads {FORMAT}).",
            hint="Update it:  pip install --upgrade dknb",
        )
    if bad := [str(number) for number, line in others if not _HEADER.match(line)]:
        named = ", ".join(bad[:8]) + (f" and {len(bad) - 8} more" if len(bad) > 8 else "")
        what = f"line {named} is not a whole entry" if len(bad) == 1 else f"lines {named} are not whole entries"
        warnings.warn(f"{as_typed(path)}: {what}; skipped.", stacklevel=5)


def _open_to_read(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        hint = f"Record it first:  %dknb auto {as_typed(path)}"
        raise RecordingError(f"There is no recording {as_typed(path)}.", hint=hint) from None
    except OSError as error:
        raise RecordingError(f"The recording {as_typed(path)} cannot be read: {error.strerror}.") from error


def _open_to_append(path: Path) -> FileIO:
    file = None
    try:
        file = FileIO(path, "a+")
        if not file.seek(0, os.SEEK_END):
            _append(file, b'{"dknb_recording":%d}\n' % FORMAT)
    except OSError as error:
        if file is not None:
            file.close()
        replay = f"To replay it without writing:  %dknb replay {as_typed(path)}"
        raise RecordingError(
            f"The recording {as_typed(path)} cannot be written: {error.strerror or error}.",
            hint=replay if path.is_file() else "Name a file in a folder that exists and is yours",
        ) from error
    return file


def _replaced(file: FileIO, path: Path) -> bool:
    """Whether ``path`` is no longer the open file: it was deleted, or an editor put another in its place."""
    try:
        return not os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return True
