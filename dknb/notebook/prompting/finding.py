"""Prompts of the library by name, whatever their kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...errors import PromptNotFound, did_you_mean
from ..session import Session
from .history import version_numbers

if TYPE_CHECKING:
    from ...prompts.library import AbstractPromptLibrary
    from ...prompts.types import Kind, PromptTemplateDict, PromptType

__all__ = ["FoundPrompt", "file_of", "find_prompt", "known_prompts"]


class FoundPrompt(NamedTuple):
    """A prompt of the library, with its kind."""

    name: str
    kind: PromptType
    prompt: PromptTemplateDict


def find_prompt(session: Session, name: str, kinds: tuple[PromptType, ...] = ("user", "system")) -> FoundPrompt:
    """The prompt of that name, or the version that ``NAME@1.2`` means; the kinds are looked through in order.

    Raises:
        PromptNotFound: There is none of that name; the message has the nearest.
        PromptError: It is broken.
    """
    library = _with_versions(session) if "@" in name else session.library
    for kind in kinds:
        if (prompt := library.find_prompt(name, kind)) is not None:
            return FoundPrompt(name, kind, prompt)
    bare, _, number = name.rpartition("@")
    if versions := version_numbers(session.versions, bare) if bare else []:
        raise PromptNotFound(
            f"Prompt {bare!r} has no version {number!r}.", hint=f"Its versions: {', '.join(versions[:20])}"
        )
    known = known_prompts(session, kinds)
    noun = f"{kinds[0]} prompt" if len(kinds) == 1 else "prompt"
    raise PromptNotFound(
        f"There is no {noun} {name!r}.{did_you_mean(name, known)}", hint=f"Prompts: {', '.join(known[:20]) or 'none'}"
    )


def _with_versions(session: Session) -> AbstractPromptLibrary:
    from ...prompts.versioning import VersionedPromptLibrary

    return VersionedPromptLibrary(session.library, session.versions)


def known_prompts(session: Session, kinds: tuple[PromptType, ...] = ("user", "system")) -> list[str]:
    """The names of the prompts of those kinds, each once."""
    library = session.library
    lists = {"user": library.list_user_prompts, "system": library.list_system_prompts}
    return list(dict.fromkeys(name for kind in kinds for name in lists[kind]()))


def file_of(session: Session, kind: Kind, name: str) -> str | None:
    """The file that a prompt lies in, as one would type it in the project; None where it lies in none."""
    find = getattr(session.library, "find_file", None)
    if find is None:
        source = session.library.source(kind, name)
        return source.file if source is not None else None
    path: Path | None = find(kind, name)
    return session.shown(path) if path is not None else None
