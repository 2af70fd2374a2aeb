"""How many calls run at a time: as many as the server bears."""

from __future__ import annotations

import math
import os
import threading
import time
from dataclasses import dataclass
from weakref import WeakValueDictionary

from ..config import LLMConfig
from .line import Line, Ticket

__all__ = ["Concurrency", "Slots", "slots_of"]

#: Where the limit begins: the number of connections that HTTP clients keep by default.
_FIRST_LIMIT = 100
#: A server's wish to be left alone that is waited for by all, in seconds at most.
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class Concurrency:
    """How busy a model is kept by this process.

    Attributes:
        limit: How many calls may run at a time now.
        running: How many do.
        waiting: How many wait for a place.
        refused: How often the server said that there were too many (429).
    """

    limit: int
    running: int
    waiting: int
    refused: int


class Slots(Line):
    """Places for calls that run at the same time.

    While all places are taken and the server answers, their number doubles in each round of answers. The first 429
    leaves half of them, or as many as were not refused; from then on there is one more for each full round of answers,
    and half of them at each further 429 (the control of TCP: additive increase, multiplicative decrease).

    Args:
        most: The most places there may ever be; None for no bound.
    """

    def __init__(self, most: int | None = None) -> None:
        super().__init__()
        self._most = math.inf if most is None else most
        self._limit: float = min(self._most, _FIRST_LIMIT)
        self._running = 0
        self._refused = 0
        self._cut_at = -math.inf
        self._paused_until = -math.inf

    @property
    def state(self) -> Concurrency:
        """The numbers at this moment."""
        with self._lock:
            waiting = sum(not ticket._gone for ticket in self._waiting)
            return Concurrency(int(self._limit), self._running, waiting, self._refused)

    async def enter_within(self, patience: float | None, most_still: float | None = None) -> Ticket:
        """``enter``; a caller with less patience than a server's pause lasts goes in at once, to be told by the server.

        Raises:
            StandsStill: Nobody got in or left for ``most_still`` seconds.
        """
        with self._lock:
            now = time.monotonic()
            if patience is not None and self._paused_until - now > patience:
                ticket = Ticket(1.0)
                ticket.at = now
                self._running += 1
                return ticket
        return await self.enter(most_still=most_still)

    def pause(self, seconds: float) -> None:
        """Let nobody in for so long: a server asked for it."""
        with self._lock:
            self._paused_until = max(self._paused_until, time.monotonic() + min(seconds, _LONGEST_PAUSE))
            self._moved = self._paused_until

    def leave(self, ticket: Ticket, *, answered: bool, refused: bool) -> None:
        """Give a place back, and say how it went: ``refused`` is a 429."""
        with self._lock:
            if refused:
                self._cut(ticket)
            elif answered and self._running >= int(self._limit):
                grown = self._limit + (1.0 if self._cut_at == -math.inf else 1.0 / self._limit)
                self._limit = min(self._most, grown)
            self._running = max(0, self._running - 1)
            self._moved = max(self._moved, time.monotonic())
        if self._waiting:
            self._look()

    def _start_anew(self) -> None:
        super()._start_anew()
        self._running = 0

    def _cut(self, ticket: Ticket) -> None:
        self._refused += 1
        assert ticket.at is not None
        if ticket.at > self._cut_at:
            self._cut_at = time.monotonic()
            self._limit = max(1.0, self._limit / 2)
        else:
            # Of the same burst as the last cut: what still runs after it is what the server took.
            self._limit = max(1.0, min(self._limit, self._running - 1))

    def _admit(self, ticket: Ticket, now: float) -> float:
        if now < self._paused_until:
            return self._paused_until - now
        if self._running >= int(self._limit):
            return math.inf
        self._running += 1
        return 0.0

    def _take_back(self, ticket: Ticket) -> None:
        self._running = max(0, self._running - 1)


_slots: WeakValueDictionary[tuple[object, ...], Slots] = WeakValueDictionary()
_slots_lock = threading.Lock()


def _after_fork() -> None:
    global _slots_lock
    _slots_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def slots_of(config: LLMConfig) -> Slots:
    """The places of a model: the same for all provider objects of the process with the same address and key.

    They are remembered as long as one of these objects lives.
    """
    account = hash(config.api_key)
    name = (config.provider, config.api_base, config.model, account, config.max_concurrency)
    with _slots_lock:
        found = _slots.get(name)
        if found is None:
            found = _slots[name] = Slots(config.max_concurrency)
        return found
