"""What is imported is read twice: first all of it is checked, then it is written. A pipe gives it once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from ...errors import StorageError

__all__ = ["copied", "readable"]


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """A file that can be read again and again: that one, or a copy of what a pipe gives.

    Raises:
        StorageError: The pipe cannot be read, or its copy not be written.
    """
    if not _gives_once(path):
        yield path
        return
    try:
        stream = path.open("rb")
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error}.", hint="Name a file.") from error
    with stream, copied(stream) as copy:
        yield copy


@contextmanager
def copied(stream: BinaryIO) -> Iterator[Path]:
    """A file of all that ``stream`` gives, called ``stdin``; it is gone in the end.

    Raises:
        StorageError: It cannot be read, or the copy not be written.
    """
    with TemporaryDirectory(prefix="dknb-") as folder:
        copy = Path(folder) / "stdin"
        try:
            with copy.open("wb") as file:
                shutil.copyfileobj(stream, file)
        except OSError as error:
            raise StorageError(f"What came in cannot be kept: {error}.", hint="Write it to a file first.") from error
        yield copy


def _gives_once(path: Path) -> bool:
    # Some systems go on in /dev/stdin where it was left, although a file lies behind it.
    is_stream = path.as_posix() == "/dev/stdin" or path.as_posix().startswith("/dev/fd/")
    return is_stream or (path.exists() and not path.is_file() and not path.is_dir())
