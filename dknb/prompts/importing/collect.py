"""``import_prompts``: from files of other systems to prompts, and into a library."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ...errors import PromptError, PromptFileError
from .. import _yaml
from .._disk import read_text, replace_text, shown
from ..checking.editor import schema_line, without_line, write_schema
from ..fields import READERS
from ..filesystem import FileSystemPromptLibrary
from ..layout import NAME
from ..library import checked
from .dotprompt import read_dotprompt
from .imported import ImportedPrompt
from .prompty import read_prompty
from .table import read_table

__all__ = ["import_prompts"]

_READERS: dict[str, Callable[[str, str], list[ImportedPrompt]]] = {
    ".prompt": lambda text, file: [read_dotprompt(text, file)],
    ".prompty": lambda text, file: [read_prompty(text, file)],
    ".csv": read_table,
    ".tsv": read_table,
}


def import_prompts(path: str | Path, into: str | Path | FileSystemPromptLibrary | None = None) -> list[ImportedPrompt]:
    """Read prompts of other systems, and write them into a library if one is given.

    Nothing is written unless all can be; a file that is there with another content is not replaced.

    Args:
        path: A dotprompt (``.prompt``), Prompty (``.prompty``), CSV or TSV file, or a folder of such.
        into: The folder of the library, or the library.

    Raises:
        PromptFileError: A file cannot be read, has what cannot be said the same way here, or is in the way.
        PromptError: There is nothing to import.
    """
    top = Path(path).expanduser()
    files = sorted(each for each in top.rglob("*") if each.suffix in _READERS) if top.is_dir() else [top]
    found: list[ImportedPrompt] = []
    for file in files:
        if file.suffix not in _READERS:
            raise PromptError(f"{shown(file)} cannot be imported.", hint=f"Known endings: {', '.join(_READERS)}")
        found += [_named(each, file, top) for each in _READERS[file.suffix](read_text(file), shown(file))]
    if not found:
        raise PromptError(f"There is nothing to import in {shown(top)}.", hint=f"Known endings: {', '.join(_READERS)}")
    for each in found:
        checked(READERS[each.kind], each.data, each.source)
    if into is not None:
        _write(
            found, into.prompt_dir if isinstance(into, FileSystemPromptLibrary) else Path(into).expanduser().absolute()
        )
    return found


def _named(prompt: ImportedPrompt, file: Path, top: Path) -> ImportedPrompt:
    """The prompt, with the folder that it lies in as part of its name."""
    folder = file.parent.relative_to(top).as_posix() if top.is_dir() else "."
    name = prompt.name if folder == "." else f"{folder}/{prompt.name}"
    if not NAME.fullmatch(name):
        raise PromptFileError(f"A prompt cannot be called {name!r}.", file=prompt.source, hint="Rename it there.")
    return ImportedPrompt(name, prompt.kind, prompt.data, prompt.source, prompt.notes)


def _write(prompts: list[ImportedPrompt], library: Path) -> None:
    texts: dict[Path, tuple[ImportedPrompt, str]] = {}
    for prompt in prompts:
        path = library / prompt.kind / f"{prompt.name}.yaml"
        text = _yaml.dump(prompt.data)
        if not Path(os.path.normpath(path)).is_relative_to(library) or path in texts:
            raise PromptFileError(f"Two prompts are called {prompt.name!r}.", file=prompt.source)
        if path.exists() and without_line(read_text(path)) != text:
            raise PromptFileError(f"{shown(path)} is there already.", file=prompt.source, hint="Rename or delete it.")
        texts[path] = (prompt, text)
    for path, (prompt, text) in texts.items():
        replace_text(path, schema_line(prompt.kind, path, library) + text)
        write_schema(prompt.kind, library)
