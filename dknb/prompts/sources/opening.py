"""From what people write to the library that it means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import PromptError
from ..composite import CompositePromptLibrary
from ..filesystem import FileSystemPromptLibrary
from ..library import AbstractPromptLibrary
from .archive import ZipPromptLibrary
from .package import PackagePromptLibrary

__all__ = ["LibrarySpec", "open_library"]

LibrarySpec = str | Path | AbstractPromptLibrary
_PACKAGE = "package:"


def open_library(spec: LibrarySpec | Sequence[LibrarySpec], root: Path | None = None) -> AbstractPromptLibrary:
    """The library that ``spec`` means.

    Args:
        spec: A folder, a ``.zip`` file, ``package:NAME`` (an installed package, ``package:NAME/folder``), a library, or
            a list of such: the first that has a name gives it.
        root: The folder that paths are relative to; the working directory if it is not given.

    Raises:
        PromptError: There is no such package or archive, or the list is empty.
    """
    if isinstance(spec, AbstractPromptLibrary):
        return spec
    if isinstance(spec, str | Path):
        return _open_one(spec, root)
    if not spec:
        raise PromptError("A list of prompt libraries must name one at least.")
    libraries = [open_library(each, root) for each in spec]
    return libraries[0] if len(libraries) == 1 else CompositePromptLibrary(libraries)


def _open_one(spec: str | Path, root: Path | None) -> AbstractPromptLibrary:
    if isinstance(spec, str) and spec.startswith(_PACKAGE):
        return PackagePromptLibrary(spec.removeprefix(_PACKAGE))
    path = (root or Path()) / Path(spec).expanduser()
    return (
        ZipPromptLibrary(path) if path.suffix.lower() == ".zip" and not path.is_dir() else FileSystemPromptLibrary(path)
    )
