"""Completion in the body of ``%%experiment``: its keys, and behind a key what it may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from ..prompting.finding import known_prompts
from ..prompting.history import version_numbers
from ..prompting.values import NotebookValues
from ..session import Session
from .body import KEYS

__all__ = ["in_body"]

_KEY = re.compile(r"^(\w*)$")
_VALUE = re.compile(r"^(\w+):.*?([\w@./-]*)$")
_IN_LIST = re.compile(r"^\s*-\s*([\w@./-]*)$")


def in_body(session: Session, above: Sequence[str], line: str) -> tuple[str, Iterable[str]]:
    """What is typed so far, and what it may become; ``line`` ends at the cursor, ``above`` are the lines of the body."""
    if match := _KEY.match(line):
        written = {each.partition(":")[0] for each in above}
        return match[1], [f"{key}: " for key in KEYS if key not in written]
    if match := _VALUE.match(line):
        return match[2], _of_key(session, match[1], match[2])
    if match := _IN_LIST.match(line):
        keys = (each.partition(":")[0] for each in reversed(above) if each[:1].isalpha())
        return match[1], _of_key(session, next(keys, ""), match[1])
    return "", []


def _of_key(session: Session, key: str, token: str) -> Iterable[str]:
    values: dict[str, Callable[[], Iterable[str]]] = {
        "prompts": lambda: _prompts(session, token),
        "system": lambda: _prompts(session, token),
        "models": lambda: _models(session),
        "data": lambda: NotebookValues(session.namespace),
        "scorers": lambda: _scorers(session),
        "stop": lambda: ["decided"],
        "parse": lambda: ["json", "code", "list", "sections"],
    }
    return values[key]() if key in values else []


def _prompts(session: Session, token: str) -> Iterable[str]:
    name, at, _ = token.partition("@")
    return [f"{name}@{number}" for number in version_numbers(session, name)] if at else known_prompts(session)


def _models(session: Session) -> Iterable[str]:
    from ...llm.catalog import known_providers

    return [session.config.spec, *(f"{name}/" for name in known_providers())]


def _scorers(session: Session) -> Iterable[str]:
    from ...experiments.scoring.specs import SCORERS

    functions = [name for name, value in session.namespace.items() if callable(value) and not name.startswith("_")]
    return [*SCORERS, *functions]
