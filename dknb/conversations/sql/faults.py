"""What a database complains about, in words that help."""

from __future__ import annotations

from ...errors import StorageError, StoreUnreachable

__all__ = ["storage_error"]

#: Words in the database's message; what they mean; what to do.
_MEANINGS = (
    (
        ("file is not a database", "malformed", "encrypted"),
        "is damaged, or is no SQLite database",
        "Move it away (a new store is begun), or rescue it:  sqlite3 FILE .recover | sqlite3 NEW",
    ),
    (
        ("database or disk is full", "no space left on device", "could not extend file"),
        "cannot grow: the disk is full",
        "Make room, then repeat; nothing was half-written.",
    ),
    (
        ("readonly database", "read-only", "permission denied"),
        "may not be written",
        "Make the file and its folder writable (a server: grant the user CREATE), or keep the store elsewhere.",
    ),
    (
        ("authentication failed", "no password supplied", "role ", "no pg_hba.conf entry"),
        "lets nobody in with this user and password",
        "Check the user in the address, and the password there, in PGPASSWORD or in ~/.pgpass.",
    ),
    (
        (
            "connection refused",
            "could not translate host",
            "name or service not known",
            "failed to resolve host",
            "connection timeout",
            "timeout expired",
            "the database system is",
            "not currently accepting connections",
        ),
        "cannot be reached",
        "Check that the server runs, and its host and port in the address.",
    ),
    (
        (
            "server closed the connection",
            "terminating connection",
            "connection is closed",
            "connection is lost",
            "connection already closed",
            "connection reset",
            "broken pipe",
            "ssl connection has been closed",
        ),
        "was lost: the connection broke off",
        "Repeat when the server is back; what is owed is then written.",
    ),
    (
        ("no such module: fts5",),
        "needs full-text search, which this Python's SQLite lacks",
        "Use a Python whose sqlite3 has FTS5, as those of python.org, conda and the distributions have.",
    ),
    (
        ("nul (0x00)", "surrogates not allowed"),
        "was given a name that cannot be stored",
        "Leave NUL characters and halves of surrogate pairs out of names and labels.",
    ),
    (
        ("unable to open database file", "not a directory", "file exists", "is a directory"),
        "cannot be opened",
        "Its folder must be a folder that may be written, and the store a file in it.",
    ),
    (
        ("database is locked", "database table is locked", "lock timeout"),
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

_UNREACHABLE = ("cannot be reached", "was lost: the connection broke off")


def storage_error(where: str, error: BaseException, *, lost: bool = False, unsure: bool = False) -> StorageError:
    """What ``error``, met while working on the store ``where``, means.

    Args:
        where: What messages call the store.
        error: What the database said.
        lost: Whether a connection that was there is gone.
        unsure: Whether that happened while the database was told to keep what was written.
    """
    text = " ".join(str(getattr(error, "orig", None) or error).split())
    meaning, hint = _explained(text.lower())
    message = f"The store {where} {meaning} ({text})."
    if lost or meaning in _UNREACHABLE:
        return StoreUnreachable(message, hint=hint, lost=lost, unsure=unsure)
    return StorageError(message, hint=hint)


def _explained(text: str) -> tuple[str, str]:
    for words, meaning, hint in _MEANINGS:
        if any(word in text for word in words):
            return meaning, hint
    return "failed", "Nothing was half-written; repeat, or check the store."
