"""From results to text: each result through its template, within the budget, and where it stands in the prompt."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..adapters.ids import id_of_text
from .retrieval import Retrieval

__all__ = ["CountTokens", "Passages", "estimated_tokens", "passages_of", "shown_source", "source_of"]

CountTokens = Callable[[str], int]
Result = Mapping[str, Any]

#: Where a result's metadata say where it comes from, the first that is there.
_SOURCES = ("source", "url", "path", "file", "title", "name", "id", "document_id", "record_id", "key")
_IDS = frozenset({"id", "document_id"})


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has, as the filter ``count_tokens`` says: four characters each."""
    return len(text) // 4


class PassagePart(NamedTuple):
    """A part of the text, and the index of the result that it is; None for the header and what is no single result."""

    text: str
    result: int | None


@dataclass(frozen=True, slots=True)
class Passages:
    """The text that a placeholder becomes.

    Attributes:
        parts: Header and results, in order.
        dropped: Indexes of results that the budget left no room for.
    """

    parts: tuple[PassagePart, ...] = ()
    dropped: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(part.text for part in self.parts)


def passages_of(
    retrieval: Retrieval, results: Sequence[Result], header: str, count_tokens: CountTokens = estimated_tokens
) -> Passages:
    """Header and results as text; nothing when there are no results.

    Where ``max_tokens`` leaves no room for all, results of the lowest score go first, of equal ones the last.

    Raises:
        TemplateError: The template of a result cannot be rendered.
    """
    everything = range(len(results))
    most = retrieval.config.get("max_tokens")
    if most is None:
        return Passages(_parts(retrieval, results, everything, header))
    ranked = sorted(everything, key=lambda index: (-_rank(results[index]), index))

    def kept(number: int) -> tuple[PassagePart, ...]:
        return _parts(retrieval, results, sorted(ranked[:number]), header)

    fitting, too_many = 0, len(ranked) + 1
    while too_many - fitting > 1:
        number = (fitting + too_many) // 2
        if count_tokens("".join(part.text for part in kept(number))) <= most:
            fitting = number
        else:
            too_many = number
    return Passages(kept(fitting), tuple(reversed(ranked[fitting:])))


def _rank(result: Result) -> float:
    score = result.get("score")
    number = isinstance(score, int | float) and score == score
    return float(score) if number and score is not None else float("-inf")


def _parts(
    retrieval: Retrieval, results: Sequence[Result], kept: Iterable[int], header: str
) -> tuple[PassagePart, ...]:
    items = [PassagePart(_item(retrieval, results, index, number), index) for number, index in enumerate(kept, 1)]
    if not items:
        return ()
    if "item_template" not in retrieval.config:
        items = _apart(items)
    return (PassagePart(header, None), *items) if header else tuple(items)


def _apart(items: Sequence[PassagePart]) -> list[PassagePart]:
    """Items with a line end between two that would run together: nobody wrote a template that says otherwise."""
    parts = [items[0]]
    for item in items[1:]:
        before = parts[-1].text
        if before and item.text and not before[-1].isspace() and not item.text[0].isspace():
            parts.append(PassagePart("\n", None))
        parts.append(item)
    return parts


def _item(retrieval: Retrieval, results: Sequence[Result], index: int, number: int) -> str:
    result = results[index]
    metadata = result.get("metadata") or {}
    values = {
        **{name: value for name, value in metadata.items() if isinstance(name, str)},
        "source": shown_source(result, retrieval.config["adapter_name"], index),
        "content": result.get("content"),
        "score": result.get("score"),
        "index": number,
        "metadata": metadata,
    }
    return retrieval.item.render(values, prompt_name=f"{retrieval.prompt_name} (item_template of {retrieval.key})").text


def source_of(result: Result) -> str | None:
    """Where a result says that it comes from; an id that was made of its text says nothing."""
    metadata = result.get("metadata") or {}
    told = ((key, metadata.get(key)) for key in _SOURCES)
    return next(
        (str(value) for key, value in told if _says(value) and not (key in _IDS and _is_made(value, result))), None
    )


def shown_source(result: Result, adapter_name: str, index: int) -> str:
    """What a result is called: where it says that it comes from, else by its data source, with its row or place there."""
    row = (result.get("metadata") or {}).get("row", index)
    return source_of(result) or f"{adapter_name}[{row}]"


def _is_made(value: object, result: Result) -> bool:
    return isinstance(value, str) and value == id_of_text(str(result.get("content")))


def _says(value: object) -> bool:
    """Whether a value of metadata names something; what tables have for a value that is missing does not."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return False
    return not (isinstance(value, float) and math.isnan(value)) and type(value).__name__ not in ("NAType", "NaTType")
