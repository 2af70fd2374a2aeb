"""How the files of a library lie: a folder for each kind, a file for each entry, its path below the folder its name.

Beside the folders lies ``tests.yaml``, the tests of the prompts.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from .types import KINDS, Kind

#: The file in the folder of a library that holds the tests of its prompts.
TESTS_FILE = "tests.yaml"
#: The endings of the files of each kind.
SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "system": (".yaml", ".yml", ".json", ".md"),
    "user": (".yaml", ".yml", ".json", ".md"),
    "messages": (".yaml", ".yml", ".json"),
    "rag": (".yaml", ".yml", ".json"),
}
#: Endings of what people write prompts in, and no library reads.
_OTHERS = (".txt", ".prompt", ".prompty", ".jinja", ".jinja2", ".j2", ".toml")
#: What a folder is explained in, for people.
_README = "readme"
#: Parts between slashes; none is hidden, none leads up or to another drive.
NAME = re.compile(r"(?:(?!\.)[^/\\:\x00-\x1f\x7f\ud800-\udfff]+/)*(?!\.)[^/\\:\x00-\x1f\x7f\ud800-\udfff]+")


def is_entry_file(file: str, kind: Kind) -> bool:
    """Whether a file of that name in the folder of a kind is an entry: by its ending, and no README about the folder."""
    stem, dot, ending = file.rpartition(".")
    return dot + ending in SUFFIXES[kind] and not file.startswith(".") and stem.lower() != _README


def entry_of(path: str) -> tuple[Kind, str] | None:
    """The kind and name of the file at a path below the library's folder; None for a file that is no entry."""
    pure = PurePosixPath(path)
    kind = next((each for each in KINDS if len(pure.parts) > 1 and pure.parts[0] == each), None)
    if kind is None or not is_entry_file(pure.name, kind) or any(part.startswith(".") for part in pure.parts):
        return None
    name = pure.relative_to(kind).with_suffix("").as_posix()
    return (kind, name) if NAME.fullmatch(name) else None


def stray_of(path: str) -> str | None:
    """Why the file at a path below the library's folder is no entry, where somebody probably means it to be one."""
    pure = PurePosixPath(path)
    kind = next((each for each in KINDS if len(pure.parts) > 1 and pure.parts[0] == each), None)
    ending = pure.suffix.lower()
    if any(part.startswith(".") for part in pure.parts) or pure.stem.lower() == _README:
        return None
    if kind is None:
        alone = len(pure.parts) == 1 and ending in SUFFIXES["rag"] and path != TESTS_FILE
        return f"It is not read: prompts lie in {', '.join(f'{each}/' for each in KINDS)}." if alone else None
    if pure.suffix in SUFFIXES[kind]:
        name = pure.relative_to(kind).with_suffix("").as_posix()
        return None if NAME.fullmatch(name) else f"A prompt cannot be called {name!r}. Rename the file."
    if ending in SUFFIXES[kind]:
        return f"It is not read: write its ending {pure.suffix!r} as {ending!r}."
    if ending in (*SUFFIXES["user"], *_OTHERS):
        return f"It is not read: what lies in {kind}/ ends in {', '.join(SUFFIXES[kind])}."
    return None
