"""Which characters of a prompt a retrieved text became.

What a template does with a value cannot be followed, so the prompt is rendered a second time with marks around each
result. They are characters that Unicode keeps for such uses and no text has. When that render without its marks is the
prompt, the marks were where the results are; otherwise (a filter looked at the length, say) the results are looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .passages import Passages

__all__ = ["ResultMarks", "Span"]

_BEGIN, _AFTER_NUMBER, _END = "\ufdd0", "\ufdd1", "\ufdd2"
_DIGITS = "\ufdd3\ufdd4\ufdd5\ufdd6\ufdd7\ufdd8\ufdd9\ufdda\ufddb\ufddc"
_MARK = re.compile(f"{_BEGIN}([{_DIGITS}]+){_AFTER_NUMBER}|{_END}")
_TO_MARK = {ord(str(digit)): mark for digit, mark in enumerate(_DIGITS)}
_FROM_MARK = {ord(mark): str(digit) for digit, mark in enumerate(_DIGITS)}


class Span(NamedTuple):
    """A result's place: the key of its retrieval, its index there, and its characters from ``start`` up to ``end``."""

    key: str
    result: int
    start: int
    end: int


class ResultMarks:
    """The marks of one render; each result that goes into it gets a number."""

    def __init__(self) -> None:
        self._owners: list[tuple[str, int, str]] = []

    def marked(self, key: str, passages: Passages) -> str:
        """The text of these passages, with a mark before and after each result. White space around it stays outside."""
        texts = []
        for text, result in passages.parts:
            core = text.strip()
            if result is None or not core:
                texts.append(text)
                continue
            start = text.index(core)
            number = str(len(self._owners)).translate(_TO_MARK)
            texts += [text[:start], _BEGIN, number, _AFTER_NUMBER, core, _END, text[start + len(core) :]]
            self._owners.append((key, result, core))
        return "".join(texts)

    def spans(self, marked_text: str, text: str) -> list[Span]:
        """The places of the results in ``text``, of which ``marked_text`` is the render with marks."""
        found = list(self._read(marked_text))
        if _MARK.sub("", marked_text) != text or _MARK.search(text):
            found = list(self._searched(text))
        return sorted(found, key=lambda span: (span.start, span.end))

    def _read(self, marked_text: str) -> Iterator[Span]:
        removed = 0
        opened: tuple[int, int] | None = None
        for mark in _MARK.finditer(marked_text):
            at = mark.start() - removed
            removed += len(mark[0])
            if mark[1] is not None:
                opened = at, int(mark[1].translate(_FROM_MARK))
            elif opened is not None:
                key, result, _ = self._owners[opened[1]]
                yield Span(key, result, opened[0], at)
                opened = None

    def _searched(self, text: str) -> Iterator[Span]:
        at = 0
        for key, result, core in self._owners:
            start = text.find(core, at)
            if start < 0:
                start = text.find(core)
            if start >= 0:
                at = start + len(core)
                yield Span(key, result, start, at)
