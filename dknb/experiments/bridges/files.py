"""Reading what others wrote, within bounds, and writing files that are whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...errors import BridgeError

__all__ = ["MOST_BYTES", "beside", "parsed", "read_json", "read_lines", "read_text", "refused", "written_whole"]

#: Bytes of a file that is read into memory.
MOST_BYTES = 512 * 2**20


def refused(
    path: Path, what: str, *, line: int | None = None, item: str | None = None, hint: str | None = None
) -> BridgeError:
    """The error that says what is wrong with a file."""
    return BridgeError(what, file=path.name, line=line, item=item, hint=hint)


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """The text of a file.

    Raises:
        BridgeError: It is not there, too large, or no UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > most:
            raise refused(path, f"It has {size:,} bytes; at most {most:,} are read.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise refused(path, f"It cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise refused(path, f"It is no UTF-8: {error}") from error


def read_json(path: Path) -> Any:
    """The data in a file of JSON; numbers as JSON has them, and ``NaN`` as Python writes it.

    Raises:
        BridgeError: It is none.
    """
    return parsed(read_text(path), path)


def parsed(text: str | bytes, path: Path, line: int | None = None) -> Any:
    """The data in JSON text.

    Raises:
        BridgeError: It is none.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise refused(path, f"This is no JSON: {error.msg}", line=error.lineno if line is None else line) from error
    except (ValueError, RecursionError) as error:
        raise refused(path, f"This is no JSON that can be read: {error}", line=line) from error


def read_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The data in a file of JSON Lines, each with its line.

    Raises:
        BridgeError: A line is none.
    """
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            yield number, parsed(line, path, number)


def beside(folder: Path, named: str, path: Path, line: int | None = None) -> Path:
    """A file that another names, which must lie in that one's folder or below.

    Raises:
        BridgeError: It does not, or it is not there.
    """
    told = named.removeprefix("file://")
    try:
        found = (folder / told).resolve()
        inside = found.is_relative_to(folder.resolve())
    except (OSError, ValueError):
        inside = False
    if not inside:
        raise refused(path, f"{named!r} lies outside the file's own folder.", line=line, hint="Move it there")
    if not found.is_file():
        raise refused(path, f"{named!r} is not there.", line=line)
    return found


def written_whole(path: Path, content: bytes) -> None:
    """Write a file, so that no reader meets a part of it.

    Raises:
        BridgeError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise refused(path, f"It cannot be written: {error.strerror or error}") from error
