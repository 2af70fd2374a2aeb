"""Messages with a system prompt before them, as lazy as they are themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar, overload

from .messages import LLMMessage

__all__ = ["OpenedMessages", "begins_with_system", "sum_over"]

V = TypeVar("V")


class OpenedMessages(Sequence[LLMMessage]):
    """``first``, and then ``rest``."""

    __slots__ = ("_first", "_rest", "opening")

    def __init__(self, first: LLMMessage, rest: Sequence[LLMMessage]) -> None:
        self._first = first
        self._rest = rest
        opening: Sequence[LLMMessage] = getattr(rest, "opening", ())
        self.opening = [first, *opening]

    def __len__(self) -> int:
        return 1 + len(self._rest)

    @overload
    def __getitem__(self, index: int) -> LLMMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[LLMMessage]: ...
    def __getitem__(self, index: int | slice) -> LLMMessage | list[LLMMessage]:
        if isinstance(index, slice):
            return list(self)[index]
        place = range(len(self))[index]
        return self._rest[place - 1] if place else self._first

    def __iter__(self) -> Iterator[LLMMessage]:
        yield self._first
        yield from self._rest

    def __reversed__(self) -> Iterator[LLMMessage]:
        yield from reversed(self._rest)
        yield self._first

    def fold(self, name: str, measure: Callable[[LLMMessage], V]) -> V:
        """The sum of ``measure(message)`` over all; of the rest as it is kept there, if it keeps sums."""
        whole: V = sum_over(self._rest, name, measure) + measure(self._first)
        return whole


def sum_over(messages: Iterable[Any], name: str, measure: Callable[[Any], Any]) -> Any:
    """The sum of ``measure(message)`` over messages, from 0; where they keep sums, only what is new is measured.

    Args:
        messages: The messages; those that keep sums have a method ``fold``.
        name: What sums are kept under: always the same for the same ``measure``.
        measure: Gives what can be added.
    """
    fold = getattr(messages, "fold", None)
    return sum(map(measure, messages)) if fold is None else fold(name, measure)


def begins_with_system(messages: Sequence[LLMMessage]) -> bool:
    """Whether the first of ``messages`` is a system prompt; found without walking to it where they keep what they know."""
    opening: Sequence[LLMMessage] = getattr(messages, "opening", ())
    chain: Callable[..., str] | None = getattr(messages, "chain", None)
    if opening or chain is None:
        first = next(iter(opening or messages), None)
        role = "" if first is None else first.role
    else:
        role = chain("first role", lambda role, message: role or message.role, "")
    return role in ("system", "developer")
