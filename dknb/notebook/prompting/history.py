"""What prompts were before they were changed: the versions that ``NAME@1.2`` means.

A version is what was saved, or what an edited file held before and after; a draft, so that what is served stays what the
file says. A file whose metadata tell a version is that version, too, as long as no other text has its number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._sync import run
from ...errors import DknbError

if TYPE_CHECKING:
    from ...prompts.types import PromptTemplateDict, PromptType
    from ...prompts.versioning import PromptVersion, VersionManager
    from ..session import Session

__all__ = ["State", "keep_changed", "keep_version", "last_two", "newest_numbers", "states_of", "version_numbers"]

_KINDS: tuple[PromptType, PromptType] = ("user", "system")


class State(NamedTuple):
    """A prompt as it is or was, with the number of that version."""

    number: str
    prompt: PromptTemplateDict


def keep_version(manager: VersionManager, name: str, kind: PromptType, prompt: PromptTemplateDict) -> PromptVersion:
    """The version that is this prompt, made if there is none: of the number that its metadata tell, or the next patch.

    Raises:
        PromptError: The versions cannot be read or written, or a value fits into no store.
    """
    return run(_kept(manager, name, kind, prompt))


async def _kept(manager: VersionManager, name: str, kind: PromptType, prompt: PromptTemplateDict) -> PromptVersion:
    from ...prompts.versioning import VersionStatus

    versions = await manager.list_versions(name, kind)
    told = _told(prompt)
    for version in versions:
        if _content(version.as_prompt()) == _content(prompt) and told in (None, version.version, _told_by(version)):
            return version
    free = told is not None and all(told != each.version for each in versions)
    return await manager.create_version(name, kind, prompt, told if free else None, status=VersionStatus.DRAFT)


def _told(prompt: Mapping[str, Any]) -> str | None:
    """The version that the metadata of a prompt tell; None where it is no number."""
    from ...errors import PromptError
    from ...prompts.versioning.numbers import check_number

    told = prompt.get("metadata", {}).get("version")
    try:
        return None if told is None else check_number(str(told))
    except PromptError:
        return None


def _told_by(version: PromptVersion) -> str | None:
    return _told({"metadata": version.metadata})


def _content(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """What a prompt says, without the number of its version."""
    metadata = {key: value for key, value in prompt.get("metadata", {}).items() if key != "version"}
    return {key: value for key, value in {**prompt, "metadata": metadata}.items() if value}


def keep_changed(session: Session, names: Iterable[str]) -> None:
    """Keep what prompts of these names were when they were last used here, and what they are now.

    What cannot be kept (a file that is broken now, a store that cannot be written) is not: the cell runs all the same.
    """
    for name in names:
        for kind in _KINDS:
            before = session.used_prompts.get((kind, name))
            if before is None:
                continue
            with contextlib.suppress(DknbError):
                keep_version(session.versions, name, kind, before)
                now = session.library.find_prompt(name, kind)
                if now is not None:
                    keep_version(session.versions, name, kind, now)
                    session.used_prompts[kind, name] = now


def states_of(session: Session, name: str, kind: PromptType) -> list[State]:
    """The versions of a prompt, the newest number first, by the numbers that ``NAME@NUMBER`` takes."""
    from ...prompts.versioning.numbers import sort_key

    versions = run(session.versions.list_versions(name, kind))
    states = {version.version: version.as_prompt() for version in versions}
    for version in versions:
        if (told := _told_by(version)) is not None:
            states.setdefault(told, version.as_prompt())
    now = session.files.find_prompt(name, kind)
    if now is not None and (told := _told(now)) is not None:
        states.setdefault(told, now)
    return [State(number, states[number]) for number in sorted(states, key=sort_key, reverse=True)]


def last_two(session: Session, name: str, kind: PromptType) -> tuple[State, State] | None:
    """What a prompt was before its last change, and what it is; None where no change of it is known."""
    history = [State(each.version, each.as_prompt()) for each in run(session.versions.get_version_history(name, kind))]
    now = session.files.find_prompt(name, kind)
    if now is not None:
        history = [state for state in history if _content(state.prompt) != _content(now)]
        history.append(State("as it is", now))
    return (history[-2], history[-1]) if len(history) > 1 else None


def version_numbers(session: Session, name: str, kinds: Iterable[PromptType] = _KINDS) -> list[str]:
    """The versions of the prompts of that name, the newest first."""
    return list(dict.fromkeys(state.number for kind in kinds for state in states_of(session, name, kind)))


def newest_numbers(session: Session, kind: PromptType) -> dict[str, str]:
    """The newest version that is kept of each prompt of a kind, by name."""
    manager = session.versions
    return {name: run(manager.list_versions(name, kind))[0].version for name in manager.storage.names(kind)}
