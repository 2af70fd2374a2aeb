"""The commands of ``%branch``, and running one."""

from __future__ import annotations

from typing import Any

from ..._sync import run
from ...errors import MagicError, did_you_mean
from ..arguments import LineParser
from ..live import show
from ..session import Session
from . import branches, giving, marks, saying
from .here import Command, Here

__all__ = ["BRANCH_COMMANDS", "BRANCH_HELP", "branch_line"]

BRANCH_COMMANDS: dict[str, tuple[LineParser, Command]] = {
    **branches.COMMANDS,
    **marks.COMMANDS,
    **saying.COMMANDS,
    **giving.COMMANDS,
}

BRANCH_HELP = "\n".join(
    f"{' '.join(parser.format_usage().split()[1:])}\n    {parser.description}" for parser, _ in BRANCH_COMMANDS.values()
)


def branch_line(session: Session, shell: Any, cell: str | None, line: str) -> Any:
    """Run ``%branch``; the value of the line, where its command has one.

    Raises:
        MagicError: The line does not parse.
        BranchError: There is no such branch, or it cannot be changed so.
        NodeNotFound: There is no such node.
    """
    command, _, rest = line.strip().partition(" ")
    command = command or "list"
    if command not in BRANCH_COMMANDS:
        raise MagicError(
            f"%branch: no command {command!r}.{did_you_mean(command, BRANCH_COMMANDS)}",
            hint=f"Commands: {', '.join(BRANCH_COMMANDS)}",
        )
    parser, do = BRANCH_COMMANDS[command]
    options = parser.parse(rest)
    talk = session.existing_talk()
    run(talk.refresh())
    talk.stand()
    done = do(Here(session, shell, talk, cell), options)
    if not isinstance(done, dict):
        return done
    show(done)
    return None
