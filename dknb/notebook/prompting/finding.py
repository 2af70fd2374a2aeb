"""Prompts of the library by name, whatever their kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from ...errors import PromptNotFound, did_you_mean
from ..session import Session
from .history import states_of, version_numbers

if TYPE_CHECKING:
    from ...prompts.types import Kind, PromptTemplateDict

__all__ = ["ALL_KINDS", "FoundPrompt", "PromptKind", "file_of", "find_prompt", "known_prompts"]

PromptKind = Literal["user", "system", "messages"]
#: Of one name, the user prompt is meant, unless another kind is asked for.
ALL_KINDS: tuple[PromptKind, ...] = ("user", "system", "messages")


class FoundPrompt(NamedTuple):
    """A prompt of the library, with its kind; a sequence of messages has ``messages`` instead of a template."""

    name: str
    kind: PromptKind
    prompt: PromptTemplateDict


def find_prompt(session: Session, name: str, kinds: Sequence[PromptKind] = ALL_KINDS) -> FoundPrompt:
    """The prompt of that name, or the version that ``NAME@1.2`` means; the kinds are looked through in order.

    Raises:
        PromptNotFound: There is none of that name; the message has the nearest.
        PromptError: It is broken.
    """
    for kind in kinds:
        if (prompt := _of_library(session, name, kind)) is not None:
            return FoundPrompt(name, kind, prompt)
    bare, _, number = name.rpartition("@")
    if bare:
        for kind in kinds:
            if kind != "messages" and (version := _version(session, bare, kind, number)) is not None:
                return FoundPrompt(name, kind, version)
        if versions := version_numbers(session, bare):
            raise PromptNotFound(
                f"Prompt {bare!r} has no version {number!r}.", hint=f"Its versions: {', '.join(versions[:20])}"
            )
    known = known_prompts(session, kinds)
    noun = f"{kinds[0]} prompt" if len(kinds) == 1 else "prompt"
    raise PromptNotFound(
        f"There is no {noun} {name!r}.{did_you_mean(name, known)}", hint=f"Prompts: {', '.join(known[:20]) or 'none'}"
    )


def _of_library(session: Session, name: str, kind: PromptKind) -> PromptTemplateDict | None:
    from ...prompts.versioning.numbers import split_name

    if kind == "messages":
        return cast("PromptTemplateDict | None", session.library.get_message_index(name))
    # What ``NAME@1.2`` means is looked for among all states of the prompt, unless a file is called so.
    library = session.library if split_name(name)[1] is None else session.files
    prompt = library.find_prompt(name, kind)
    if prompt is not None:
        session.used_prompts[kind, name] = prompt
    return prompt


def _version(session: Session, name: str, kind: Literal["user", "system"], number: str) -> PromptTemplateDict | None:
    """The state of that number, else the newest whose number begins with it."""
    states = states_of(session, name, kind)
    exact = [state for state in states if number in (state.number, "latest")]
    for state in exact or [state for state in states if state.number.startswith(f"{number}.")]:
        return state.prompt
    return None


def known_prompts(session: Session, kinds: Sequence[PromptKind] = ALL_KINDS) -> list[str]:
    """The names of the prompts of those kinds, each once."""
    library = session.library
    lists = {
        "user": library.list_user_prompts,
        "system": library.list_system_prompts,
        "messages": library.list_message_indexes,
    }
    return list(dict.fromkeys(name for kind in kinds for name in lists[kind]()))


def file_of(session: Session, kind: Kind, name: str) -> str | None:
    """The file that a prompt lies in, as one would type it in the project; None where it lies in none."""
    find = getattr(session.files, "find_file", None)
    path: Path | None = find(kind, name) if find is not None else None
    if path is not None:
        return session.shown(path)
    source = session.files.source(kind, name)
    return source.file if source is not None else None
