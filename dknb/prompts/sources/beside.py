"""What lies in the folder of a library and is no entry of it, though somebody probably means it to be one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ...errors import PromptFileError, did_you_mean
from .._disk import printable, shown
from ..checking.problems import Problem
from ..layout import TESTS_FILE, entry_of, stray_of
from ..types import KINDS

__all__ = ["folder_problems", "name_problems"]


def folder_problems(top: Path) -> Iterator[Problem]:
    """What is wrong beside the entries of a folder: names that none is found by, and tests that cannot be read."""
    yield from _misnamed(top)
    yield from name_problems(_files(top), lambda path: shown(top / path))
    for kind in KINDS:
        for folder, folders, _ in os.walk(top / kind):
            for link in sorted(path for name in folders if (path := Path(folder, name)).is_symlink()):
                yield Problem("Folders behind a link are not read.", file=shown(link))
    yield from _broken_tests(top / TESTS_FILE)


def name_problems(paths: Iterable[str], call: Callable[[str], str] = printable) -> Iterator[Problem]:
    """Files that look like entries and are none, and names that mean something else; paths are below the library's folder.

    ``call`` gives what messages call a file.
    """
    for path in paths:
        if (told := stray_of(path)) is not None:
            yield Problem(told, file=call(path), severity="error" if "/" in path else "warning")
        elif (entry := entry_of(path)) is not None and "@" in entry[1]:
            message = "Behind an '@' in a name stands a version; in a library with versions this one is not found."
            yield Problem(message, file=call(path), kind=entry[0], name=entry[1], severity="warning", hint="Rename it.")


def _files(top: Path) -> Iterator[str]:
    """The paths of all files in the folder itself and in those of the kinds."""
    for folder in (top, *(top / kind for kind in KINDS)):
        for where, folders, files in os.walk(folder):
            folders[:] = [] if folder == top else sorted(name for name in folders if not name.startswith("."))
            below = where[len(str(top)) + 1 :].replace(os.sep, "/")
            yield from (f"{below}/{name}" if below else name for name in sorted(files))


def _misnamed(top: Path) -> Iterator[Problem]:
    """Folders whose name is nearly that of a kind."""
    for folder in sorted(top.iterdir()) if top.is_dir() else ():
        known = folder.name in KINDS or folder.name.startswith(".")
        if not known and folder.is_dir() and (near := did_you_mean(folder.name, KINDS)):
            yield Problem(f"Prompts in this folder are not found.{near}", file=shown(folder))


def _broken_tests(file: Path) -> Iterator[Problem]:
    from ..testing.cases import read_well_formed  # only here: a library needs no tests

    if not file.is_file():
        return
    try:
        broken = read_well_formed(file)[1]
    except PromptFileError as error:
        broken = [error]
    for each in broken:
        place = (each.line, each.column or 1) if each.line is not None else None
        yield Problem(each.message, file=each.file or shown(file), place=place, hint=each.hint)
