"""From results to text: each result through its template, within the budget, and where it stands in the prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .retrieval import Retrieval

__all__ = ["CountTokens", "Passages", "estimated_tokens", "passages_of", "source_of"]

CountTokens = Callable[[str], int]
Result = Mapping[str, Any]

#: Where a result's metadata say where it comes from, the first that is there.
_SOURCES = ("source", "url", "path", "file", "title", "name", "id", "key")


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
    items = [PassagePart(_item(retrieval, results[index], number), index) for number, index in enumerate(kept, 1)]
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


def _item(retrieval: Retrieval, result: Result, number: int) -> str:
    metadata = result.get("metadata") or {}
    values = {
        **{name: value for name, value in metadata.items() if isinstance(name, str)},
        "content": result.get("content"),
        "score": result.get("score"),
        "index": number,
        "metadata": metadata,
    }
    return retrieval.item.render(values, prompt_name=f"{retrieval.prompt_name} (item_template of {retrieval.key})").text


def source_of(result: Result) -> str | None:
    """Where a result says that it comes from."""
    metadata = result.get("metadata") or {}
    return next((str(metadata[key]) for key in _SOURCES if metadata.get(key) not in (None, "")), None)
