"""What retrieval put into a prompt: the passages, where they stand in it, and where they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .text import counted, printable, shorten

__all__ = ["RetrievedPassage", "SearchDone", "passage_said", "retrieved", "search_said", "segments"]


@dataclass(frozen=True)
class RetrievedPassage:
    """A stretch of a prompt that was retrieved.

    Attributes:
        start: Its first character in the prompt, from 0.
        end: The character after its last.
        source: Where it came from.
        score: How well it answered the query; None where the data source does not say.
    """

    start: int
    end: int
    source: str
    score: float | None


@dataclass(frozen=True)
class SearchDone:
    """One search for a prompt.

    Attributes:
        placeholder: The variable that the results became.
        adapter: The data source.
        query: What was searched for.
        found: How many results there were.
        dropped: How many of them did not go in, for the budget of tokens.
        passages: Those that went in.
    """

    placeholder: str
    adapter: str
    query: str
    found: int
    dropped: int
    passages: Sequence[RetrievedPassage]


def retrieved(rag_metadata: Mapping[str, Any] | None, places: Sequence[int] = ()) -> list[SearchDone]:
    """The searches that the ``rag_metadata`` of a render tell of; ``places`` is where each message begins."""
    return [_search(name, facts, places) for name, facts in (rag_metadata or {}).items()]


def _search(placeholder: str, facts: Mapping[str, Any], places: Sequence[int]) -> SearchDone:
    results = facts["results"]
    passages = [_passage(facts, span, places[span["message"]] if places else 0) for span in facts["spans"]]
    return SearchDone(placeholder, facts["adapter_name"], facts["query"], len(results), len(facts["dropped"]), passages)


def _passage(facts: Mapping[str, Any], span: Mapping[str, Any], at: int) -> RetrievedPassage:
    number, score = span["result"], span["score"]
    metadata = facts["results"][number].get("metadata") or {}
    source = span["source"] or f"{facts['adapter_name']}[{metadata.get('row', number)}]"
    known = isinstance(score, int | float) and score == score
    return RetrievedPassage(at + span["start"], at + span["end"], str(source), float(score) if known else None)


def segments(text: str, retrievals: Sequence[SearchDone]) -> Iterator[tuple[str, RetrievedPassage | None]]:
    """The text in stretches, each with the passage that it is, if it is one; joined, they are the text."""
    at = 0
    passages = sorted((each for one in retrievals for each in one.passages), key=lambda each: (each.start, each.end))
    for passage in passages:
        if not at <= passage.start <= passage.end <= len(text):
            continue  # a passage inside another is part of it
        if passage.start > at:
            yield text[at : passage.start], None
        yield text[passage.start : passage.end], passage
        at = passage.end
    if at < len(text):
        yield text[at:], None


def passage_said(passage: RetrievedPassage) -> str:
    """Where a passage came from, and its score, on a line."""
    score = "" if passage.score is None else f" · score {passage.score:.3g}"
    return f"{printable(shorten(passage.source, 200))}{score}"


def search_said(search: SearchDone) -> str:
    """What was searched for where, and how much of it went in, on a line."""
    said = f"{search.placeholder}: {counted(search.found, 'result')} of {search.adapter!r} for"
    said += f" {shorten(search.query, 80)!r}"
    if search.dropped:
        said += f", {search.dropped} left out for the budget of tokens"
    return printable(said)
