"""Messages over which one computes step by step, and begins the next time where one was."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from ..llm.messages import LLMMessage

__all__ = ["ChainedMessages", "chaining_over", "finished", "finished_gently"]

#: Seconds without a pause.
LONGEST = 0.003

#: Messages between two looks at the clock, where nothing is kept.
_BETWEEN_LOOKS = 64

V = TypeVar("V")


class ChainedMessages(Sequence[LLMMessage]):
    """Messages that keep what was computed over them."""

    __slots__ = ()

    @abstractmethod
    def chaining(
        self, name: str, step: Callable[[V, LLMMessage], V], start: V, end: int | None = None
    ) -> Generator[None, None, V]:
        """`chain` in small steps."""

    def chain(self, name: str, step: Callable[[V, LLMMessage], V], start: V, end: int | None = None) -> V:
        """What ``value = step(value, message)`` comes to, in order, over the messages after the ``opening``.

        Values are kept under ``name``, so that the next turn only does its own messages: always give one name the same
        ``step`` and ``start``.

        Args:
            name: What the values are kept under.
            step: Gives the next value.
            start: The first one.
            end: The place of the message to stop before, the opening counted; None for all.
        """
        return finished(self.chaining(name, step, start, end))


def chaining_over(
    messages: Sequence[LLMMessage], name: str, step: Callable[[V, LLMMessage], V], start: V, end: int | None = None
) -> Generator[None, None, V]:
    """`ChainedMessages.chaining`, for messages of any kind: where they keep nothing, over all of them."""
    if isinstance(messages, ChainedMessages):
        return (yield from messages.chaining(name, step, start, end))
    opening: Sequence[LLMMessage] = getattr(messages, "opening", ())
    for place in range(len(opening), len(messages) if end is None else end):
        start = step(start, messages[place])
        if not place % _BETWEEN_LOOKS:
            yield
    return start


def finished(steps: Generator[None, None, V]) -> V:
    """What ``steps`` come to."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: V = end.value
            return value


async def finished_gently(steps: Generator[None, None, V]) -> V:
    """What ``steps`` come to, with pauses in which the event loop does other things."""
    paused = time.perf_counter()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: V = end.value
            return value
        if time.perf_counter() - paused > LONGEST:
            await asyncio.sleep(0)
            paused = time.perf_counter()
