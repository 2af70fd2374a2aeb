"""A prompt library in a zip file."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from ...errors import PromptFileError
from .._disk import MAX_BYTES, shown, too_long
from ..layout import entry_of
from .stored import MAX_TOTAL, StoredPromptLibrary

__all__ = ["ZipPromptLibrary"]

_MAX_MEMBERS = 100_000
_BROKEN = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError, OSError)


class ZipPromptLibrary(StoredPromptLibrary):
    """The prompts in a zip file, which is read in memory and never unpacked.

    Its files lie as in a folder, at its top or in the one folder there. When the file is another, it is read again.

    Attributes:
        path: The file, in full.

    Raises:
        PromptFileError: The file is not there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().absolute()
        super().__init__(shown(self.path))
        self._signature = self._current()

    def read_files(self) -> dict[str, bytes]:
        """The members that may be entries, by name.

        Raises:
            PromptFileError: It is no zip file, a member leads out of it, or it unpacks to too much.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                members = [each for each in archive.infolist() if not each.is_dir()]
                self._refuse_traps(members)
                return {each.filename: archive.read(each) for each in members if _may_be_entry(each.filename)}
        except _BROKEN as error:
            raise PromptFileError(f"It cannot be read as a zip file: {error}.", file=shown(self.path)) from error

    def refresh(self) -> None:
        """Forget what was read if the file is another."""
        if (current := self._current()) != self._signature:
            self.reload()
            self._signature = current

    def _current(self) -> tuple[int, int, int]:
        try:
            status = self.path.stat()
        except OSError as error:
            raise PromptFileError(f"It cannot be read: {error.strerror or error}.", file=shown(self.path)) from error
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _refuse_traps(self, members: list[zipfile.ZipInfo]) -> None:
        seen: set[str] = set()
        for member in members:
            path = PurePosixPath(member.filename)
            if path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in path.parts[0]:
                raise PromptFileError(
                    f"The member {member.filename!r} leads out of the archive.", file=shown(self.path)
                )
            if member.filename in seen:
                raise PromptFileError(f"The member {member.filename!r} is there twice.", file=shown(self.path))
            seen.add(member.filename)
        wanted = [member for member in members if _may_be_entry(member.filename)]
        if long := next((member for member in wanted if member.file_size > MAX_BYTES), None):
            raise too_long(f"{shown(self.path)}/{long.filename}")
        if len(members) > _MAX_MEMBERS or sum(member.file_size for member in wanted) > MAX_TOTAL:
            raise PromptFileError("It unpacks to more than a library may hold.", file=shown(self.path))

    def __repr__(self) -> str:
        return f"ZipPromptLibrary({shown(self.path)!r})"


def _may_be_entry(path: str) -> bool:
    return entry_of(path) is not None or entry_of(path.partition("/")[2]) is not None
