"""What is wrong with a template, all of it at once, for people who write one.

Reads MIXED templates with more patience than the compiler: after a mistake it goes on. It says nothing about valid
Jinja, about braces that pair (JSON, code), nor about parentheses that do (calls).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from ..errors import TemplateError
from .compile import COMPILER
from .plain import VARIABLE_BEGIN
from .sections import MARK, match_sections
from .types import TemplateMode

_OPENING = re.compile(r"\{#|\{%[-+]?\s*+raw\s*+-?%\}|\{%|" + VARIABLE_BEGIN)
_ENDCOMMENT = re.compile(r"#\}")
_ENDRAW = re.compile(r"\{%[-+]?\s*+endraw\s*+[-+]?%\}")
_IN_TAG = re.compile(r"""'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+"|\{\{|\{%|[-+]?%\}|[{}]""", re.DOTALL)
_PLAIN = re.compile(r"\{\{\s*+[^\W\d]\w*+\s*+\}\}")
_BRACE = re.compile(r'"(?:[^"\\\n]|\\.)*+"|[{}]')
_PARENTHESIS = re.compile(r"[()]")
_RUN = re.compile(r"\(++|\)++")
_MASK = "·"
_WIDTH = 80
_SHOWN = 40


@dataclass(frozen=True)
class SyntaxProblem:
    """One mistake in a template.

    Attributes:
        message: What is wrong.
        line: Line, from 1.
        column: Column, from 1.
        snippet: The text of that line, at most 80 characters of it.
        error_type: ``unmatched_brace``, ``unmatched_conditional``, ``malformed_variable`` or ``invalid_block``; of
            ``constant_sections`` ``constant_conditional``.
    """

    message: str
    line: int
    column: int
    snippet: str
    error_type: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}\n    {self.snippet}"


def find_problems(template: str) -> list[SyntaxProblem]:
    """All mistakes in a template, in order; none in a good one."""
    tags = _Tags(template)
    found = [*tags.found, *_lone_braces(tags.text, tags.unclosed), *_lone_sections(tags.text)]
    if found:
        return list(_problems(template, sorted(found)))
    try:
        COMPILER.compile(template, TemplateMode.MIXED)
    except TemplateError as error:
        line, column = error.line or 1, error.column or 1
        return [SyntaxProblem(error.message, line, column, _snippet(error.source_line or "", column), "invalid_block")]
    return []


def lone_sections(template: str) -> list[SyntaxProblem]:
    """The marks of sections in a good template that have no partner, and are text; quick where all parentheses pair."""
    if not _unpaired((found.start(), found[0] == "(") for found in _PARENTHESIS.finditer(template)):
        return []
    return list(_problems(template, sorted(_lone_sections(_Tags(template).text))))


def constant_sections(template: str) -> list[SyntaxProblem]:
    """Sections of a good template in which no tag stands: always kept, without their parentheses.

    Somebody who wrote a call, ``np.zeros((3, 4))``, did not mean one.
    """
    if "((" not in template:
        return []
    tags = _Tags(template, checked=False)
    pairs = match_sections((run.start(), run[0]) for run in _RUN.finditer(tags.text))
    found = [(start, end) for start, end in pairs if not tags.any_between(start, end)]
    told = [(start, "constant_conditional", _told(template, start, end)) for start, end in found]
    return list(_problems(template, sorted(told)))


def _told(template: str, start: int, end: int) -> str:
    inside = " ".join(template[start + MARK : end].split())
    shown = inside if len(inside) <= _SHOWN else f"{inside[:_SHOWN]}..."
    return f"'(({shown}))' is an optional section without a variable: its parentheses go"


_Found = tuple[int, str, str]  # offset, kind, message


def _problems(template: str, found: list[_Found]) -> Iterator[SyntaxProblem]:
    lines = template.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    for offset, kind, message in found:
        line = bisect_right(starts, offset) - 1
        column = offset - starts[line] + 1
        yield SyntaxProblem(message, line + 1, column, _snippet(lines[line], column), kind)


