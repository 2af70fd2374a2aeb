"""Forms of words: which word of a text is a word of a query, in another inflection."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache, lru_cache
from typing import Any

__all__ = ["FUNCTION_WORDS", "OF_A_FORM", "WordForms"]

#: What a word counts that is there only with another ending.
OF_A_FORM = 0.5
#: Letters by which a form is looked for.
_HEAD = 3
#: Letters that two forms of a word have in common at least, and how long an ending may be.
_STEM, _ENDING = 4, 3
#: Words of a query up to which their forms are looked for.
_FEW = 40
_LISTED = """
    a an the this that these those some any each
    i me my we us our you your he him his she her it its they them their there here
    am is are was were be been being do does did done have has had can could will would shall should may might must
    who whom whose what which when where why how
    of in on at to from by for with about as into onto
    and or but if so than then not no
"""
#: What English questions are made of, whatever they are about.
FUNCTION_WORDS = frozenset(_LISTED.split())


class WordForms:
    """The words of a query, ready to be recognised.

    Of more than 40 words only the words themselves are recognised, so that a text against a text takes no longer.
    """

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = frozenset(wanted)
        self._heads: dict[str, list[str]] = {}
        if len(self._wanted) <= _FEW:
            for word in sorted(self._wanted - FUNCTION_WORDS):
                self._heads.setdefault(word[:_HEAD], []).append(word)
        self._starts = frozenset(word[:_HEAD] for word in self._wanted)

    def may_be_in(self, text: str) -> bool:
        """Whether a text can have one of the words; quick, and never wrong when it says no."""
        return len(self._wanted) > _FEW or any(start in text for start in self._starts)

    def of(self, word: str) -> Iterator[tuple[str, bool]]:
        """The wanted words that a word of a text is a form of, and whether it is as good as the word itself."""
        if word in self._wanted:
            yield word, True
            return
        for wanted in self._heads.get(word[:_HEAD], ()):
            if _stem(word) == _stem(wanted):
                yield wanted, True
            elif _is_form(wanted, word):
                yield wanted, False


@cache
def _stemmer() -> Any:
    # A tenth of a second, so at the first search. The package has no types.
    from snowballstemmer.english_stemmer import EnglishStemmer  # type: ignore[import-untyped]

    return EnglishStemmer


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    """The word without its English inflection; of other alphabets the word itself."""
    # A stemmer keeps the word that it works on: one for each call, as any thread may search.
    stem: str = _stemmer()().stemWord(word) if word.isascii() else word
    return stem


def _is_form(word: str, other: str) -> bool:
    """Whether two words differ in their endings alone: burnt and burned, Haus and Hauses, not format and former."""
    shorter, longer = sorted((word, other), key=len)
    if len(shorter) < _STEM or shorter[:_STEM] != longer[:_STEM]:
        return False
    least = max(len(longer) - _ENDING, len(shorter) - 1)
    return len(shorter) >= least and longer[:least] == shorter[:least]
