"""Full-text search over what was said: words, queries, and what is found. The same words in every store."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from ..errors import ConfigError, did_you_mean
from .node import ROLES, with_zone

__all__ = ["CANDIDATES", "Hit", "Query", "Said", "fold", "folded_parts", "matching", "rank", "words_of"]

#: How many of the newest messages that have the words are ranked, if no more are asked for, and how many characters of
#: them at most.
CANDIDATES = 200
MOST_TEXT = 4_000_000

#: Most hits that a query may ask for.
MOST_HITS = 10_000

#: Characters of a message that are ranked. In a longer one a word further on is found, but not shown.
MOST_LOOKED_AT = 500_000

#: Characters that are folded in one go, in about a millisecond.
PIECE = 8_192

#: Characters of a snippet, about.
SNIPPET = 120

#: How often a word counts in a piece.
MOST_COUNTED = 1_000

#: Words of a query that are looked for; what is beyond is left out.
MOST_WORDS = 32

# How soon a word said again counts less, and how much a long message is held against it (Robertson and Walker's BM25).
_K, _B = 1.2, 0.75

_WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")
_ACCENTS = re.compile(r"(?<=[a-z])[\u0300-\u036f]+")
_GAP = re.compile(r"\s")


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
        limit: Most hits, 0 to `MOST_HITS`.

    Raises:
        ConfigError: A condition is none.
    """

    text: str
    conversation_id: str | None = None
    role: str | None = None
    labels: Collection[str] = ()
    since: datetime | None = None
    before: datetime | None = None
    deleted: bool = False
    limit: int = 20

    def __post_init__(self) -> None:
        for name, kind, what in _CONDITIONS:
            value = getattr(self, name)
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
                raise ConfigError(
                    f"The {name} of a search is {value!r:.80}, not {what}.", hint="See help(dknb.conversations.Query)"
                )
        if isinstance(self.labels, str) or not all(isinstance(label, str) for label in self.labels):
            raise ConfigError(
                f"The labels of a search are {self.labels!r:.80}, not a list of texts.", hint='labels=["good"]'
            )
        if self.role is not None and self.role not in ROLES:
            raise ConfigError(
                f"Nobody speaks as {self.role!r:.60}.{did_you_mean(self.role, ROLES)}",
                hint=f"Roles: {', '.join(ROLES)}",
            )
        if not 0 <= self.limit <= MOST_HITS:
            raise ConfigError(f"The limit of a search is 0 to {MOST_HITS:,}, not {self.limit}.")

    @property
    def most(self) -> int:
        """How many messages that have the words are looked at."""
        return max(self.limit, CANDIDATES)

    @property
    def words(self) -> list[str]:
        """The words to look for, folded, each once."""
        return list(dict.fromkeys(words_of(self.text)))[:MOST_WORDS]


_TEXT = (str, type(None))
_TIME = (datetime, type(None))
_CONDITIONS: tuple[tuple[str, Any, str], ...] = (
    ("text", str, "a text"),
    ("conversation_id", _TEXT, "a text"),
    ("role", _TEXT, "a text"),
    ("labels", Sequence | Set, "a list of texts"),
    ("since", _TIME, "a datetime"),
    ("before", _TIME, "a datetime"),
    ("deleted", bool, "True or False"),
    ("limit", int, "a number"),
)


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
        node_id: The id of its node, where a conversation was searched; None of a search in the whole store.
    """

    conversation_id: str
    seq: int
    role: str
    timestamp: datetime
    snippet: str
    marks: tuple[tuple[int, int], ...]
    score: float
    node_id: str | None = None


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
    """``text`` as it is compared: without case, in one normal form, Latin letters without their accents."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFD", text).casefold()
    # What casefold() makes of a letter may itself have a case or another form; twice is enough (Unicode, D145).
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", text))


def folded_parts(text: str, most: int | None = None) -> Iterator[str]:
    """``text``, or ``most`` characters of it, folded: in pieces that end with a word, so that other threads have their turn."""
    at, end = 0, len(text) if most is None else min(len(text), most)
    while at < end:
        stop = min(at + PIECE, end)
        if stop < len(text) and (gap := _GAP.search(text, stop, stop + PIECE)) is not None:
            stop = gap.end()
        yield fold(text[at:stop])
        at = stop


