"""Whether a recording holds a secret; where, and what kind of one, but never the secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .disk import open_to_read
from .scrub import KEY_SHAPES, MARK, is_secret_name, named_environment_secrets

__all__ = ["Suspect", "check_secrets"]


class Suspect(NamedTuple):
    """A place that looks like a secret.

    Attributes:
        line: The line in the file, from 1.
        where: The path to the text in that line, such as ``request.messages[1].content``.
        what: Why it looks like one.
    """

    line: int
    where: str
    what: str


def check_secrets(path: Path, environment: Mapping[str, str]) -> list[Suspect]:
    """The places of a recording that look like secrets.

    Those are the values of this environment's keys, what has the shape of a key, and texts under the name of one.

    Args:
        path: The recording.
        environment: The variables of this process.

    Raises:
        RecordingError: There is no such file, or it cannot be read.
    """
    kinds = _Kinds(environment)
    with open_to_read(path.expanduser().absolute()) as file:
        return [
            Suspect(number, where, what)
            for number, line in enumerate(file, start=1)
            for where, what in kinds.in_line(line)
        ]


class _Kinds:
    """What is looked for, each with its name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        known = {f"the value of ${name}": re.escape(value) for name, value in named_environment_secrets(environment)}
        shapes = {what: shape.pattern for what, shape in KEY_SHAPES.items()}
        self._patterns = {what: re.compile(shape) for what, shape in (known | shapes).items()}
        self._any = re.compile("|".join(f"(?:{shape.pattern})" for shape in self._patterns.values()))

    def in_line(self, line: bytes) -> Iterator[tuple[str, str]]:
        try:
            value: Any = json.loads(line)
        except ValueError:
            value = line.decode("utf-8", "replace")
        yield from self._in_value(value, "")

    def _in_value(self, value: Any, where: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, str):
            yield from self._in_text(value, where)
        elif isinstance(value, Mapping):
            for name, inner in value.items():
                below = f"{where}.{name}" if where else name
                yield from self._in_text(name, f"the name {MARK} in {where}" if self._any.search(name) else below)
                if isinstance(inner, str) and _is_told(inner) and is_secret_name(name):
                    yield below, f"a text under the name {name!r}"
                else:
                    yield from self._in_value(inner, below)
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                yield from self._in_value(inner, f"{where}[{place}]")

    def _in_text(self, text: str, where: str) -> Iterator[tuple[str, str]]:
        if self._any.search(text):
            yield from ((where, what) for what, shape in self._patterns.items() if shape.search(text))


def _is_told(text: str) -> bool:
    return len(text) >= 8 and MARK not in text
