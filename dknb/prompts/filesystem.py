"""A prompt library in a folder."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import PromptError, PromptFileError
from ._disk import read_text, replace_text, shown
from .checking.editor import schema_line, without_line, write_schema
from .checking.problems import Problem, Source
from .files import dump_file, parse_file_text
from .layout import NAME, SUFFIXES, is_entry_file
from .library import AbstractPromptLibrary, BasePromptLibrary
from .sources.beside import folder_problems
from .sources.standing import Signature, Standing, is_settled, settled_folder, signature_of
from .types import KINDS, Entry, Kind, PromptTemplateDict, PromptType

__all__ = ["FileSystemPromptLibrary"]

# Errors of the file system that mean that there can be no such file.
_NO_SUCH_FILE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL}


@dataclass(frozen=True)
class _Reading:
    """A file as it was when it was read."""

    signature: Signature
    settled: bool
    text: str
    entry: Entry | None


class FileSystemPromptLibrary(BasePromptLibrary):
    """The prompts in a folder: one file each in ``system/``, ``user/``, ``messages/`` and ``rag/``.

    A file is YAML, JSON or, for prompts, Markdown with front matter; a sub-folder is part of the name
    (``user/mail/reply.yaml`` is ``mail/reply``). Files are parsed when they are asked for, and again when they changed.
    A folder that does not exist is an empty library.

    Attributes:
        prompt_dir: The folder, in full.

    Raises:
        PromptFileError: The path is a file.
    """

    def __init__(self, prompt_dir: str | Path) -> None:
        self.prompt_dir = Path(prompt_dir).expanduser().absolute()
        if self.prompt_dir.exists() and not self.prompt_dir.is_dir():
            raise PromptFileError(
                f"{shown(self.prompt_dir)} is a file, not a folder of prompts.",
                hint="Give the folder that holds system/ and user/.",
            )
        self._readings: dict[Path, _Reading] = {}
        self._standing: dict[tuple[Kind, str], Standing[Entry | None]] = {}
        self._seen: dict[tuple[Kind, str], Signature] | None = None

    def names(self, kind: Kind) -> list[str]:
        """The names of that kind, sorted; files that are broken are among them.

        Raises:
            PromptFileError: A folder cannot be read.
        """
        return sorted({name for name, _ in self._files(kind) if NAME.fullmatch(name)})

    def entry(self, kind: Kind, name: str) -> Entry | None:
        """What the file of that name holds, for reading only: the same object as long as the file is the same.

        Raises:
            PromptFileError: The file is broken, leads out of the library, or two files have that name.
        """
        standing = self._standing.get((kind, name))
        if standing is not None and standing.holds():
            return standing.value
        self._watched()
        folder = settled_folder((self.prompt_dir / kind / name).parent) if NAME.fullmatch(name) else None
        found = self._find(kind, name)
        if found is None:
            return None
        reading = self._read(kind, *found)
        if folder is not None and reading.settled:
            self._standing[kind, name] = Standing(reading.entry, str(found[0]), reading.signature, folder)
        return reading.entry

    def find_file(self, kind: Kind, name: str) -> Path | None:
        """The file of that name; None when there is none.

        Raises:
            PromptFileError: Two files have that name.
        """
        found = self._find(kind, name)
        return found[0] if found is not None else None

    def reload(self) -> None:
        """Forget what was read; the next call reads it again."""
        self._readings.clear()
        self._standing.clear()

    def source(self, kind: Kind, name: str) -> Source | None:
        """The file of an entry as it is now.

        Raises:
            PromptFileError: It cannot be read, leads out of the library, or two files have that name.
        """
        found = self._find(kind, name)
        if found is None:
            self._refuse_odd(kind, name)
            return None
        path = found[0]
        self._check_inside(path)
        return Source(shown(path), path.suffix, read_text(path))

    def problems(self, lookup: AbstractPromptLibrary) -> list[Problem]:
        """What is wrong in the files and beside them."""
        return [*folder_problems(self.prompt_dir), *super().problems(lookup)]

    def save(self, kind: PromptType, name: str, prompt: PromptTemplateDict) -> Path:
        """Write a prompt to its file, which is replaced whole, and return the file's path.

        A new file is YAML; one that is there keeps its format.
        A file that changed on disk since this library read or wrote it is not replaced: the first ``save`` refuses,
        so that nobody's edit is lost unseen, and the next one goes through.

        Raises:
            PromptError: The name leads nowhere in the folder, or a value fits into no file.
            PromptFileError: The file changed, holds what a prompt alone would overwrite, or cannot be written.
        """
        if kind not in ("system", "user"):
            raise PromptError(f"Prompts are saved as 'system' or 'user', not as {kind!r}.")
        if not NAME.fullmatch(name) or not self._paths(kind, name):
            raise PromptError(
                f"A prompt cannot be saved as {name!r}.",
                hint="Use letters, digits, '-' and '_'; a slash puts it into a folder: mail/reply. A README is no prompt.",
            )
        found = self._find(kind, name)
        path = found[0] if found is not None else self.prompt_dir / kind / f"{name}.yaml"
        self._check_inside(path)
        text = dump_file(prompt, path.suffix, read_text(path) if found is not None else "")
        if found is None or not self._holds(kind, *found, text):
            is_yaml = path.suffix in (".yaml", ".yml")
            replace_text(path.resolve(), (schema_line(kind, path, self.prompt_dir) if is_yaml else "") + text)
            with contextlib.suppress(PromptFileError):  # only an editor misses it
                write_schema(kind, self.prompt_dir)
            self.entry(kind, name)
            self._watched()[kind, name] = signature_of(path.stat())
        return path

    def changes(self) -> list[str]:
        """The names whose files were added, changed or removed since this was last asked, or since the first use.

        What this library itself saved is not among them.
        """
        before = self._watched()
        self._seen = now = self._signatures()
        keys = [key for key in before.keys() | now.keys() if before.get(key) != now.get(key)]
        return sorted({name for _, name in keys})

    def _holds(self, kind: Kind, path: Path, status: os.stat_result, text: str) -> bool:
        """Whether the file has this text already; refuse when writing would lose something."""
        before = self._readings.get(path)
        now = self._read(kind, path, status)
        if isinstance(now.entry, tuple) and len(now.entry) > 1:
            raise PromptFileError(
                f"{shown(path)} holds {len(now.entry)} variants, which one prompt would replace.",
                hint="Edit the file, or save under another name.",
            )
        if before is not None and without_line(now.text) not in (without_line(before.text), text):
            raise PromptFileError(
                f"{shown(path)} changed on disk since it was read here; it is not replaced.",
                hint="Look at the file. Save once more to replace it with this prompt.",
            )
        return without_line(now.text) == text

    def _find(self, kind: Kind, name: str) -> tuple[Path, os.stat_result] | None:
        if not NAME.fullmatch(name):
            return None
        hits = [(path, status) for path in self._paths(kind, name) if (status := _status(path)) is not None]
        if len(hits) > 1:
            files = " and ".join(shown(path) for path, _ in hits)
            message = f"Two files have the name {name!r}: {files}."
            raise PromptFileError(message, file=shown(hits[0][0]), hint="Delete or rename one of them.")
        return hits[0] if hits else None

    def _paths(self, kind: Kind, name: str) -> list[Path]:
        paths = (self.prompt_dir / kind / (name + suffix) for suffix in SUFFIXES[kind])
        return [path for path in paths if is_entry_file(path.name, kind)]

    def _refuse_odd(self, kind: Kind, name: str) -> None:
        """Refuse what has the name of a file and is none."""
        for path in self._paths(kind, name):
            if NAME.fullmatch(name) and os.path.lexists(path):
                what = "a link that leads nowhere" if path.is_symlink() else "no file: a folder, a pipe or a device"
                raise PromptFileError(f"It is {what}.", file=shown(path), hint="Put the file itself there.")

    def _read(self, kind: Kind, path: Path, status: os.stat_result) -> _Reading:
        signature = signature_of(status)
        known = self._readings.get(path)
        if known is not None and known.settled and known.signature == signature:
            return known
        self._check_inside(path)
        settled = is_settled(status)
        text = read_text(path)
        if known is not None and known.text == text and known.entry is not None:
            entry = known.entry
        else:
            # Kept before it is parsed: whoever was told that it is broken has seen this text.
            self._readings[path] = _Reading(signature, False, text, None)
            entry = parse_file_text(kind, text, suffix=path.suffix, source_name=shown(path))
        reading = self._readings[path] = _Reading(signature, settled, text, entry)
        return reading

    def _watched(self) -> dict[tuple[Kind, str], Signature]:
        """The files as they were when ``changes`` was last asked, or at first use."""
        if self._seen is None:
            self._seen = self._signatures()
        return self._seen

    def _signatures(self) -> dict[tuple[Kind, str], Signature]:
        found: dict[tuple[Kind, str], Signature] = {}
        for kind in KINDS:
            with contextlib.suppress(PromptFileError):  # whoever lists the names meets the same error
                for name, path in self._files(kind):
                    with contextlib.suppress(OSError):  # it is gone again, or a link that leads nowhere
                        found[kind, name] = signature_of(os.stat(path))  # noqa: PTH116 - of thousands, quickly
        return found

    def _check_inside(self, path: Path) -> None:
        if not path.resolve().is_relative_to(self.prompt_dir.resolve()):
            raise PromptFileError(
                f"{shown(path)} leads out of the library's folder.", hint="Put the file itself there, not a link."
            )

    def _files(self, kind: Kind) -> Iterator[tuple[str, str]]:
        """Name and path of each file that is not hidden and has a suffix of that kind."""
        top = str(self.prompt_dir / kind)
        for folder, folders, files in os.walk(top, onerror=_refuse_unless_missing):
            folders[:] = [name for name in folders if not name.startswith(".")]
            below = folder[len(top) + 1 :].replace(os.sep, "/")
            for file in files:
                if is_entry_file(file, kind):
                    stem = file.rpartition(".")[0]
                    yield f"{below}/{stem}" if below else stem, f"{folder}{os.sep}{file}"

    def __repr__(self) -> str:
        return f"FileSystemPromptLibrary({shown(self.prompt_dir)!r})"


def _status(path: Path) -> os.stat_result | None:
    try:
        status = path.stat()
    except OSError as error:
        if error.errno in _NO_SUCH_FILE:
            return None
        raise PromptFileError(f"{shown(path)} cannot be read: {error.strerror or error}.") from error
    return status if stat.S_ISREG(status.st_mode) else None


def _refuse_unless_missing(error: OSError) -> None:
    if error.errno != errno.ENOENT:
        raise PromptFileError(f"{shown(Path(error.filename))} cannot be read: {error.strerror}.") from error
