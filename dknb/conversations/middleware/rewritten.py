"""Messages of which each is put otherwise, by a rule: as lazy as what they are made from, however many are changed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from ...llm.messages import LLMMessage
from ..chaining import ChainedMessages, chaining_over

__all__ = ["Rewriting", "Rewritten"]

N = TypeVar("N")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A rule that makes the same of the same message each time.

    Attributes:
        name: No other rule's; what is computed from what it makes is kept under it.
        of: Gives the message to put in the place of one, which it does not change: a copy, or the message itself.
    """

    name: str
    of: Callable[[LLMMessage], LLMMessage]


class Rewritten(ChainedMessages):
    """What a rule makes of messages, each made when it is looked at.

    Args:
        base: The messages.
        rule: What is made of each.
    """

    __slots__ = ("_base", "_rule", "opening")

    def __init__(self, base: Sequence[LLMMessage], rule: Rewriting) -> None:
        self._base = base
        self._rule = rule
        opening: Sequence[LLMMessage] = getattr(base, "opening", ())
        self.opening = [rule.of(message) for message in opening]

    def __len__(self) -> int:
        return len(self._base)

    @overload
    def __getitem__(self, index: int) -> LLMMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[LLMMessage]: ...
    def __getitem__(self, index: int | slice) -> LLMMessage | list[LLMMessage]:
        if isinstance(index, slice):
            return [self._rule.of(message) for message in self._base[index]]
        return self._rule.of(self._base[index])

    def __iter__(self) -> Iterator[LLMMessage]:
        return map(self._rule.of, self._base)

    def __reversed__(self) -> Iterator[LLMMessage]:
        return map(self._rule.of, reversed(self._base))

    def fold(self, name: str, measure: Callable[[LLMMessage], N]) -> N:
        """The sum of ``measure(message)`` over all messages; see `History.fold`."""
        fold: Any = getattr(self._base, "fold", None)
        measured: Any = self._measured(measure)
        whole: N = sum(map(measured, self._base)) if fold is None else fold(self._named(name), measured)
        return whole

    async def fold_gently(self, name: str, measure: Callable[[LLMMessage], N]) -> N:
        """`fold`, with pauses for others where the messages know how."""
        fold: Any = getattr(self._base, "fold_gently", None)
        if fold is None:
            return self.fold(name, measure)
        whole: N = await fold(self._named(name), self._measured(measure))
        return whole

    def chaining(  # noqa: D102 - described in the class above
        self, name: str, step: Callable[[V, LLMMessage], V], start: V, end: int | None = None
    ) -> Generator[None, None, V]:
        of = self._rule.of
        return chaining_over(self._base, self._named(name), lambda value, message: step(value, of(message)), start, end)

    def _named(self, name: str) -> str:
        return f"{name} of {self._rule.name}"

    def _measured(self, measure: Callable[[LLMMessage], N]) -> Callable[[LLMMessage], N]:
        of = self._rule.of
        return lambda message: measure(of(message))
