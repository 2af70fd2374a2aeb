"""Waiting in line, for callers on any event loop and in any thread."""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

__all__ = ["Line", "StandsStill", "Ticket"]

#: Seconds after which everybody who waits looks for himself: the loop of the first in line may stand still.
_LOOK_AGAIN = 5.0


class StandsStill(Exception):
    """Nobody got in or left for as long as a caller would wait."""


class Ticket:
    """One caller's place.

    Attributes:
        amount: How much it asks for.
        at: When it was let in (``time.monotonic``).
        waited: Seconds that it waited for it.
        got: What it was let in with; the line's own affair.
    """

    __slots__ = ("_event", "_gone", "_loop", "amount", "at", "got", "waited")

    def __init__(self, amount: float) -> None:
        self.amount = amount
        self.at: float | None = None
        self.waited = 0.0
        self.got: Sequence[Any] = ()
        self._gone = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: asyncio.Event | None = None

    def _stand(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def _wake(self) -> None:
        assert self._loop is not None
        assert self._event is not None
        try:
            self._loop.call_soon_threadsafe(self._event.set)
        except RuntimeError:  # the loop was closed meanwhile
            self._gone = True

    def _stands_still(self) -> bool:
        return self._loop is not None and not self._loop.is_running()

    async def _wait(self, seconds: float) -> None:
        assert self._loop is not None
        assert self._event is not None
        timer = self._loop.call_later(min(seconds, _LOOK_AGAIN), self._event.set)
        try:
            await self._event.wait()
        finally:
            timer.cancel()
        self._event.clear()


class Line(ABC):
    """Lets callers in, first come first served; a subclass says when there is room.

    A lock and a queue of its own, since the libraries that limit (aiolimiter, asyncio.Semaphore) belong to one event
    loop, and a provider object may be used from several.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Ticket] = deque()
        #: When somebody got in or left last.
        self._moved = time.monotonic()
        _lines.add(self)

    @abstractmethod
    def _admit(self, ticket: Ticket, now: float) -> float:
        """Let it in and return 0, or return the seconds until that is worth another look. The lock is held."""

    @abstractmethod
    def _take_back(self, ticket: Ticket) -> None:
        """Undo what ``_admit`` did. The lock is held."""

    async def enter(self, amount: float = 1.0, most_still: float | None = None) -> Ticket:
        """Wait until there is room; cancelling the wait gives the place to the next.

        Args:
            amount: How much of it.
            most_still: Seconds that the line may stand still; None for all the time in the world.

        Raises:
            StandsStill: Nobody got in or left for so long.
        """
        ticket = Ticket(amount)
        with self._lock:
            now = time.monotonic()
            if not self._waiting and not self._admit(ticket, now):
                ticket.at = self._moved = now
                return ticket
            ticket._stand()
            self._waiting.append(ticket)
        try:
            while (pause := self._look(ticket)) and ticket.at is None:
                if most_still is not None:
                    left = max(now, self._moved) + most_still - time.monotonic()
                    if left <= 0:
                        raise StandsStill
                    pause = min(pause, left)
                await ticket._wait(pause)
        except BaseException:
            self._leave_line(ticket)
            raise
        assert ticket.at is not None
        ticket.waited = max(0.0, ticket.at - now)
        return ticket

    def _start_anew(self) -> None:
        """In a fork's child: whoever waits, or holds the lock, is not there."""
        self._lock = threading.Lock()
        self._waiting = deque()

    def _leave_line(self, ticket: Ticket) -> None:
        with self._lock:
            ticket._gone = True
            if ticket.at is not None:
                self._take_back(ticket)
        self._look()

    def _look(self, mine: Ticket | None = None) -> float:
        """Let in whoever may; returns how long ``mine`` may sleep, 0 when it is in."""
        with self._lock:
            now = time.monotonic()
            for _ in range(len(self._waiting)):
                first = self._waiting[0]
                if not first._gone and first._stands_still():
                    self._waiting.rotate(-1)
                    continue
                if not first._gone:
                    if pause := self._admit(first, now):
                        return self._sleep(first, mine, pause)
                    first.at = self._moved = now
                    first._wake()
                self._waiting.popleft()
        return 0.0 if mine is not None and mine.at is not None else math.inf

    def _sleep(self, first: Ticket, mine: Ticket | None, pause: float) -> float:
        """How long ``mine`` may sleep while ``first``, who watches the clock for all, has ``pause`` seconds to wait."""
        if first is mine:
            return pause
        first._wake()
        return 0.0 if mine is not None and mine.at is not None else math.inf


_lines: WeakSet[Line] = WeakSet()


def _after_fork() -> None:
    for line in list(_lines):
        line._start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
