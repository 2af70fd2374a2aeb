"""What the commands of ``%branch`` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..arguments import LineParser
from ..asking import Talk
from ..session import Session

__all__ = ["Command", "Here", "branch_parser"]


@dataclass(frozen=True)
class Here:
    """Where a command runs.

    Attributes:
        session: The kernel's settings.
        shell: IPython, or None.
        talk: The conversation.
        cell: The cell that runs it, if it has an id.
    """

    session: Session
    shell: Any
    talk: Talk
    cell: str | None


#: Takes where it runs and the options of its line; gives a bundle to show, a value of the cell, or None.
Command: TypeAlias = Callable[[Here, Any], Any]


def branch_parser(name: str, description: str, *words: str) -> LineParser:
    """The parser of a command's line, with the words that it must have."""
    parser = LineParser(f"%branch {name}", description)
    for word in words:
        parser.add_argument(word)
    return parser
