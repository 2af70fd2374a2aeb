"""Whether a file is still the one that was read, for the price of a look at the disk.

A name could be any of several files, so finding out takes a look for each. But files do not come or go without their
folder changing: while that is as it was, only the file itself can be another. The file is looked at each time. The
folder, which only tells that a second file of the same name has come, is looked at now and then.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

__all__ = ["FOLDER_SECONDS", "SETTLED", "Signature", "Standing", "is_settled", "settled_folder", "signature_of"]

#: Seconds after which an unchanged time means an unchanged file or folder; clocks of some file systems are coarse.
SETTLED = 2.0
#: Seconds for which a folder that was as before is not looked at again.
FOLDER_SECONDS = 0.05

Signature = tuple[int, ...]
T = TypeVar("T")


def signature_of(status: os.stat_result) -> Signature:
    """What is another when a file is; nobody can set the time of the last change of any kind back."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev


def is_settled(status: os.stat_result) -> bool:
    """Whether the last change is so long ago that the next one will have another time."""
    return time.time() - status.st_mtime > SETTLED


class Folder(NamedTuple):
    """A folder that has not changed for a while."""

    path: str
    signature: Signature


class Standing(Generic[T]):
    """What a file held, and how file and folder were then.

    Attributes:
        value: What it held.
    """

    __slots__ = ("_folder", "_folder_due", "_path", "_signature", "value")

    def __init__(self, value: T, path: str, signature: Signature, folder: Folder) -> None:
        self.value = value
        self._path = path
        self._signature = signature
        self._folder = folder
        self._folder_due = 0.0

    def holds(self) -> bool:
        """Whether neither has changed since, as far as is known."""
        try:
            # A Path takes longer than the look.
            if signature_of(os.stat(self._path)) != self._signature:  # noqa: PTH116
                return False
            if (now := time.monotonic()) < self._folder_due:
                return True
            self._folder_due = now + FOLDER_SECONDS
            return signature_of(os.stat(self._folder.path)) == self._folder.signature  # noqa: PTH116
        except OSError:
            return False


def settled_folder(path: Path) -> Folder | None:
    """The folder as it is; None when it changed just now, or cannot be looked at."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Folder(str(path), signature_of(status)) if is_settled(status) else None
