"""``import_prompts``: from files of other systems to prompts, and into a library."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from ...errors import PromptError, PromptFileError
from .. import _yaml
from .._disk import read_text, replace_text, shown
from ..checking.editor import schema_line, without_line, write_schema
from ..fields import READERS
from ..filesystem import FileSystemPromptLibrary
from ..layout import NAME, is_entry_file
from ..library import checked
from .dotprompt import read_dotprompt
from .imported import ImportedPrompt, ImportedPrompts
from .prompty import read_prompty
from .table import read_table

__all__ = ["import_prompts"]

_READERS: dict[str, Callable[[str, str], Sequence[ImportedPrompt | PromptFileError]]] = {
    ".prompt": lambda text, file: [read_dotprompt(text, file)],
    ".prompty": lambda text, file: [read_prompty(text, file)],
    ".csv": read_table,
    ".tsv": read_table,
}


def import_prompts(path: str | Path, into: str | Path | FileSystemPromptLibrary | None = None) -> ImportedPrompts:
    """Read prompts of other systems, and write them into a library if one is given.

    What cannot be imported, a row or a file, is skipped and told. A file of the library that is there with another
    content is not replaced; nothing is written then.

    Args:
        path: A dotprompt (``.prompt``), Prompty (``.prompty``), CSV or TSV file, or a folder of such.
        into: The folder of the library, or the library.

    Returns:
        The prompts; its attribute ``skipped`` has the errors of those that are none.

    Raises:
        PromptFileError: All are skipped: the first of their errors. Or a file of the library is in the way.
        PromptError: There is nothing to import.
    """
    top = Path(path).expanduser()
    files = sorted(each for each in top.rglob("*") if each.suffix in _READERS) if top.is_dir() else [top]
    found = ImportedPrompts()
    places: dict[tuple[str, str], ImportedPrompt] = {}
    for each in (each for file in files for each in _read(file, top)):
        if isinstance(each, PromptError):
            found.skipped.append(each)
        elif (twin := places.setdefault((each.kind, each.name), each)) is not each:
            message = f"The prompt of {twin.source} is called {each.name!r} already."
            found.skipped.append(PromptFileError(message, file=each.source))
        else:
            found.append(each)
    if not found:
        if found.skipped:
            raise found.skipped[0]
        raise PromptError(f"There is nothing to import in {shown(top)}.", hint=f"Known endings: {', '.join(_READERS)}")
    if into is not None:
        _write(
            found, into.prompt_dir if isinstance(into, FileSystemPromptLibrary) else Path(into).expanduser().absolute()
        )
    return found


def _read(file: Path, top: Path) -> Iterator[ImportedPrompt | PromptError]:
    """The prompts of a file, and errors in place of those that are none."""
    if file.suffix not in _READERS:
        raise PromptError(f"{shown(file)} cannot be imported.", hint=f"Known endings: {', '.join(_READERS)}")
    try:
        read = _READERS[file.suffix](read_text(file), shown(file))
    except PromptError as error:
        yield error
        return
    for each in read:
        try:
            yield each if isinstance(each, PromptError) else _checked(_named(each, file, top))
        except PromptError as error:
            yield error


def _checked(prompt: ImportedPrompt) -> ImportedPrompt:
    checked(READERS[prompt.kind], prompt.data, prompt.source)
    return prompt


def _named(prompt: ImportedPrompt, file: Path, top: Path) -> ImportedPrompt:
    """The prompt, with the folder that it lies in as part of its name."""
    folder = file.parent.relative_to(top).as_posix() if top.is_dir() else "."
    name = prompt.name if folder == "." else f"{folder}/{prompt.name}"
    if not NAME.fullmatch(name) or not is_entry_file(f"{PurePosixPath(name).name}.yaml", prompt.kind):
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
