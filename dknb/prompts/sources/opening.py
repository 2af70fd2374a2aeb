"""From what people write to the library that it means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import PromptError
from .._disk import shown
from ..composite import CompositePromptLibrary
from ..filesystem import FileSystemPromptLibrary
from ..library import AbstractPromptLibrary
from .archive import ZipPromptLibrary
from .package import PackagePromptLibrary

__all__ = ["LibrarySpec", "open_library"]

LibrarySpec = str | Path | AbstractPromptLibrary
_PACKAGE = "package:"
_WANTED = "Give a folder ('.' for this one), a .zip file, 'package:NAME', or a library."


def open_library(spec: LibrarySpec | Sequence[LibrarySpec], root: Path | None = None) -> AbstractPromptLibrary:
    """The library that ``spec`` means.

    Args:
        spec: A folder, a ``.zip`` file, ``package:NAME`` (an installed package, ``package:NAME/folder``), a library, or
            a list of such: the first that has a name gives it.
        root: The folder that paths are relative to, as a project's are; there a folder may be missing, which its first
            prompt makes. If it is not given, they are relative to the working directory and must be there.

    Raises:
        PromptError: There is no such folder, package or archive, the list is empty, or it is nothing that names a library.
    """
    if isinstance(spec, AbstractPromptLibrary):
        return spec
    if isinstance(spec, str | Path):
        return _open_one(spec, root)
    if not isinstance(spec, Sequence):
        raise PromptError(f"{spec!r} names no prompt library.", hint=_WANTED)
    if not spec:
        raise PromptError("A list of prompt libraries must name one at least.")
    libraries = [open_library(each, root) for each in spec]
    return libraries[0] if len(libraries) == 1 else CompositePromptLibrary(libraries)


def _open_one(spec: str | Path, root: Path | None) -> AbstractPromptLibrary:
    if isinstance(spec, str) and spec.startswith(_PACKAGE):
        return PackagePromptLibrary(spec.removeprefix(_PACKAGE))
    if isinstance(spec, str) and (not spec.strip() or "://" in spec):
        raise PromptError(f"{spec!r} names no prompt library.", hint=_WANTED)
    path = (root or Path()) / Path(spec).expanduser()
    if path.suffix.lower() == ".zip" and not path.is_dir():
        return ZipPromptLibrary(path)
    if root is None and not path.exists():
        raise PromptError(f"There is no folder {shown(path.absolute())} of prompts.", hint=_WANTED)
    return FileSystemPromptLibrary(path)