def _snippet(line: str, column: int) -> str:
    start = max(0, column - _WIDTH // 2)
    return line[start : start + _WIDTH].strip()


class _Tags:
    """The tags of a template: their mistakes, and what is around them.

    Attributes:
        found: Tags that do not end, and expressions that are none.
        unclosed: Offsets of the braces of tags that do not end.
        text: The template, same length, with ``·`` for each character of a tag, comment or raw block.
    """

    def __init__(self, template: str, *, checked: bool = True) -> None:
        self.found: list[_Found] = []
        self._begins: list[int] = []
        self.unclosed: set[int] = set()
        parts: list[str] = []
        at = 0
        while opening := _OPENING.search(template, at):
            start, mark = opening.start(), opening[0]
            parts.append(template[at:start])
            end = _end(template, opening)
            if end is None:
                self.found.append((start, "unmatched_brace", f"{mark!r} without its end"))
                self.unclosed.update((start, start + 1))
                at = opening.end()
                parts.append(mark)
                continue
            if mark == "{{" and checked:
                self._check(template[start:end], start)
            if mark in ("{{", "{%"):
                self._begins.append(start)
            parts.append(_MASK * (end - start))
            at = end
        self.text = "".join([*parts, template[at:]])

    def any_between(self, start: int, end: int) -> bool:
        """Whether an expression or a block tag begins there."""
        at = bisect_right(self._begins, start)
        return at < len(self._begins) and self._begins[at] < end

    def _check(self, expression: str, start: int) -> None:
        """Note an expression that Jinja does not read."""
        if _PLAIN.fullmatch(expression):
            return
        from .jinja.template import parse_error

        message = parse_error(expression, COMPILER.environment(TemplateMode.MIXED))
        if message is not None:
            self.found.append((start, "malformed_variable", f"{expression[:60]!r} is no variable: {message}"))


def _end(template: str, opening: re.Match[str]) -> int | None:
    """Where the tag that opens here ends; None if it does not."""
    if opening[0] == "{#":
        closing: re.Match[str] | None = _ENDCOMMENT.search(template, opening.end())
    elif opening[0].endswith("%}"):
        closing = _ENDRAW.search(template, opening.end())
    else:
        return _closing(template, opening.end(), opening[0])
    return closing.end() if closing else None


def _closing(template: str, at: int, mark: str) -> int | None:
    """Where a tag ends whose inside begins here; None if another one begins before."""
    depth = 0
    while token := _IN_TAG.search(template, at):
        text, at = token[0], token.end()
        if text == "{":
            depth += 1
        elif text == "}":
            if mark == "{{" and not depth:
                return token.end() + 1 if template.startswith("}", token.end()) else None
            depth -= 1
        elif text.endswith("%}") and mark == "{%":
            return token.end()
        elif text in ("{{", "{%"):
            return None
    return None


_Mark = tuple[int, bool]  # offset of a brace or parenthesis, and whether it opens


def _unpaired(marks: Iterable[_Mark]) -> list[int]:
    """The offsets of those without a partner, in order."""
    opened: list[int] = []
    lone: list[int] = []
    for offset, opens in marks:
        if opens:
            opened.append(offset)
        elif opened:
            opened.pop()
        else:
            lone.append(offset)
    return sorted(lone + opened)


def _braces(text: str) -> Iterator[_Mark]:
    """The braces of a text, without those in the strings of what looks like JSON."""
    depth = 0
    for token in _BRACE.finditer(text):
        if token[0][0] == '"' and depth:
            continue
        for offset in range(token.start(), token.end()):
            if text[offset] in "{}":
                depth = max(0, depth + (1 if text[offset] == "{" else -1))
                yield offset, text[offset] == "{"


def _lone_braces(text: str, reported: set[int]) -> Iterator[_Found]:
    """Braces in the text without a partner; a run of them is one mistake."""
    lone = [offset for offset in _unpaired(_braces(text)) if offset not in reported]
    for previous, offset in zip([-2, *lone], lone, strict=False):
        if previous + 1 != offset or text[previous] != text[offset]:
            yield offset, "unmatched_brace", f"{text[offset]!r} without its partner"


def _lone_sections(text: str) -> Iterator[_Found]:
    """``((`` and ``))`` that are neither a section's marks nor the parentheses of calls."""
    runs = [(run.start(), run[0]) for run in _RUN.finditer(text)]
    marks = {offset + step for pair in match_sections(runs) for offset in pair for step in range(MARK)}
    free = [[at for at in range(start, start + len(run)) if at not in marks] for start, run in runs]
    lone = set(_unpaired((at, text[at] == "(") for offsets in free for at in offsets))
    for offsets in free:
        alone = [at for at in offsets if at in lone]
        if alone and len(offsets) >= MARK:
            mark, partner = ("((", "))") if text[alone[0]] == "(" else ("))", "((")
            yield alone[0], "unmatched_conditional", f"{mark!r} without its {partner!r}"
