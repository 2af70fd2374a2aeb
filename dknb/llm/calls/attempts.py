"""How long and how often a call is tried."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Self, TypeAlias, TypeVar

from ...errors import CallTimeout, ProviderError, ServerError
from ..config import LLMConfig
from ..request import ModelRequest
from .limits import CallLimits, Passage
from .outcome import with_sizes, without_requests
from .watch import Watch

__all__ = ["Attempts"]

T = TypeVar("T")

Failed: TypeAlias = Callable[[ProviderError], Awaitable[None]]

#: The longest pause of our own before a retry, and the longest that a server may ask for, in seconds.
_LONGEST_PAUSE = 60.0
_LONGEST_RETRY_AFTER = 600.0
#: How many times the wait for a piece may last while a server only says that it is still there.
_SIGNS_OF_LIFE = 10


class _End:
    """What comes after the last piece of a stream."""


_END = _End()


class Attempts:
    """One call: tried until it succeeds, fails for good, or its time is over.

    A context manager: the place that the last attempt has among the calls that run at a time is given back at its end.

    Args:
        config: The settings of the call.
        limits: What every attempt waits for; waiting is not part of the call's time.
        streams: Whether the answer comes in pieces.
        failed: Told of each attempt that failed and is followed by another.
    """

    def __init__(
        self, config: LLMConfig, limits: CallLimits, *, streams: bool = False, failed: Failed | None = None
    ) -> None:
        self._failed = failed
        self._config = config
        self._limits = limits
        timeout = config.timeout
        #: Whether a stream is limited as a whole too, and not only its beginning.
        self._whole = isinstance(timeout, Mapping)
        self._call = timeout.get("call") if isinstance(timeout, Mapping) else timeout
        between = timeout.get("between") if isinstance(timeout, Mapping) else timeout
        self._between = between if streams else None
        self._ends = None if self._call is None else time.monotonic() + self._call
        self._passage: Passage | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._passage is not None:
            self._passage.leave(error)

    async def run(self, once: Callable[[], Awaitable[T]], request: ModelRequest) -> T:
        """The result of ``once``, which is called again after a failure that may pass.

        Raises:
            CallTimeout: The time is over.
            ProviderError: The last failure.
        """
        for number in itertools.count():
            passage = self._passage = await self._limits.enter(request, self._config, self._left())
            if self._ends is not None:
                self._ends += passage.waited
            try:
                return await self._in_time(once(), self._first())
            except ProviderError as error:
                pause = self._pause(error, number)
                passage.leave(error, waits=pause is not None)
                if pause is None:
                    await with_sizes(error, request, self._config)
                    without_requests(error)
                    raise
                if self._failed is not None:
                    await self._failed(error)
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def used(self, usage: Mapping[str, Any] | None) -> None:
        """Say what the answer took, for the limit of tokens."""
        if self._passage is not None and usage:
            total = usage.get("total_tokens") or (usage.get("prompt_tokens") or 0) + (
                usage.get("completion_tokens") or 0
            )
            self._passage.used(total)

    def watch(self) -> Watch:
        """Bounds the waits for the pieces of a stream, and the stream as a whole where that is limited."""
        return Watch(self._between, self._left() if self._whole else None)

    async def next_piece(self, source: AsyncIterator[T | None], watch: Watch) -> T:
        """The next piece of a stream, in time; None, a sign of life, starts the clock again, but not for ever.

        Raises:
            CallTimeout: Nothing came in time, or nothing but signs of life in ten times as much.
            ServerError: The stream ended without a last piece.
        """
        try:
            began: float | None = None
            while (piece := await watch.wait(anext(source, _END))) is None:
                began = time.monotonic() if began is None else began
                if self._between is not None and time.monotonic() - began > self._between * (_SIGNS_OF_LIFE - 1):
                    raise TimeoutError
        except ProviderError as error:
            without_requests(error)
            raise
        except TimeoutError:
            raise self._too_late() from None
        if isinstance(piece, _End):
            raise ServerError(
                f"The stream of {self._config.spec} ended before the answer did.",
                provider=self._config.provider,
                model=self._config.model,
            )
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

    def _first(self) -> float | None:
        """Seconds for the answer, or for the first piece of it."""
        times = [seconds for seconds in (self._left(), self._between) if seconds is not None]
        return min(times, default=None)

    def _pause(self, error: ProviderError, number: int) -> float | None:
        """Seconds to wait before the next attempt; None when there is to be none."""
        if number >= self._config.retry_count or not error.retryable:
            return None
        if error.retry_after is not None:
            if error.retry_after > _LONGEST_RETRY_AFTER:
                return None
            pause = error.retry_after * random.uniform(1.0, 1.1)
        else:
            pause = min(self._config.retry_delay * 2**number, _LONGEST_PAUSE) * random.uniform(0.5, 1.0)
        left = self._left()
        return None if left is not None and pause >= left else pause

    def _too_late(self) -> CallTimeout:
        config, left = self._config, self._left()
        call_is_over = self._between is None or (left is not None and left <= 0)
        seconds = (self._call if call_is_over else self._between) or 0.0
        name = f'{{"{"call" if call_is_over else "between"}": {seconds * 3:g}}}' if self._whole else f"{seconds * 3:g}"
        return CallTimeout(
            f"{config.spec} gave no answer within {seconds:g} s.",
            provider=config.provider,
            model=config.model,
            hint=f"Give it longer, for example  timeout={name}",
        )
