"""What makes an editor complete and check prompt files while one types: the schemas beside them, and a line that says so.

The schemas are copied into the library's folder ``.schemas``, so that the line can name them by a relative path: that
works without a network, in a clone of somebody else, and with the version of dknb that wrote the files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from .._disk import read_text, replace_text
from ..layout import is_entry_file
from ..types import KINDS, Kind
from .schema import SCHEMA_FILES, schema_text

__all__ = ["link_schemas", "schema_line", "without_line", "write_schema"]

_FOLDER = ".schemas"
_LINE = re.compile(r"# yaml-language-server: [^\n]*\n")
_FRONT = re.compile(r"---[ \t]*\n")


def schema_line(kind: Kind, path: Path, library: Path) -> str:
    """The first line of a YAML file, for the language server that most editors use."""
    schema = Path(os.path.relpath(library / _FOLDER / SCHEMA_FILES[kind], path.parent)).as_posix()
    return f"# yaml-language-server: $schema={schema}\n"


def without_line(text: str) -> str:
    """The text of a YAML file without that line."""
    found = _LINE.match(text)
    return text[found.end() :] if found else text


def write_schema(kind: Kind, library: Path) -> None:
    """Put the schema of that kind of file into the library's folder, if it is not there as it should be.

    Raises:
        PromptFileError: It cannot be written.
    """
    path = library / _FOLDER / SCHEMA_FILES[kind]
    if not path.is_file() or read_text(path) != schema_text(kind):
        replace_text(path, schema_text(kind))


def link_schemas(library: Path) -> list[Path]:
    """Give each YAML and Markdown file of a library the line that names its schema; the files that were changed.

    JSON files are left alone: there the key ``$schema`` does it.

    Raises:
        PromptFileError: A file cannot be read or written.
    """
    changed = []
    for kind in KINDS:
        files = sorted(
            path for path in (library / kind).rglob("*") if path.is_file() and is_entry_file(path.name, kind)
        )
        for path in files:
            text = read_text(path)
            linked = _linked(text, path.suffix, schema_line(kind, path, library))
            if linked != text:
                replace_text(path, linked)
                changed.append(path)
        if files:
            write_schema(kind, library)
    return changed


def _linked(text: str, suffix: str, line: str) -> str:
    if suffix == ".json":
        return text
    front = _FRONT.match(text) if suffix == ".md" else None
    if suffix == ".md" and front is None:
        return text
    start = front.end() if front is not None else 0
    return text[:start] + line + without_line(text[start:])
