"""Libraries that are read whole and parsed at use: what has no folder that one could look into cheaply."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ...errors import PromptFileError
from .._disk import decoded, printable
from ..checking.problems import Problem, Source
from ..files import parse_file_text
from ..layout import entry_of
from ..library import AbstractPromptLibrary, BasePromptLibrary
from ..types import KINDS, Entry, Kind
from .beside import name_problems

__all__ = ["StoredPromptLibrary"]

#: Bytes that all files of such a library may have together: it is held in memory.
MAX_TOTAL = 100_000_000


@dataclass(frozen=True)
class _File:
    """A file of the library: its path in it, and what it holds, or why it is not read."""

    path: str
    data: bytes | str


class StoredPromptLibrary(BasePromptLibrary):
    """A library whose files are all read when it is first used, and parsed one by one when they are asked for.

    Its files lie as in a folder: ``user/mail/reply.yaml`` is the user prompt ``mail/reply``.

    Args:
        label: What messages call the place that the files are in.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._files: dict[tuple[Kind, str], list[_File]] | None = None
        self._seen: dict[tuple[Kind, str], list[_File]] | None = None
        self._others: list[_File] = []
        self._top = ""
        self._entries: dict[tuple[Kind, str], Entry] = {}

    @abstractmethod
    def read_files(self) -> Mapping[str, bytes | str]:
        """All files, by their path from the library's top; of one that is not read, a sentence that says why.

        Raises:
            PromptFileError: None of them can be read.
        """

    def refresh(self) -> None:
        """Called before each use; a library that can tell that its files are others forgets what it read."""

    def names(self, kind: Kind) -> list[str]:
        """The names of that kind, sorted; entries that are broken are among them."""
        return sorted(name for each, name in self._all() if each == kind)

    def entry(self, kind: Kind, name: str) -> Entry | None:
        """What is stored under a name, for reading only.

        Raises:
            PromptFileError: It is broken, or two files have that name.
        """
        files = self._all()
        if (kind, name) not in self._entries:
            source = self._source(files, kind, name)
            if source is None:
                return None
            self._entries[kind, name] = parse_file_text(
                kind, source.text, suffix=source.suffix, source_name=source.file
            )
        return self._entries[kind, name]

    def source(self, kind: Kind, name: str) -> Source | None:
        """The file of an entry.

        Raises:
            PromptFileError: It is not UTF-8 or not read, or two files have that name.
        """
        return self._source(self._all(), kind, name)

    def reload(self) -> None:
        """Forget what was read; the next call reads it again."""
        self._files = None
        self._entries = {}

    def changes(self) -> list[str]:
        """The names whose files were added, changed or removed since this was last asked, or since the first use."""
        before, now = self._seen, None
        with suppress(PromptFileError):  # whoever uses the library meets the same error
            now = self._all()
        if before is None or now is None or before is now:
            return []
        self._seen = now
        return sorted(
            {name for kind, name in before.keys() | now.keys() if before.get((kind, name)) != now.get((kind, name))}
        )

    def problems(self, lookup: AbstractPromptLibrary) -> list[Problem]:
        """What is wrong in the files, and beside them."""
        found = super().problems(lookup)
        beside = [
            Problem(each.data, file=self._called(each.path)) for each in self._others if isinstance(each.data, str)
        ]
        files = [*self._others, *(each for files in (self._files or {}).values() for each in files)]
        inside = (each.path.removeprefix(self._top) for each in files if isinstance(each.data, bytes))
        return [*beside, *name_problems(inside, lambda path: self._called(self._top + path)), *found]

    def _called(self, path: str) -> str:
        return f"{self._label}/{printable(path)}"

    def _source(self, files: Mapping[tuple[Kind, str], list[_File]], kind: Kind, name: str) -> Source | None:
        found = files.get((kind, name), [])
        if len(found) > 1:
            paths = " and ".join(file.path for file in found)
            raise PromptFileError(
                f"Two files have the name {name!r}: {paths}.", file=self._label, hint="Delete or rename one of them."
            )
        if not found:
            return None
        label, data = self._called(found[0].path), found[0].data
        if isinstance(data, str):
            raise PromptFileError(data, file=label)
        return Source(label, "." + found[0].path.rpartition(".")[2], decoded(data, label))

    def _all(self) -> dict[tuple[Kind, str], list[_File]]:
        self.refresh()
        if self._files is None:
            read = self.read_files()
            top = self._top = _top(read)
            files: dict[tuple[Kind, str], list[_File]] = {}
            others: list[_File] = []
            for path in sorted(read):
                key = entry_of(path[len(top) :]) if path.startswith(top) else None
                (others if key is None else files.setdefault(key, [])).append(_File(path, read[path]))
            self._files, self._others, self._entries = files, others, {}
            self._seen = self._seen if self._seen is not None else files
        return self._files


def _top(paths: Iterable[str]) -> str:
    """The folder that holds the folders of the kinds: the top, or the only folder there that does."""
    starts = {path.split("/")[0] for path in paths if "/" in path}
    if starts & set(KINDS):
        return ""
    holders = {path.split("/")[0] for path in paths if path.count("/") > 1 and path.split("/")[1] in KINDS}
    return holders.pop() + "/" if len(holders) == 1 else ""
