"""What is in the library: a row for each prompt, a row for each problem, and what changed on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import DknbError
from ..session import Session
from .finding import ALL_KINDS, PromptKind, file_of, find_prompt, known_prompts
from .history import keep_changed, newest_numbers
from .promoting import end_promotions, promoted_told
from .source import described, parameters_of, required_of, used_when, whole_prompt

if TYPE_CHECKING:
    from ...prompts.types import Kind

__all__ = ["ProblemRow", "PromptNotes", "PromptRow", "changes_told", "problem_rows", "prompt_rows"]


@dataclass(frozen=True)
class PromptNotes:
    """What a view of a row tells beside its columns: which parameters are required, when to use it, and whether its version was promoted."""

    required: frozenset[str] = frozenset()
    when_to_use: str = ""
    promoted: bool = False


@dataclass(frozen=True)
class PromptRow:
    """A prompt of the library as a row.

    Attributes:
        name: Its name.
        kind: ``user``, ``system`` or ``messages``.
        parameters: The names that it can use, those of its bases and references included; declared ones come first.
        version: The version that its metadata tell, else the newest that is kept, or None.
        description: What its metadata say that it is for; of a broken one, what is wrong.
        file: The file that it lies in, or None.
        notes: What is told beside the columns.
    """

    name: str
    kind: str
    parameters: list[str]
    version: str | None
    description: str
    file: str | None
    notes: PromptNotes = field(default_factory=PromptNotes)


@dataclass(frozen=True)
class ProblemRow:
    """Something wrong in the library, as a row; ``file``, ``line`` and ``column`` (from 1) where they are known."""

    file: str | None
    line: int | None
    column: int | None
    severity: str
    problem: str
    hint: str | None


def prompt_rows(session: Session) -> list[PromptRow]:
    """A row for each prompt and each sequence of messages, by kind and name."""
    return [
        _row(session, name, kind, {} if kind == "messages" else newest_numbers(session, kind))
        for kind in ALL_KINDS
        for name in known_prompts(session, (kind,))
    ]


def _row(session: Session, name: str, kind: PromptKind, numbers: Mapping[str, str]) -> PromptRow:
    from ...prompts.compose import metadata_of

    try:
        found = find_prompt(session, name, (kind,))
        whole = whole_prompt(session, found)
        parameters = list(parameters_of(session, found))
    except DknbError as error:
        return _broken(session, name, kind, error)
    metadata = metadata_of(found.prompt, whole)
    told = metadata.get("version", numbers.get(name))
    promoted = kind != "messages" and session.library.served_version(name, kind) is not None
    notes = PromptNotes(frozenset(required_of(whole)), used_when(metadata), promoted)
    version = None if told is None else str(told)
    return PromptRow(name, kind, parameters, version, described(metadata), _file(session, kind, name), notes)


def _broken(session: Session, name: str, kind: Kind, error: DknbError) -> PromptRow:
    return PromptRow(name, kind, [], None, f"broken: {error}", _file(session, kind, name))


def _file(session: Session, kind: Kind, name: str) -> str | None:
    try:
        return file_of(session, kind, name)
    except DknbError:  # two files have the name, which the row's description says
        return None


def problem_rows(session: Session) -> list[ProblemRow]:
    """A row for each problem of the library."""
    return [
        ProblemRow(each.file, each.line, each.column, each.severity, each.message, each.hint)
        for each in session.library.validate()
    ]


def changes_told(session: Session) -> str | None:
    """One line that says which prompts changed on disk since this was last asked; None when none did.

    What they were, as far as they were used here, is kept as a version. Versions that were promoted since are told, too.
    """
    told = [_changes(session), promoted_told(session)]
    return "; ".join(filter(None, told)) or None


def _changes(session: Session) -> str | None:
    if not (names := session.changed_prompts()):
        return None
    keep_changed(session, names)
    there = {*known_prompts(session), *session.library.list_rag_configs()}
    changed = [name for name in names if name in there]
    removed = [name for name in names if name not in there]
    ended = end_promotions(session, names)
    changed = [f"{name} (no longer version {ended[name]})" if name in ended else name for name in changed]
    told = [f"changed on disk, used as it is now: {_some(changed)}"] if changed else []
    return "; ".join([*told, *([f"removed from disk: {_some(removed)}"] if removed else [])])


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
