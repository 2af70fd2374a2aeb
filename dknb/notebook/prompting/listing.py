"""What is in the library: a row for each prompt, a row for each problem, and what changed on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ...errors import DknbError
from ..session import Session
from ..views.table import table_bundle
from ..views.text import shorten
from .finding import FoundPrompt, file_of
from .source import described, parameters_of, whole_prompt

if TYPE_CHECKING:
    from ...prompts.types import Kind, PromptType

__all__ = ["ProblemRow", "PromptRow", "changes_told", "library_bundle", "problem_rows", "prompt_rows"]


@dataclass(frozen=True)
class PromptRow:
    """A prompt of the library as a row.

    Attributes:
        name: Its name.
        kind: ``user``, ``system`` or ``messages``.
        parameters: The names that it can use, those of its bases and references included.
        version: The version that its metadata tell, or None.
        description: What its metadata say that it is for; of a broken one, what is wrong.
        file: The file that it lies in, or None.
    """

    name: str
    kind: str
    parameters: list[str]
    version: str | None
    description: str
    file: str | None


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
    library = session.library
    rows = [_prompt_row(session, name, "user") for name in library.list_user_prompts()]
    rows += [_prompt_row(session, name, "system") for name in library.list_system_prompts()]
    return rows + [_messages_row(session, name) for name in library.list_message_indexes()]


def _prompt_row(session: Session, name: str, kind: PromptType) -> PromptRow:
    try:
        found = FoundPrompt(name, kind, session.library.require_prompt(name, kind))
        known = list(parameters_of(session, found))
        return _row(session, name, kind, known, whole_prompt(session, found).get("metadata", {}))
    except DknbError as error:
        return _broken(session, name, kind, error)


def _messages_row(session: Session, name: str) -> PromptRow:
    from ...templates import compile_template

    try:
        index = session.library.get_message_index(name) or {}
        texts = [str(message.get("content", "")) for message in index.get("messages", ())]
        names = [each for text in texts for each in compile_template(text, "mixed").variables]
        return _row(session, name, "messages", list(dict.fromkeys(names)), index.get("metadata", {}))
    except DknbError as error:
        return _broken(session, name, "messages", error)


def _row(session: Session, name: str, kind: Kind, parameters: list[str], metadata: Mapping[str, Any]) -> PromptRow:
    version = metadata.get("version")
    told = None if version is None else str(version)
    return PromptRow(name, kind, parameters, told, described(metadata), _file(session, kind, name))


def _broken(session: Session, name: str, kind: Kind, error: DknbError) -> PromptRow:
    return PromptRow(name, kind, [], None, f"broken: {error}", _file(session, kind, name))


def _file(session: Session, kind: Kind, name: str) -> str | None:
    try:
        return file_of(session, kind, name)
    except DknbError:  # two files have the name, which the row's description says
        return None


def library_bundle(session: Session) -> dict[str, Any]:
    """The prompts of the library, with what they are for."""
    head = tuple(field.name for field in fields(PromptRow))
    rows = [
        (
            row.name,
            row.kind,
            ", ".join(row.parameters),
            row.version or "",
            shorten(row.description, 120),
            row.file or "",
        )
        for row in prompt_rows(session)
    ]
    return table_bundle(head, rows, title="prompts")


def problem_rows(session: Session) -> list[ProblemRow]:
    """A row for each problem of the library."""
    return [
        ProblemRow(each.file, each.line, each.column, each.severity, each.message, each.hint)
        for each in session.library.validate()
    ]


def changes_told(session: Session) -> str | None:
    """One line that says which prompts changed on disk since this was last asked; None when none did."""
    if not (names := session.changed_prompts()):
        return None
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"changed on disk, used as it is now: {shown}"
