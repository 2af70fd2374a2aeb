"""What is wrong in a library, as a line of text that knows where it points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..types import Kind

__all__ = ["Problem", "Severity", "Source"]

Severity = Literal["error", "warning"]


class Problem(str):
    """One thing that is wrong in a prompt library; as text, a line that says where and what.

    Attributes:
        message: What is wrong, without the place.
        kind: ``system``, ``user``, ``messages`` or ``rag``, if it is about an entry.
        name: The name of the entry.
        file: What messages call the file, if there is one.
        line: Line in the file, from 1, if known.
        column: Column in that line, from 1, if known.
        severity: ``error`` for what cannot be rendered, ``warning`` for what was probably not meant.
        hint: What to do about it.
    """

    message: str
    kind: Kind | None
    name: str | None
    file: str | None
    line: int | None
    column: int | None
    severity: Severity
    hint: str | None

    def __new__(
        cls,
        message: str,
        *,
        kind: Kind | None = None,
        name: str | None = None,
        file: str | None = None,
        place: tuple[int, int] | None = None,
        severity: Severity = "error",
        hint: str | None = None,
    ) -> Problem:
        """The problem, as text that begins with its place."""
        where = file or ("/".join(part for part in (kind, name) if part))
        if place is not None:
            where += f", line {place[0]}, column {place[1]}"
        line = f"{where}: {message}" if where else message
        self = super().__new__(cls, " ".join(part.strip() for part in line.splitlines()) if "\n" in line else line)
        self.message = message
        self.kind, self.name, self.file = kind, name, file
        self.line, self.column = place or (None, None)
        self.severity = severity
        self.hint = hint
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        place = (self.line, self.column) if self.line is not None else None
        facts = {"kind": self.kind, "name": self.name, "file": self.file, "severity": self.severity, "hint": self.hint}
        return (self.message,), {**facts, "place": place}


@dataclass(frozen=True)
class Source:
    r"""The file of an entry.

    Attributes:
        file: What messages call it.
        suffix: ``.yaml``, ``.yml``, ``.json`` or ``.md``.
        text: What it holds, with lines that end in ``\n``.
    """

    file: str
    suffix: str
    text: str
