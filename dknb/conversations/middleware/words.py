"""Words replaced in a text that arrives in pieces, wherever it is cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

__all__ = ["WordReplacer", "replace_words"]


class WordReplacer:
    """Replaces words in a text that arrives in pieces: what comes out, joined, is what `replace_words` makes of it all.

    What may be the beginning of a word is held back until it is known; nothing else is. Where two words begin at the
    same place the longer counts, and what was put in is not searched again.

    Args:
        words: What to replace; empty ones are left out.
        replacement: What to put in for a word as it stands in the text.
        case_sensitive: Whether capitals count.
    """

    def __init__(self, words: Iterable[str], replacement: Callable[[str], str], *, case_sensitive: bool = True) -> None:
        self._fold = str if case_sensitive else _folded
        self._words = sorted({self._fold(word) for word in words if word}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._words)) or r"(?!)")
        self._longest = len(self._words[0]) if self._words else 0
        self._replacement = replacement
        self._held = ""

    def feed(self, text: str) -> str:
        """What is settled by now."""
        return self._take(self._held + text, more=True)

    def finish(self) -> str:
        """The rest."""
        return self._take(self._held, more=False)

    def _take(self, text: str, *, more: bool) -> str:
        folded = self._fold(text)
        out: list[str] = []
        place = 0
        while (found := self._pattern.search(folded, place)) is not None:
            if more and self._open(folded, place) <= found.start():
                break  # it may be the beginning of a longer one
            out += [text[place : found.start()], self._replacement(text[found.start() : found.end()])]
            place = found.end()
        settled = self._open(folded, place) if more else len(text)
        self._held = text[settled:]
        return "".join([*out, text[place:settled]])

    def _open(self, folded: str, place: int) -> int:
        """Where the earliest word begins that the end of the text may be the beginning of; its end if none does."""
        for start in range(max(place, len(folded) - self._longest + 1), len(folded)):
            tail = folded[start:]
            if any(len(word) > len(tail) and word.startswith(tail) for word in self._words):
                return start
        return len(folded)


def replace_words(
    text: str, words: Iterable[str], replacement: Callable[[str], str], *, case_sensitive: bool = True
) -> str:
    """``text`` with each of ``words`` replaced, in one go from left to right."""
    replacer = WordReplacer(words, replacement, case_sensitive=case_sensitive)
    return replacer.feed(text) + replacer.finish()


def _folded(text: str) -> str:
    """Small letters, each in the place of its capital; those that would take two places stay."""
    small = text.lower()
    return (
        small if len(small) == len(text) else "".join([low if len(low := char.lower()) == 1 else char for char in text])
    )
