"""How the files of a library lie: a folder for each kind, a file for each entry, its path below the folder its name."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from .types import KINDS, Kind

#: The endings of the files of each kind.
SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "system": (".yaml", ".yml", ".json", ".md"),
    "user": (".yaml", ".yml", ".json", ".md"),
    "messages": (".yaml", ".yml", ".json"),
    "rag": (".yaml", ".yml", ".json"),
}
#: Parts between slashes; none is hidden, none leads up or to another drive.
NAME = re.compile(r"(?:(?!\.)[^/\\:\x00-\x1f\x7f\ud800-\udfff]+/)*(?!\.)[^/\\:\x00-\x1f\x7f\ud800-\udfff]+")


def entry_of(path: str) -> tuple[Kind, str] | None:
    """The kind and name of the file at a path below the library's folder; None for a file that is no entry."""
    pure = PurePosixPath(path)
    kind = next((each for each in KINDS if len(pure.parts) > 1 and pure.parts[0] == each), None)
    if kind is None or pure.suffix not in SUFFIXES[kind] or any(part.startswith(".") for part in pure.parts):
        return None
    name = pure.relative_to(kind).with_suffix("").as_posix()
    return (kind, name) if NAME.fullmatch(name) else None
