"""From what is wrong in an entry to where that stands in its file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...errors import DknbError, PromptFileError, TemplateError, did_you_mean
from .. import _yaml
from ..checks import FieldError, Path
from ..files import as_yaml
from ..types import Kind
from .problems import Problem, Severity, Source

__all__ = ["Reporter", "Spot"]


class Spot(NamedTuple):
    """Where in an entry something is wrong.

    Attributes:
        path: Keys and indexes that lead to it.
        at_key: The key itself is meant.
        word: What to look for in the text below ``path``; the first place that has it is meant.
    """

    path: Path = ()
    at_key: bool = False
    word: str | None = None


class Reporter:
    """Makes problems of one entry, with their places in its file.

    Args:
        kind: The kind of the entry.
        name: Its name.
        source: Its file; None for an entry that lies in no file.
    """

    def __init__(self, kind: Kind, name: str, source: Source | None) -> None:
        self._kind = kind
        self._name = name
        self._source = source
        self._places: _yaml.KeyPlaces | None = None

    def problem(self, message: str, spot: Spot, *, severity: Severity = "error", hint: str | None = None) -> Problem:
        """A problem at a spot."""
        return self._made(message, self._place(spot), severity, hint)

    def first(self, *paths: Path) -> Spot:
        """The spot of the first path that leads somewhere in the file."""
        there = [path for path in paths if self._source is not None and self._found_exactly(path)]
        return Spot((there or paths)[0])

    def unused(self, name: str, path: Path, candidates: Iterable[str]) -> Problem:
        """The problem of a parameter that is declared at ``path``; one of ``candidates`` was probably meant."""
        return self.problem(
            f"{name!r} is declared and never used.{did_you_mean(name, candidates)}",
            Spot(path, at_key="validation" not in path, word=name),
            severity="warning",
            hint="Use it in the template, or take the declaration away.",
        )

    def field(self, error: FieldError) -> Problem:
        """A problem of the data."""
        return self.problem(error.message, Spot(error.path, error.at_key), hint=error.hint)

    def failure(self, error: DknbError, spot: Spot, *, severity: Severity = "error") -> Problem:
        """A problem that was raised, or could be: at the place it knows, else at the spot."""
        if isinstance(error, PromptFileError):
            place = (error.line, error.column) if error.line is not None and error.column is not None else None
            return Problem(
                error.message, kind=self._kind, name=self._name, file=error.file, place=place, hint=error.hint
            )
        if isinstance(error, TemplateError):
            place = self._in_template(error, spot)
            return self._made(str(error) if place is None else error.message, place, severity, error.hint)
        said = str(error).removeprefix(f"{self._kind}/{self._name}: ")
        return self.problem(said, spot, severity=severity, hint=error.hint)

    def _made(self, message: str, place: tuple[int, int] | None, severity: Severity, hint: str | None) -> Problem:
        file = self._source.file if self._source is not None else None
        return Problem(message, kind=self._kind, name=self._name, file=file, place=place, severity=severity, hint=hint)

    def _place(self, spot: Spot) -> tuple[int, int] | None:
        if self._source is None:
            return None
        found = self._found(spot.path, spot.at_key)
        return self._word_below(found, spot.word) or found if spot.word else found

    def _found_exactly(self, path: Path) -> bool:
        return self._tree().has(path)

    def _tree(self) -> _yaml.KeyPlaces:
        assert self._source is not None
        if self._places is None:
            self._places = _yaml.KeyPlaces(as_yaml(self._source.text, self._source.suffix))
        return self._places

    def _found(self, path: Path, at_key: bool = False) -> tuple[int, int] | None:
        assert self._source is not None
        if self._source.suffix == ".md" and path[:1] == ("template",):
            return body_line(self._source.text), 1
        return self._tree().find(path, at_key=at_key)

    def _in_template(self, error: TemplateError, spot: Spot) -> tuple[int, int] | None:
        """Where the line that a template error shows stands in the file."""
        if self._source is None or error.source_line is None:
            return None
        text = error.source_line.strip()
        shift = (error.column or 1) - 1 - (len(error.source_line) - len(error.source_line.lstrip()))
        start = self._found(spot.path) or (1, 1)
        lines = list(enumerate(self._source.text.split("\n"), start=1))
        # Below the spot first; a section may stand above it.
        for number, line in lines[start[0] - 1 :] + lines[: start[0] - 1]:
            if (at := line.find(text)) >= 0 and text:
                return number, at + max(shift, 0) + 1
        return start

    def _word_below(self, start: tuple[int, int] | None, word: str) -> tuple[int, int] | None:
        assert self._source is not None
        line, column = start or (1, 1)
        for number, text in enumerate(self._source.text.split("\n")[line - 1 :], start=line):
            at = _find_word(text, word, column - 1 if number == line else 0)
            if at >= 0:
                return number, at + 1
        return None


def body_line(text: str) -> int:
    """The line at which the template of a Markdown file begins."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return 1
    end = next((index for index, line in enumerate(lines[1:], start=1) if line.rstrip() == "---"), 0)
    return end + 2


def _find_word(text: str, word: str, start: int) -> int:
    at = text.find(word, start)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(word) : at + len(word) + 1]
        if not any(each.isalnum() or each == "_" for each in around):
            return at
        at = text.find(word, at + 1)
    return -1
