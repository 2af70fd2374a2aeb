"""What a database complains about, in words that help."""

from __future__ import annotations

from ..errors import StorageError

__all__ = ["storage_error"]

#: Words in SQLite's message; what they mean; what to do.
_MEANINGS = (
    (
        ("file is not a database", "malformed", "encrypted"),
        "is damaged, or is no SQLite database",
        "Move it away (a new store is begun), or rescue it:  sqlite3 FILE .recover | sqlite3 NEW",
    ),
    (
        ("database or disk is full",),
        "cannot grow: the disk is full",
        "Make room, then repeat; nothing was half-written.",
    ),
    (
        ("readonly database", "read-only", "permission denied"),
        "may not be written",
        "Make the file and its folder writable, or keep the store elsewhere.",
    ),
    (
        ("unable to open database file", "not a directory", "file exists", "is a directory"),
        "cannot be opened",
        "Its folder must be a folder that may be written, and the store a file in it.",
    ),
    (
        ("database is locked", "database table is locked"),
        "is locked by another process",
        "End what holds it (another kernel, a database browser, a backup), then repeat.",
    ),
    (
        ("disk i/o error",),
        "cannot be read or written: the disk failed",
        "Check the disk and the free space, then repeat.",
    ),
    (
        ("no such table", "no such column", "has no column"),
        "has other tables than dknb's",
        "It belongs to another program, or to an unfinished dknb: keep the store in another file.",
    ),
)


def storage_error(where: str, error: BaseException) -> StorageError:
    """What ``error``, met while working on the store ``where``, means."""
    text = str(getattr(error, "orig", None) or error)
    for words, meaning, hint in _MEANINGS:
        if any(word in text.lower() for word in words):
            return StorageError(f"The store {where} {meaning} ({text}).", hint=hint)
    return StorageError(
        f"The store {where} failed: {text}", hint="Nothing was half-written; repeat, or check the store."
    )
