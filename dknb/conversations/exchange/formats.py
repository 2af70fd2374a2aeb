"""Which formats there are, and which one a file has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import ConfigError, StorageError, did_you_mean
from ..portable.names import usable_name
from .checks import told
from .documents import ReadDocument, read_document
from .items import read_items
from .llm_log import read_log
from .openai import read_line
from .sharegpt import name_of, read_item
from .talk import TOLD, ImportedTalk

__all__ = ["FORMATS", "READABLE", "WRITABLE", "check_format", "format_of", "read_talks"]

#: The formats: what is in them.
FORMATS = {
    "dataknobs": "documents of dataknobs-llm, schema 1.0.0 and 1.1.0",
    "openai": "JSON Lines as OpenAI's fine-tuning takes them",
    "sharegpt": "ShareGPT's JSON",
    "llm": "the log database of simonw/llm",
    "dknb": "what dknb store export writes",
}
READABLE = tuple(FORMATS)
WRITABLE = ("dataknobs", "openai", "sharegpt", "dknb")

#: Most characters of a file's name in the names of its conversations; their numbers follow.
LONGEST_STEM = 180

#: Keys that only the items of a format have.
_MARKS = {
    "nodes": "dataknobs",
    "conversations": "sharegpt",
    "conversation": "sharegpt",
    "messages": "openai",
    "items": "sharegpt",
    "format": "dknb",
}


def check_format(name: str, known: tuple[str, ...]) -> str:
    """``name``, if it is one of the formats.

    Raises:
        ConfigError: It is none of them.
    """
    if name not in known:
        raise ConfigError(f"Unknown format {name!r}.{did_you_mean(name, known)}", hint=f"Formats: {', '.join(known)}")
    return name


def format_of(path: Path) -> str:
    """The format of a file, by what it begins with.

    Raises:
        StorageError: It cannot be read, or has none of the formats.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(16)
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error}.", hint="Name a file.") from error
    if beginning == b"SQLite format 3\0":
        return "llm"
    for _, item in islice(read_items(path), 1):
        for key, kind in _MARKS.items():
            if isinstance(item, dict) and key in item:
                return kind
    raise StorageError(
        f"{path} begins with nothing that is known.", hint=f"Say which format it has: {', '.join(READABLE)}"
    )


def read_talks(path: Path, kind: str) -> Iterator[ImportedTalk]:
    """The conversations of a file, one by one; a row of messages without a name is called by the file and its place.

    Raises:
        SchemaVersionError: One is of a higher major version.
        StorageError: The file is broken, or cannot be read.
    """
    if kind == "llm":
        yield from read_log(path)
        return
    at, stem = _time_of_file(path), usable_name(path.stem, most=LONGEST_STEM)
    for number, (where, item) in enumerate(read_items(path), 1):
        if kind == "dataknobs":
            yield _of_document(read_document(item, where))
            continue
        with told(where):
            yield _in_a_row(item, kind, f"{stem}-{number}", at)


def _of_document(read: ReadDocument) -> ImportedTalk:
    # Rows of the ledger name nodes by their numbers: the store is to give them the same.
    for seq, tree in enumerate(read.order):
        tree.data.seq = seq
    read.state.stored = read.order
    return ImportedTalk(read.state, read.calls, TOLD if read.is_ours else TOLD[:3], has_identity=True)


def _in_a_row(item: Any, kind: str, name: str, at: datetime) -> ImportedTalk:
    if not isinstance(item, dict):
        raise TypeError(f"it is {item!r:.60}, not an object")
    if kind == "openai":
        return ImportedTalk(read_line(item, name, at))
    return ImportedTalk(read_item(item, name_of(item) or name, at))


def _time_of_file(path: Path) -> datetime:
    """When the file was written: messages that bear no time have this one, the same each time it is read."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error}.", hint="Name a file.") from error
