"""Promoted versions: what a prompt's plain name serves instead of its file, until the file changes or is saved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..._sync import run
from ...errors import DknbError, MagicError, PromptError, PromptNotFound
from ..session import Session
from .history import keep_version, states_of, version_numbers

if TYPE_CHECKING:
    from ...prompts.types import PromptType

__all__ = ["back_to_file", "end_promotions", "no_number", "promote", "promoted_told", "promoted_versions", "withdraw"]

_KINDS: tuple[PromptType, PromptType] = ("user", "system")


def promote(session: Session, name: str, number: str, kind: PromptType | None = None) -> str:
    """Let ``NAME`` be the version of that number from now on, in every kernel of the project; says so.

    Args:
        session: Whose versions are meant.
        name: The prompt.
        number: The version, or how it begins.
        kind: Its type; None means a user prompt, or else a system prompt, that has such a version.

    Raises:
        PromptNotFound: There is no such version.
        PromptError: The versions cannot be written.
    """
    from ...prompts.versioning import prompt_fingerprint

    for each in _KINDS if kind is None else (kind,):
        states = states_of(session, name, each)
        meant = [state for state in states if number in (state.number, "latest")]
        meant = meant or [state for state in states if state.number.startswith(f"{number}.")]
        if not meant:
            continue
        below = session.files.find_prompt(name, each)
        if below is not None:
            keep_version(session.versions, name, each, below)
        version = keep_version(session.versions, name, each, meant[0].prompt)
        run(session.versions.promote_version(version.version_id, prompt_fingerprint(below)))
        session.promoted = promoted_versions(session)
        end = f"{_file(session, name, each)} changes" if below is not None else "a file of that name is saved"
        return f"{name}: version {version.version} is used from now on, until {end} or another version is promoted"
    raise _no_version(session, name, number, kind)


def _no_version(session: Session, name: str, number: str, kind: PromptType | None) -> PromptError:
    from .finding import find_prompt

    kinds = _KINDS if kind is None else (kind,)
    numbers = version_numbers(session, name, kinds)
    if not numbers:
        find_prompt(session, name, kinds)  # which says what there is, if there is no such prompt
        return PromptNotFound(
            f"No version of {name!r} is kept.", hint="A version is kept when a prompt is saved:  %%prompt NAME --save"
        )
    return PromptNotFound(
        f"Prompt {name!r} has no version {number!r}.", hint=f"Its versions: {', '.join(numbers[:20])}"
    )


def no_number(session: Session, name: str) -> MagicError:
    """What to say where a line names a prompt without a version."""
    numbers = version_numbers(session, name)
    example = f"{name}@{numbers[0]}" if numbers else "NAME@1.0"
    known = f"; its versions: {', '.join(numbers[:20])}" if numbers else ""
    return MagicError(
        f"%prompts promote takes a prompt and its version, not {name!r}.", hint=f"%prompts promote {example}{known}"
    )


def back_to_file(session: Session, name: str, kind: PromptType | None = None) -> str:
    """Let ``NAME`` be what its file says again; says so.

    Raises:
        PromptError: It has no file, or no version of it was promoted.
    """
    for each in _KINDS if kind is None else (kind,):
        if (each, name) not in session.promoted:
            continue
        if session.files.find_prompt(name, each) is None:
            raise PromptError(
                f"Prompt {name!r} has no file to go back to.", hint=f"%prompts edit {name}  and save it with --save"
            )
        number = withdraw(session, name, each)
        return f"{name}: {_file(session, name, each)} is used from now on, no longer version {number}"
    raise PromptError(f"No version of {name!r} was promoted.", hint="%prompts promote NAME@VERSION  promotes one")


def withdraw(session: Session, name: str, kind: PromptType) -> str | None:
    """Let no version be served in place of the file; the number of the one that was, if one was."""
    run(session.versions.withdraw(name, kind))
    return session.promoted.pop((kind, name), None)


def end_promotions(session: Session, names: Iterable[str]) -> dict[str, str]:
    """Let files that changed be used, for good; the numbers of the versions that were served instead, by name."""
    changed = set(names)
    ended = [(kind, name, number) for (kind, name), number in session.promoted.items() if name in changed]
    # Where the store cannot be written, what is served is compared with the file all the same.
    with contextlib.suppress(DknbError):
        for kind, name, _ in ended:
            run(session.versions.withdraw(name, kind))
    session.promoted = {key: number for key, number in session.promoted.items() if key[1] not in changed}
    return {name: number for _, name, number in ended}


def promoted_versions(session: Session) -> dict[tuple[PromptType, str], str]:
    """The numbers of the versions that are served instead of files, by kind and name."""
    found: dict[tuple[PromptType, str], str] = {}
    for kind in _KINDS:
        for name in session.versions.storage.names(kind):
            with contextlib.suppress(DknbError):  # its file is broken, which is said where it is used
                if (version := session.library.served_version(name, kind)) is not None:
                    found[kind, name] = version.version
    return found


def promoted_told(session: Session) -> str | None:
    """One line that says which versions are served and were not when this was last asked; None when there are none."""
    revision = session.versions.storage.revision()
    if revision == session.promoted_at:
        return None
    before = session.promoted
    session.promoted, session.promoted_at = promoted_versions(session), revision
    new = [
        f"{name}@{number}" for (kind, name), number in session.promoted.items() if before.get((kind, name)) != number
    ]
    return f"promoted, used instead of what the file says: {', '.join(new)}" if new else None


def _file(session: Session, name: str, kind: PromptType) -> str:
    from .finding import file_of

    return file_of(session, kind, name) or "its source"
