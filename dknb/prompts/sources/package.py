"""A prompt library in an installed package."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import PurePosixPath

from ...errors import PromptError, PromptFileError
from .._disk import MAX_BYTES, too_long
from ..layout import entry_of
from ..types import KINDS
from .stored import MAX_TOTAL, StoredPromptLibrary

__all__ = ["PackagePromptLibrary"]

_DEPTH = 20


class PackagePromptLibrary(StoredPromptLibrary):
    """The prompts that an installed package brings, wherever it is installed: in a folder or in a zip file.

    They lie in the folders ``system/``, ``user/``, ``messages/`` and ``rag/`` of the package, or of ``prompts/`` in it.
    They are read once; ``reload()`` reads them again.

    Args:
        name: The package, and after a slash a folder in it: ``acme_prompts``, ``acme.texts/mail``.

    Raises:
        PromptError: There is no such package, it cannot be imported, or it has no such folder.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"package:{name}")
        self._name = name
        self._root = _folder(name)

    def read_files(self) -> dict[str, bytes | str]:
        """The files that are entries or look like some, by their path in the folder; of one that is not read, why.

        Raises:
            PromptFileError: They are too much.
        """
        found: dict[str, bytes | str] = {}
        total = 0
        for path, file in _files(self._root):
            found[path] = _read(file) if entry_of(path) is not None else b""
            total += len(found[path])
            if total > MAX_TOTAL:
                raise PromptFileError("It holds more than a library may.", file=self._label)
        return found

    def __repr__(self) -> str:
        return f"PackagePromptLibrary({self._name!r})"


def _folder(name: str) -> Traversable:
    """The folder that holds the folders of the kinds."""
    package, _, inside = name.partition("/")
    parts = PurePosixPath(inside).parts
    if not all(part.isidentifier() for part in package.split(".")) or ".." in parts or inside.startswith("/"):
        raise PromptError(f"{name!r} names no package.", hint="For example  acme_prompts  or  acme.texts/mail")
    root = _package(package)
    for part in parts:
        root = root / part
    if not root.is_dir():
        raise PromptError(f"The package {package!r} has no folder {inside!r}.")
    below = root / "prompts"
    return root if any((root / kind).is_dir() for kind in KINDS) or not below.is_dir() else below


def _package(name: str) -> Traversable:
    try:
        _refuse_modules(name)
        return resources.files(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise PromptError(
                f"There is no package {name!r}.", hint="Install it in the kernel's environment."
            ) from error
        raise PromptError(f"The package {name!r} cannot be imported: {error}.") from error
    except PromptError:
        raise
    except Exception as error:  # whatever its code raises
        raise PromptError(f"The package {name!r} cannot be imported: {type(error).__name__}: {error}.") from error


def _refuse_modules(name: str) -> None:
    """Refuse what is no package, before any of its code runs.

    Raises:
        PromptError: It, or what it should lie in, is a module.
        ModuleNotFoundError: It is not there.
    """
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        module = ".".join(parts[:count])
        spec = find_spec(module)  # which imports what lies above it: packages, as the turns before found
        if spec is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        if spec.submodule_search_locations is None:
            raise PromptError(f"{module!r} is a module, not a package: it can hold no prompts.")


def _read(file: Traversable) -> bytes | str:
    try:
        data = file.read_bytes()
    except OSError as error:
        return f"It cannot be read: {error}."
    return data if len(data) <= MAX_BYTES else str(too_long(""))


def _files(root: Traversable) -> Iterator[tuple[str, Traversable]]:
    waiting: list[tuple[str, Traversable]] = [(kind, root / kind) for kind in KINDS]
    while waiting:
        path, item = waiting.pop()
        if item.is_file():
            yield path, item
        elif item.is_dir() and path.count("/") < _DEPTH:
            waiting += [(f"{path}/{child.name}", child) for child in item.iterdir()]
