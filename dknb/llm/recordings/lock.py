"""One writer at a time on a file, over processes; the lock goes with the process that holds it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

__all__ = ["locked"]

if sys.platform == "win32":
    import msvcrt

    #: The byte that stands for the file: one that nobody writes, since locks of Windows keep readers out.
    _BYTE = 1 << 40

    def _lock(file: IO[bytes]) -> None:
        file.seek(_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)

    def _unlock(file: IO[bytes]) -> None:
        file.seek(_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)


@contextmanager
def locked(file: IO[bytes]) -> Iterator[bool]:
    """Wait until nobody else holds ``file``, and hold it; whether it is held.

    Where the file system has no locks, nothing is held: an append is a single write there too.
    """
    held = False
    with suppress(OSError):
        _lock(file)
        held = True
    try:
        yield held
    finally:
        if held:
            _unlock(file)
