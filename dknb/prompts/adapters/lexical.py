"""How near texts are to a query by the words they share; no index, no model."""

from __future__ import annotations

import heapq
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ConfigError
from .base import SearchResult
from .filters import Filters
from .forms import FUNCTION_WORDS, OF_A_FORM, WordForms

__all__ = ["checked_k", "checked_query", "found", "ranked", "text_scores"]

_WORD = re.compile(r"\w+")
# Scripts that are written without spaces: there, two neighbouring letters are as near to a word as one gets.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
# The usual constants of BM25: how soon a word's repetitions stop to count, and how much a text's length does.
_K1, _B = 1.2, 0.75
#: What a text gets that contains the whole query as it stands, and how much the words may add to it.
_CONTAINS = 0.8
#: What a word counts by being there; the rest is for how often, and in how short a text.
_THERE = 0.75
#: What a word counts that questions are made of, beside one that says what they are about.
_OF_A_FUNCTION_WORD = 0.02


def text_scores(query: str, texts: Sequence[str], *, case_sensitive: bool = False) -> list[float | None]:
    """A score between 0 and 1 for each text; None for one that shares no word with the query.

    1.0 is the query itself; from 0.8 up are texts that contain it as it stands. Below, the score is the share of the
    query's words that a text has: about 0.6 and more with all of them, 0.35 with half of them. A word weighs the more the fewer of
    the texts have it; ``the``, ``when`` and their like weigh little, in English. Inflected English words are the same word
    (burn, burned), other endings half of one. Within a share, texts with more mentions in less text come first, as in
    BM25. A blank query is in every text, and says nothing about any: 0.0. A blank text is never found.

    >>> text_scores("red apple", ["green apple", "a red apple", "pears"])  # doctest: +ELLIPSIS
    [0.2..., 0.9..., None]
    """
    wanted = _folded(query, case_sensitive).strip()
    if not wanted:
        return [0.0 if text.strip() else None for text in texts]
    folded = [_folded(text, case_sensitive) for text in texts]
    scores = _word_scores(set(_words(wanted)), folded)
    return [_score(wanted, text, score) for text, score in zip(folded, scores, strict=True)]


def _score(wanted: str, text: str, words: float) -> float | None:
    if text.strip() == wanted:
        return 1.0
    if wanted in text:
        return _CONTAINS + (1 - _CONTAINS) * words
    return _CONTAINS * words or None


def _folded(text: str, case_sensitive: bool) -> str:
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    return text if case_sensitive else text.casefold()


def _words(text: str) -> list[str]:
    runs: list[str] = _WORD.findall(text)
    if text.isascii() or not _UNSPACED.search(text):
        return runs
    words: list[str] = []
    for run in runs:
        if _UNSPACED.search(run):
            words += [run[at : at + 2] for at in range(max(1, len(run) - 1))]
        else:
            words.append(run)
    return words


def _word_scores(wanted: set[str], texts: Sequence[str]) -> list[float]:
    forms = WordForms(wanted)
    counts = [_counted(forms, text) for text in texts]
    holders = Counter(word for count in counts for word in count)
    # Sorted: a sum of floats depends on its order, and a set's order on the process.
    weight = {word: _weight(word, holders[word], len(texts)) for word in sorted(wanted)}
    whole = sum(weight.values())
    usual = sum(map(len, texts)) / len(texts) if texts else 1.0
    scores = []
    for count, text in zip(counts, texts, strict=True):
        length = _K1 * (1 - _B + _B * len(text) / (usual or 1.0))
        shares = (weight[word] * _share(times, length) for word, times in sorted(count.items()))
        scores.append(sum(shares) / (whole or 1.0))
    return scores


def _weight(word: str, holders: int, texts: int) -> float:
    """How much a word says about a text: the more the rarer it is; one that none has counts as if one had it."""
    rarity = math.log(1 + (texts - holders + 0.5) / (holders + 0.5)) if holders else math.log(1 + (texts + 0.5) / 1.5)
    return rarity * (_OF_A_FUNCTION_WORD if word in FUNCTION_WORDS else 1.0)


def _share(times: float, length: float) -> float:
    """What of a word's weight a text gets that has it so many times."""
    return _THERE * min(times, 1.0) + (1 - _THERE) * times / (times + length)


def _counted(forms: WordForms, text: str) -> dict[str, float]:
    """How often each wanted word is there; one that is there in another form alone counts half."""
    if not forms.may_be_in(text):
        return {}
    counts: dict[str, float] = {}
    loose: set[str] = set()
    for word, times in Counter(_words(text)).items():
        for wanted, is_same in forms.of(word):
            if is_same:
                counts[wanted] = counts.get(wanted, 0.0) + times
            else:
                loose.add(wanted)
    return {**dict.fromkeys(loose, OF_A_FORM), **counts}


def checked_query(query: object, k: object) -> None:
    """Refuse a query that is no text, and a number of results that is none from 1.

    Raises:
        ConfigError: One of them is wrong.
    """
    if not isinstance(query, str):
        raise ConfigError(f"The query is {query!r}, which is no text.")
    checked_k(k)


def checked_k(k: object) -> None:
    """Refuse a number of results that is none from 1.

    Raises:
        ConfigError: It is none.
    """
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise ConfigError(f"k is {k!r}; it is the number of results, at least 1.")


def ranked(scores: Sequence[float | None], k: int, min_score: float | None) -> list[tuple[int, float]]:
    """Place and score of the ``k`` highest, those of one score in their order; None is no score."""
    least = -math.inf if min_score is None else min_score
    scored = [(place, score) for place, score in enumerate(scores) if score is not None and score >= least]
    return heapq.nsmallest(k, scored, key=lambda pair: -pair[1])


def found(
    query: str,
    k: int,
    documents: Sequence[tuple[str, Mapping[str, Any]]],
    filters: Mapping[str, Any] | None,
    min_score: float | None,
    *,
    case_sensitive: bool = False,
) -> list[SearchResult]:
    """The documents, each its text and metadata, that match the filters and share words with the query; best first.

    Raises:
        ConfigError: ``k`` or a filter is wrong.
    """
    checked_query(query, k)
    if conditions := Filters(filters):
        conditions.check_fields(metadata for _, metadata in documents)
        documents = [document for document in documents if conditions.match(document[1])]
    scores = text_scores(query, [text for text, _ in documents], case_sensitive=case_sensitive)
    return [
        SearchResult(content=documents[place][0], score=score, metadata=dict(documents[place][1]))
        for place, score in ranked(scores, k, min_score)
    ]