def words_of(text: str) -> Iterator[str]:
    """The words of ``text``, folded: letters and digits, parted by anything else."""
    return (word for part in folded_parts(text) for word in _WORD.findall(part))


def matching(said: Iterable[Said], query: Query) -> list[Said]:
    """Those of ``said`` that ``query`` asks for, newest first, at most `Query.most`: for a store that has no index."""
    words = query.words
    if not words:
        return []
    fitting = [each for each in said if _fits(each, query) and _has_all(folded_parts(each.content), words)]
    fitting.sort(key=lambda each: each.timestamp, reverse=True)
    return fitting[: query.most]


def _fits(said: Said, query: Query) -> bool:
    return (
        query.conversation_id in (None, said.conversation_id)
        and query.role in (None, said.role)
        and (query.deleted or not said.hidden)
        and said.labels.issuperset(query.labels)
        and (query.since is None or said.timestamp >= with_zone(query.since))
        and (query.before is None or said.timestamp < with_zone(query.before))
    )


def _has_all(parts: Iterable[str], words: Sequence[str]) -> bool:
    missing = set(words)
    for part in parts:
        missing -= {word for word in missing if next(_places(part, word), None) is not None}
        if not missing:
            return True
    return not missing


def rank(said: Iterable[Said], query: Query) -> list[Hit]:
    """The best of ``said``, which come newest first; of two that fit alike the newer.

    What does not have the words, to whatever an index thought alike, is left out.
    """
    words, room = query.words, MOST_TEXT
    folded: list[tuple[Said, list[str]]] = []
    for each in said:
        if folded and len(each.content) > room:
            break
        parts = list(folded_parts(each.content, MOST_LOOKED_AT))
        if len(each.content) < MOST_LOOKED_AT and not _has_all(parts, words):
            continue
        room -= len(each.content)
        folded.append((each, parts))
    lengths = [sum(map(len, parts)) for _, parts in folded]
    usual = sum(lengths) / max(len(folded), 1) or 1.0
    scored = [
        (_score(parts, words, length / usual), each) for (each, parts), length in zip(folded, lengths, strict=True)
    ]
    scored.sort(key=lambda pair: -pair[0])
    return [_hit(each, words, score) for score, each in scored[: query.limit]]


def _score(parts: Sequence[str], words: Sequence[str], length: float) -> float:
    slowness = _K * (1 - _B + _B * length)
    counts = [sum(1 for part in parts for _ in islice(_places(part, word), MOST_COUNTED)) for word in words]
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
    begin = _best_place(said.content[:MOST_LOOKED_AT], words)
    start = max(0, begin - SNIPPET // 4)
    if start:
        start = said.content.find(" ", start, begin) + 1 or start
    end = min(len(said.content), start + SNIPPET)
    line = " ".join(said.content[start:end].split())
    snippet = f"{'…' if start else ''}{line}{'…' if end < len(said.content) else ''}"
    wanted = set(words)
    marks = tuple(word.span() for word in _WORD.finditer(snippet) if not wanted.isdisjoint(words_of(word.group())))
    return Hit(said.conversation_id, said.seq, said.role, said.timestamp, snippet, marks, score)


def _best_place(text: str, words: Sequence[str]) -> int:
    """Where the most of the different words stand close together; the beginning if none is found."""
    places: list[tuple[int, str]] = []
    begin = 0
    for part in folded_parts(text):
        places += [(begin + at, word) for word in words for at in islice(_places(part, word), 20)]
        begin += len(part)
    places.sort()
    best, most = 0, 0
    for number, (at, _) in enumerate(places):
        near = {word for place, word in places[number : number + 40] if place - at < SNIPPET // 2}
        if len(near) > most:
            best, most = at, len(near)
    # Folding may have made the text shorter; then the place is about right.
    return min(best, len(text))
