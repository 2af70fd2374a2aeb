"""Full-text search over what was said: words, queries, and what is found. The same words in every store."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from .node import with_zone

__all__ = ["CANDIDATES", "Hit", "Query", "Said", "fold", "matching", "rank", "words_of"]

#: How many of the newest messages that have the words are ranked, and how many characters of them at most.
CANDIDATES = 200
MOST_TEXT = 4_000_000

#: Characters of a snippet, about.
SNIPPET = 120

#: Words of a query that are looked for; what is beyond is left out.
MOST_WORDS = 32

# How soon a word said again counts less, and how much a long message is held against it (Robertson and Walker's BM25).
_K, _B = 1.2, 0.75

_WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")
_ACCENTS = re.compile(r"(?<=[a-z])[\u0300-\u036f]+")


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for. All conditions that are given hold for what is found.

    Attributes:
        text: Words, all of which must have been said, in any order; case and accents do not count. It is no syntax: quotes,
            operators and punctuation only part words. Without a word in it nothing is found.
        conversation_id: Only in this conversation.
        role: Only what this role said.
        labels: Only nodes that have all of these labels.
        since: Only what was said then or later (UTC, where no zone is given).
        before: Only what was said earlier.
        deleted: Whether to look at what was deleted too.
        limit: Most hits.
    """

    text: str
    conversation_id: str | None = None
    role: str | None = None
    labels: Sequence[str] = ()
    since: datetime | None = None
    before: datetime | None = None
    deleted: bool = False
    limit: int = 20

    @property
    def words(self) -> list[str]:
        """The words to look for, folded, each once."""
        return list(dict.fromkeys(words_of(self.text)))[:MOST_WORDS]

    @property
    def typed(self) -> list[str]:
        """The words to look for, as they were typed."""
        return _WORD.findall(self.text)[:MOST_WORDS]


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found.

    Attributes:
        conversation_id: Its conversation.
        seq: Its number there: ``state.stored[seq]``, or `ConversationStorage.load_path`.
        role: Who said it.
        timestamp: When (UTC).
        snippet: The part of it with the most of the words, on one line.
        marks: Where in the snippet the words are: pairs of start and end.
        score: How well it fits, 0 to 1: how often it has the words, for its length.
    """

    conversation_id: str
    seq: int
    role: str
    timestamp: datetime
    snippet: str
    marks: tuple[tuple[int, int], ...]
    score: float


class Said(NamedTuple):
    """A message as a search sees it."""

    conversation_id: str
    seq: int
    role: str
    timestamp: datetime
    content: str
    labels: frozenset[str] = frozenset()
    hidden: bool = False


def fold(text: str) -> str:
    """``text`` as it is compared: in lower case, Latin letters without their accents."""
    text = text.lower()
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))


def words_of(text: str) -> Iterator[str]:
    """The words of ``text``, folded: letters and digits, parted by anything else."""
    return (fold(word.group()) for word in _WORD.finditer(text))


def matching(said: Iterable[Said], query: Query) -> list[Said]:
    """Those of ``said`` that ``query`` asks for, newest first, at most `CANDIDATES`: for a store that has no index."""
    words = query.words
    if not words:
        return []
    fitting = [each for each in said if _fits(each, query) and _has_all(fold(each.content), words)]
    fitting.sort(key=lambda each: each.timestamp, reverse=True)
    return fitting[:CANDIDATES]


def _fits(said: Said, query: Query) -> bool:
    return (
        query.conversation_id in (None, said.conversation_id)
        and query.role in (None, said.role)
        and (query.deleted or not said.hidden)
        and said.labels.issuperset(query.labels)
        and (query.since is None or said.timestamp >= with_zone(query.since))
        and (query.before is None or said.timestamp < with_zone(query.before))
    )


def _has_all(folded: str, words: Sequence[str]) -> bool:
    return all(next(_places(folded, word), None) is not None for word in words)


def rank(said: Iterable[Said], query: Query) -> list[Hit]:
    """The best of ``said``, which come newest first; of two that fit alike the newer."""
    words, room = query.words, MOST_TEXT
    folded: list[tuple[Said, str]] = []
    for each in said:
        if folded and len(each.content) > room:
            break
        room -= len(each.content)
        folded.append((each, fold(each.content)))
    usual = sum(len(text) for _, text in folded) / max(len(folded), 1) or 1.0
    scored = [(_score(text, words, usual), each) for each, text in folded]
    scored.sort(key=lambda pair: -pair[0])
    return [_hit(each, words, score) for score, each in scored[: max(query.limit, 0)]]


def _score(folded: str, words: Sequence[str], usual: float) -> float:
    slowness = _K * (1 - _B + _B * len(folded) / usual)
    counts = [sum(1 for _ in _places(folded, word)) for word in words]
    return round(sum(count / (count + slowness) for count in counts) / len(words), 6)


def _places(folded: str, word: str) -> Iterator[int]:
    """Where ``word`` stands as a whole word."""
    at = folded.find(word)
    while at >= 0:
        end = at + len(word)
        if not (folded[at - 1 : at].isalnum() or folded[end : end + 1].isalnum()):
            yield at
        at = folded.find(word, end)


def _hit(said: Said, words: Sequence[str], score: float) -> Hit:
    begin = _best_place(said.content, words)
    start = max(0, begin - SNIPPET // 4)
    if start:
        start = said.content.find(" ", start, begin) + 1 or start
    end = min(len(said.content), start + SNIPPET)
    line = " ".join(said.content[start:end].split())
    snippet = f"{'…' if start else ''}{line}{'…' if end < len(said.content) else ''}"
    wanted = set(words)
    marks = tuple(word.span() for word in _WORD.finditer(snippet) if fold(word.group()) in wanted)
    return Hit(said.conversation_id, said.seq, said.role, said.timestamp, snippet, marks, score)


def _best_place(text: str, words: Sequence[str]) -> int:
    """Where the most of the different words stand close together; the beginning if none is found."""
    folded = fold(text)
    places = sorted((at, word) for word in words for at, _ in zip(_places(folded, word), range(20), strict=False))
    best, most = 0, 0
    for number, (at, _) in enumerate(places):
        near = {word for place, word in places[number : number + 40] if place - at < SNIPPET // 2}
        if len(near) > most:
            best, most = at, len(near)
    # Folding may have made the text shorter; then the place is about right.
    return min(best, len(text))
