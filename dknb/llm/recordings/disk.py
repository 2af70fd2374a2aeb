"""Files of recordings on the disk: made, opened, checked, and written to in one piece."""

from __future__ import annotations

import os
import shlex
import warnings
from io import FileIO
from pathlib import Path
from typing import IO, BinaryIO

from ...errors import RecordingError
from .index import Index
from .lines import FORMAT, HEADER
from .lock import locked

__all__ = ["as_typed", "check", "is_replaced", "line_number", "open_to_append", "open_to_read", "write_whole"]


def as_typed(path: Path) -> str:
    """The path as somebody would type it here: short where it can be, quoted where it must be."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def write_whole(file: FileIO, lines: list[bytes]) -> int:
    """Add lines in one write, or nothing; where they begin."""
    start = size = file.seek(0, os.SEEK_END)
    # A line that a process could not finish must not swallow these.
    if size and file.seek(size - 1) >= 0 and file.read(1) != b"\n":
        lines = [b"\n", *lines]
        start += 1
    whole = b"".join(lines)
    written = 0
    try:
        written = file.write(whole) or 0
    finally:
        if written != len(whole):
            file.truncate(size)
    if written != len(whole):
        raise OSError("the disk is full")
    return start


def check(path: Path, file: BinaryIO, index: Index) -> None:
    """Refuse a file that is none of ours, and warn of lines that are no whole entries.

    Raises:
        RecordingError: It is no recording, has the marks of a merge in it, or is of a newer format.
    """
    if index.marks:
        named = _named(file, index.marks)
        raise RecordingError(
            f"{as_typed(path)} has the marks of a git merge in it: line{'s' * (len(index.marks) > 1)} {named}.",
            hint="Delete those lines; the entries of both sides may stay. "
            f"To have git do so:  echo '{path.name} merge=union' >> .gitattributes",
        )
    if index.torn and not index.version and not index.count:
        raise RecordingError(
            f"{as_typed(path)} is not a recording of dknb.", hint="Name another file; a new one is made for you"
        )
    if index.version > FORMAT:
        raise RecordingError(
            f"{as_typed(path)} was written by a newer dknb (format {index.version}; this one reads {FORMAT}).",
            hint="Update it:  pip install --upgrade dknb",
        )
    if index.torn:
        named = _named(file, index.torn)
        what = f"line {named} is not a whole entry" if len(index.torn) == 1 else f"lines {named} are not whole entries"
        warnings.warn(f"{as_typed(path)}: {what}; skipped.", stacklevel=6)


def _named(file: BinaryIO, places: list[int], most: int = 8) -> str:
    named = ", ".join(str(line_number(file, place)) for place in places[:most])
    return named + (f" and {len(places) - most} more" if len(places) > most else "")


def line_number(file: BinaryIO, place: int) -> int:
    """The line that an offset is on, from 1."""
    file.seek(0)
    number = 1
    while place > 0 and (chunk := file.read(min(place, 1 << 20))):
        number += chunk.count(b"\n")
        place -= len(chunk)
    return number


def open_to_read(path: Path) -> BinaryIO:
    """Open a recording.

    Raises:
        RecordingError: There is none, or it cannot be read.
    """
    try:
        return path.open("rb")
    except FileNotFoundError:
        hint = f"Record it first:  %dknb auto {as_typed(path)}"
        raise RecordingError(f"There is no recording {as_typed(path)}.", hint=hint) from None
    except OSError as error:
        raise RecordingError(f"The recording {as_typed(path)} cannot be read: {error.strerror}.") from error


def open_to_append(path: Path) -> FileIO:
    """Open a recording to add to it, or make one.

    Raises:
        RecordingError: It cannot be written.
    """
    file = None
    try:
        file = FileIO(path, "a+")
        with locked(file):
            if not file.seek(0, os.SEEK_END):
                write_whole(file, [HEADER])
    except OSError as error:
        if file is not None:
            file.close()
        replay = f"To replay it without writing:  %dknb replay {as_typed(path)}"
        raise RecordingError(
            f"The recording {as_typed(path)} cannot be written: {error.strerror or error}.",
            hint=replay if path.is_file() else "Name a file in a folder that exists and is yours",
        ) from error
    return file


def is_replaced(file: IO[bytes] | FileIO, path: Path) -> bool:
    """Whether ``path`` is no longer the open file."""
    try:
        return not os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return True
