"""A prompt library in a zip file."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from ...errors import PromptFileError
from .._disk import MAX_BYTES, shown, too_long
from ..layout import entry_of
from .standing import Signature, signature_of
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

    def read_files(self) -> dict[str, bytes | str]:
        """The members that are entries or look like some, by name; of one that is not read, why.

        Raises:
            PromptFileError: It is no zip file, or it unpacks to too much.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                members = [each for each in archive.infolist() if not each.is_dir()]
                refused = {each.filename: why for each in members if (why := _refusal(each, archive)) is not None}
                wanted = [each for each in members if _may_be_entry(each.filename) and each.filename not in refused]
                if len(members) > _MAX_MEMBERS or sum(each.file_size for each in wanted) > MAX_TOTAL:
                    raise PromptFileError("It unpacks to more than a library may hold.", file=shown(self.path))
                beside = {each.filename: b"" for each in members if each.filename not in refused}
                return {**beside, **{each.filename: _read(archive, each) for each in wanted}, **refused}
        except _BROKEN as error:
            raise PromptFileError(f"It cannot be read as a zip file: {error}.", file=shown(self.path)) from error

    def refresh(self) -> None:
        """Forget what was read if the file is another."""
        if (current := self._current()) != self._signature:
            self.reload()
            self._signature = current

    def _current(self) -> Signature:
        try:
            status = self.path.stat()
        except OSError as error:
            raise PromptFileError(f"It cannot be read: {error.strerror or error}.", file=shown(self.path)) from error
        return signature_of(status)

    def __repr__(self) -> str:
        return f"ZipPromptLibrary({shown(self.path)!r})"


def _refusal(member: zipfile.ZipInfo, archive: zipfile.ZipFile) -> str | None:
    """Why a member is not read, whatever it holds."""
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in path.parts[0]:
        return f"The member {member.filename!r} leads out of the archive."
    if not _may_be_entry(member.filename):
        return None
    if archive.getinfo(member.filename) is not member:  # the last of its name is the one that is found by it
        return f"The member {member.filename!r} is there twice."
    return str(too_long("")) if member.file_size > MAX_BYTES else None


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | str:
    try:
        return archive.read(member)
    except _BROKEN as error:
        return f"It cannot be unpacked: {error}."


def _may_be_entry(path: str) -> bool:
    return entry_of(path) is not None or entry_of(path.partition("/")[2]) is not None
