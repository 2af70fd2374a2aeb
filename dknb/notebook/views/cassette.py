"""A recording as a table: its entries, what may be a secret in it, and an entry beside a fresh answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from ...conversations.diff import diff_words
from ...llm.messages import LLMResponse
from ...llm.recordings.check import Suspect
from ...llm.recordings.reader import EntryPlace, RecordedEntry
from .table import table_bundle
from .text import money, note, one_line, seconds, verbatim
from .words import words_as_html, words_as_text

__all__ = ["changes_bundle", "entries_bundle", "size_shown", "suspects_bundle", "with_note"]

_QUESTION, _ANSWER = 50, 50


def entries_bundle(title: str, entries: Sequence[tuple[RecordedEntry, Sequence[EntryPlace]]]) -> dict[str, str]:
    """A row for each request: its entry, and the places of all answers to it."""
    rows = [
        (
            entry.place.name,
            entry.spec,
            one_line(entry.question, _QUESTION),
            one_line(entry.answer, _ANSWER),
            str(len(places)),
            _when(entry.at),
            size_shown(sum(place.size for place in places)),
            _price(entry.response, len(places)),
        )
        for entry, places in entries
    ]
    head = ("entry", "model", "question", "answer", "samples", "recorded", "size", "price")
    return table_bundle(head, rows, title=title)


def suspects_bundle(title: str, suspects: Sequence[Suspect]) -> dict[str, str]:
    """A row for each place that looks like a secret, without the secret."""
    rows = [(str(suspect.line), one_line(suspect.where, 60), suspect.what) for suspect in suspects]
    return table_bundle(("line", "where", "what"), rows, title=title)


def changes_bundle(entry: RecordedEntry, fresh: LLMResponse) -> dict[str, str]:
    """A recorded answer and a fresh one: their facts side by side, and the words that differ."""
    old, new = _facts(entry.response), _facts(fresh)
    rows = [(what, was, now) for (what, was), (_, now) in zip(old, new, strict=True)]
    head = ("", f"recorded {_when(entry.at)}", "now")
    table = table_bundle(head, rows, title=f"{entry.place.name}: {one_line(entry.question, _QUESTION)}")
    if entry.response.content == fresh.content:
        return with_note(table, "the text is the same")
    runs = diff_words(entry.response.content, fresh.content)
    return {
        "text/plain": table["text/plain"] + "\n" + words_as_text("text", runs),
        "text/html": table["text/html"] + verbatim(words_as_html("text", runs)),
    }


def with_note(table: dict[str, str], told: str) -> dict[str, str]:
    """A table with a quiet line below it."""
    quiet = note(told)
    return {name: f"{text}\n{quiet[name]}" for name, text in table.items()}


def _facts(response: LLMResponse) -> list[tuple[str, str]]:
    usage = response.usage or {}
    calls = ", ".join(f"{call.name}({call.arguments_json})" for call in response.tool_calls)
    duration = response.metadata.get("duration_s")
    return [
        ("model", response.model),
        ("finish reason", str(response.finish_reason)),
        ("tokens in", _count(usage.get("prompt_tokens"))),
        ("tokens out", _count(usage.get("completion_tokens"))),
        ("price", money(response.cost_usd)),
        ("time", "unknown" if duration is None else seconds(duration)),
        ("tool calls", one_line(calls, 80) or "none"),
        ("length", f"{len(response.content):,} characters"),
    ]


def _count(tokens: int | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,}"


def _price(response: LLMResponse, samples: int) -> str:
    return money(response.cost_usd) + (" each" if samples > 1 and response.cost_usd is not None else "")


def _when(at: datetime | None) -> str:
    return "?" if at is None else f"{at.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"


def size_shown(size: int) -> str:
    """Bytes for a person."""
    for unit, many in (("MB", 1_000_000), ("kB", 1_000)):
        if size >= many:
            return f"{size / many:.1f} {unit}"
    return f"{size} B"
