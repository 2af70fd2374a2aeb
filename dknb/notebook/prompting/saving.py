"""Writing a prompt to the library, so that nothing that was there is lost."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ...errors import DknbError, PromptError
from ..session import Session
from ..views.text import counted
from .finding import FoundPrompt
from .history import keep_version
from .losing import losses, tests_of
from .promoting import withdraw
from .source import whole_prompt

if TYPE_CHECKING:
    from ...prompts.filesystem import FileSystemPromptLibrary
    from ...prompts.types import PromptTemplateDict, PromptType

__all__ = ["check_saved_name", "save_prompt"]

#: What a line, a version (``NAME@1.2``) and every file system can name.
_NAME = re.compile(r"(?:\w[\w.-]*/)*\w[\w.-]*(?<!\.)")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def check_saved_name(name: str) -> None:
    """Refuse a name that a line could not say again, or that Windows has for a device.

    Raises:
        PromptError: It is such a name.
    """
    if not _NAME.fullmatch(name):
        raise PromptError(
            f"A prompt cannot be saved as {name!r}.",
            hint="Use letters, digits, '-', '_' and '.'; a slash puts it into a folder: mail/reply.",
        )
    if taken := [part for part in name.split("/") if _RESERVED.fullmatch(part)]:
        raise PromptError(
            f"A prompt cannot be saved as {name!r}: on Windows {taken[0]!r} is a device.", hint="Take another name."
        )


def save_prompt(session: Session, name: str, prompt: PromptTemplateDict, kind: PromptType = "user") -> str:
    """Write a prompt to the library; says where it lies, where what it replaced does, and what that had beside its text.

    Raises:
        PromptError: The name cannot be one, or the file cannot be written.
    """
    library = _folder(session)
    before = library.find_file(kind, name)
    if before is None:
        check_saved_name(name)
    replaced = library.find_prompt(name, kind) if before is not None else None
    old = before.read_bytes() if before is not None else None
    kept = _kept_aside(session, kind, name, before.suffix, old) if before is not None and old is not None else None
    try:
        path = library.save(kind, name, prompt)
    except BaseException:
        if kept is not None:
            kept.unlink(missing_ok=True)
        raise
    number = keep_version(session.versions, name, kind, replaced).version if replaced is not None else ""
    session.used_prompts[kind, name] = library.require_prompt(name, kind)
    said = f"saved as {session.shown(path)}, version {keep_version(session.versions, name, kind, prompt).version}"
    if (served := withdraw(session, name, kind)) is not None:
        said = f"{said}; it is used from now on, no longer version {served}"
    if kept is None:
        return said
    if old == path.read_bytes():
        kept.unlink(missing_ok=True)
        return said
    said = f"{said}; the file before is kept as {session.shown(kept)}"
    lost = _lost(session, FoundPrompt(name, kind, replaced), prompt, library.prompt_dir) if replaced is not None else ""
    return f"{said}\n{lost}  %prompts edit {name}@{number}  has it all" if lost else said


def _lost(session: Session, before: FoundPrompt, prompt: PromptTemplateDict, folder: Path) -> str:
    """What is gone that was declared in the file before, and how many tests still ask for it."""
    lost = losses(_whole(session, before), _whole(session, before._replace(prompt=prompt)))
    tests = tests_of(folder, before.name, cast("PromptType", before.kind)) if lost else 0
    tested = f" ({counted(tests, 'test')} of it: dknb prompts test)" if tests else ""
    return f"gone with the file before: {lost}{tested};" if lost else ""


def _whole(session: Session, found: FoundPrompt) -> PromptTemplateDict:
    try:
        return whole_prompt(session, found)
    except DknbError:  # a base of it is broken, or gone
        return found.prompt


def _kept_aside(session: Session, kind: PromptType, name: str, suffix: str, old: bytes) -> Path:
    """A new file with what is about to be replaced; its folders tell kind and name, so that no two share one."""
    folder = session.project.root / ".dknb" / "replaced" / kind
    stem = f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    (folder / stem).parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}{suffix}"
        try:
            with path.open("xb") as file:
                file.write(old)
        except FileExistsError:
            number += 1
        else:
            return path


def _folder(session: Session) -> FileSystemPromptLibrary:
    """The library that prompts are saved to: the first that is a folder."""
    from ...prompts.composite import CompositePromptLibrary
    from ...prompts.filesystem import FileSystemPromptLibrary

    library = session.files
    parts = library.libraries if isinstance(library, CompositePromptLibrary) else [library]
    for part in parts:
        if isinstance(part, FileSystemPromptLibrary):
            return part
    raise PromptError(
        "The library has no folder that a prompt could be saved to.", hint="%dknb library FOLDER package:NAME"
    )
