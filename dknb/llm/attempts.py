"""How long and how often a call is tried: time limit, retries, requests a minute."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from ..errors import CallTimeout, ConnectionFailed, ProviderError, ServerError
from .config import LLMConfig
from .watch import Watch

__all__ = ["Attempts", "RateLimit"]

T = TypeVar("T")

#: Statuses that pass by themselves; 5xx besides.
_PASSING = {408, 409, 429}
#: A vendor's codes that do not, whatever the status: waiting does not fill an empty account.
_LASTING = ("insufficient_quota", "billing")
_LONGEST_PAUSE = 60.0


class _End:
    """What comes after the last piece of a stream."""


_END = _End()


class RateLimit:
    """At most ``per_minute`` turns in any 60 seconds; for callers on any loop or thread."""

    def __init__(self, per_minute: float | None) -> None:
        most = max(1, int(per_minute)) if per_minute else 0
        self._window = 60.0 * most / per_minute if per_minute else 0.0
        self._turns: deque[float] = deque(maxlen=most)
        self._lock = threading.Lock()

    def _reserve(self) -> float:
        now = time.monotonic()
        with self._lock:
            full = len(self._turns) == self._turns.maxlen
            turn = max(now, self._turns[0] + self._window) if full else now
            self._turns.append(turn)
        return turn - now

    async def turn(self) -> float:
        """Wait for a turn, in the order of asking; returns the seconds waited."""
        if not self._turns.maxlen:
            return 0.0
        seconds = self._reserve()
        if seconds > 0:
            await asyncio.sleep(seconds)
        return seconds


class Attempts:
    """One call: tried until it succeeds, fails for good, or its time is over."""

    def __init__(self, config: LLMConfig, limit: RateLimit) -> None:
        self._config = config
        self._limit = limit
        self._ends = time.monotonic() + config.timeout if config.timeout is not None else None

    async def run(self, once: Callable[[], Awaitable[T]]) -> T:
        """The result of ``once``, which is called again after a failure that may pass.

        Raises:
            CallTimeout: The time is over.
            ProviderError: The last failure.
        """
        for number in itertools.count():
            waited = await self._limit.turn()
            if self._ends is not None:
                self._ends += waited
            try:
                return await self._in_time(once(), self._left())
            except ProviderError as error:
                pause = self._pause(error, number)
                if pause is None:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def watch(self) -> Watch:
        """Bounds the waits for the pieces of a stream."""
        return Watch(self._config.timeout)

    async def next_piece(self, source: AsyncIterator[T | None], watch: Watch) -> T:
        """The next piece of a stream, in time; None, a sign of life, starts the clock again.

        Raises:
            CallTimeout: Nothing came in time.
            ServerError: The stream ended without a last piece.
        """
        try:
            while (piece := await watch.wait(anext(source, _END))) is None:
                pass
        except TimeoutError as error:
            if isinstance(error, CallTimeout):
                raise
            raise self._too_late() from None
        if isinstance(piece, _End):
            raise ServerError(f"The stream of {self._config.spec} ended before the answer did.")
        return piece

    async def _in_time(self, answer: Awaitable[T], seconds: float | None) -> T:
        try:
            async with asyncio.timeout(seconds) as limit:
                return await answer
        except TimeoutError:
            if limit.expired():
                raise self._too_late() from None
            raise

    def _left(self) -> float | None:
        return None if self._ends is None else self._ends - time.monotonic()

    def _pause(self, error: ProviderError, number: int) -> float | None:
        """Seconds to wait before the next attempt; None when there is to be none."""
        if number >= self._config.retry_count or not _may_pass(error):
            return None
        if error.retry_after is not None:
            pause = error.retry_after * random.uniform(1.0, 1.1)
        else:
            pause = min(self._config.retry_delay * 2**number, _LONGEST_PAUSE) * random.uniform(0.5, 1.0)
        left = self._left()
        return None if left is not None and pause >= left else pause

    def _too_late(self) -> CallTimeout:
        config = self._config
        return CallTimeout(
            f"{config.spec} gave no answer within {config.timeout:g} s.",
            provider=config.provider,
            model=config.model,
            hint=f"Give it longer, for example  timeout={(config.timeout or 0) * 3:g}",
        )


def _may_pass(error: ProviderError) -> bool:
    if isinstance(error, ConnectionFailed):
        return True
    status = error.status or 0
    return (status in _PASSING or status >= 500) and not any(code in str(error) for code in _LASTING)
