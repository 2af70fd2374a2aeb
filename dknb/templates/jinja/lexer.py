"""Jinja's own lexer, which also finds ``((sections))`` and knows where each token stands.

Jinja numbers its tokens, nodes and generated code by line. Here the number is the token's offset in the source plus one, so
that every error, at compile time or in the running template, leads back to the exact place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jinja2 import Environment, TemplateSyntaxError
from jinja2.lexer import Lexer, Token

from ..plain import VARIABLE_BEGIN
from ..sections import MARK, match_sections

_RUN = re.compile(r"\(++|\)++")
_SECTION = "section"
_BEGINS = ("variable_begin", "block_begin", "comment_begin")
_ENDS = ("variable_end", "block_end", "comment_end")


class Lexeme(NamedTuple):
    """A piece of the source as Jinja sees it."""

    offset: int
    kind: str
    text: str


class TemplateLexer(Lexer):
    """Reads a template; with ``sections`` it turns the marks of sections into block tags named ``((`` and ``))``."""

    def __init__(self, environment: Environment, *, sections: bool) -> None:
        super().__init__(environment)
        self._sections = sections
        if sections:
            rule = self.rules["root"][0]
            pattern = rule.pattern.pattern.replace(re.escape("{{"), VARIABLE_BEGIN)
            self.rules["root"][0] = rule._replace(pattern=re.compile(pattern, rule.pattern.flags))

    def tokeniter(
        self, source: str, name: str | None = None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        """The tokens of a source with Unix line ends, numbered by offset plus one."""
        lexemes = self.lexemes(source)
        if self._sections and "((" in source:
            lexemes = _with_sections(list(lexemes))
        for offset, kind, text in lexemes:
            yield offset + 1, kind, text

    def lexemes(self, source: str) -> Iterator[Lexeme]:
        """Jinja's tokens with their offsets. White space that Jinja strips before a tag is in no token."""
        at = 0
        try:
            for _, kind, text in super().tokeniter(source, None):
                at = source.find(text, at)
                yield Lexeme(at, kind, text)
                at += len(text)
        except TemplateSyntaxError as error:
            message = re.sub(r" at [0-9]+$", "", error.message or "")
            raise TemplateSyntaxError(message, at + 1) from error

    def tag_around(self, source: str, offset: int) -> int | None:
        """Where the tag starts in which this offset lies; None outside tags."""
        start: int | None = None
        try:
            for at, kind, text in self.lexemes(source):
                if kind in _BEGINS:
                    start = at
                if at + len(text) > offset:
                    break
                if kind in _ENDS:
                    start = None
        except TemplateSyntaxError:
            return start
        return start

    def wrap(
        self, stream: Iterable[tuple[int, str, str]], name: str | None = None, filename: str | None = None
    ) -> Iterator[Token]:
        """The tokens as the parser wants them; a section's mark becomes a tag."""
        for token in super().wrap(stream, name, filename):
            if token.type == _SECTION:
                yield Token(token.lineno, "block_begin", "{%")
                yield Token(token.lineno, "name", token.value)
                yield Token(token.lineno, "block_end", "%}")
            else:
                yield token


def _with_sections(lexemes: list[Lexeme]) -> Iterator[Lexeme]:
    """Cut the marks of complete sections out of the text around tags; raw blocks are left alone."""
    runs: list[tuple[int, str]] = []
    for lexeme in _texts(lexemes):
        runs.extend((lexeme.offset + run.start(), run[0]) for run in _RUN.finditer(lexeme.text))
    marks = sorted((offset for pair in match_sections(runs) for offset in pair), reverse=True)
    for lexeme in lexemes:
        # A mark lies in a text: whatever comes before that text ends before the mark.
        if marks and marks[-1] < lexeme.offset + len(lexeme.text):
            yield from _cut(lexeme, marks)
        else:
            yield lexeme


def _cut(lexeme: Lexeme, marks: list[int]) -> Iterator[Lexeme]:
    """The text between and after the marks in it, which are taken off the end of ``marks``, and the marks."""
    start, kind, text = lexeme
    at = start
    while marks and marks[-1] < start + len(text):
        mark = marks.pop()
        yield Lexeme(at, kind, text[at - start : mark - start])
        at = mark + MARK
        yield Lexeme(mark, _SECTION, text[mark - start : at - start])
    yield Lexeme(at, kind, text[at - start :])


def _texts(lexemes: list[Lexeme]) -> Iterator[Lexeme]:
    """The texts in which sections can stand."""
    before = ""
    for lexeme in lexemes:
        if lexeme.kind == "data" and before != "raw_begin":
            yield lexeme
        before = lexeme.kind
