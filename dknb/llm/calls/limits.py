"""What a call waits for before it goes out: a free place at the server, and its turn in the minute."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import ProviderError, RateLimited
from ..config import LLMConfig
from ..request import ModelRequest
from .concurrency import Slots, slots_of
from .expected import expected_usage
from .line import Line, Ticket

__all__ = ["CallLimits", "Passage", "Rates"]


class Window:
    """At most so much in any 60 seconds; of less than one, one in a longer time."""

    def __init__(self, per_minute: float) -> None:
        self.most = max(1, int(per_minute))
        self._seconds = 60.0 * self.most / per_minute
        self._taken: deque[Share] = deque()
        self._total = 0.0

    def pause(self, amount: float, now: float) -> float:
        """Seconds until there is room for ``amount``; more than there can be room for goes alone."""
        while self._taken and self._taken[0].at + self._seconds <= now:
            self.change(self._taken.popleft(), 0.0)
        over = self._total + min(amount, self.most) - self.most
        for share in self._taken:
            if over <= 0:
                return 0.0
            over -= share.amount
            if over <= 0:
                return share.at + self._seconds - now
        return 0.0

    def take(self, amount: float, now: float) -> Share:
        """Take it, whether or not there is room."""
        share = Share(now, 0.0)
        self.change(share, amount)
        self._taken.append(share)
        return share

    def change(self, share: Share, amount: float) -> None:
        """Make a share another size; one that has left the window stays out."""
        if share.open:
            self._total += amount - share.amount
            share.amount, share.open = amount, amount > 0


@dataclass(slots=True)
class Share:
    """What somebody took of a window, and when."""

    at: float
    amount: float
    open: bool = True


class Rates(Line):
    """Turns for callers who each take one request and some tokens of a minute; both at the same moment."""

    def __init__(self, rates: Mapping[str, float]) -> None:
        super().__init__()
        self._requests = Window(rates["requests"]) if "requests" in rates else None
        self._tokens = Window(rates["tokens"]) if "tokens" in rates else None
        self._shares: dict[Ticket, Share] = {}
        self.counts_tokens = self._tokens is not None

    def used(self, ticket: Ticket, tokens: float) -> None:
        """Say how many tokens it took in the end, for those who wait."""
        with self._lock:
            share = self._shares.pop(ticket, None)
            if share is not None and self._tokens is not None:
                self._tokens.change(share, tokens)
        self._look()

    def _admit(self, ticket: Ticket, now: float) -> float:
        wanted = [(self._requests, 1.0), (self._tokens, ticket.amount)]
        windows = [(window, amount) for window, amount in wanted if window is not None]
        if pause := max(window.pause(amount, now) for window, amount in windows):
            return pause
        for window, amount in windows:
            share = window.take(amount, now)
            if window is self._tokens:
                self._shares[ticket] = share
        return 0.0

    def _take_back(self, ticket: Ticket) -> None:
        # The turn among the requests is lost, for at most a minute: nobody else could have had that moment.
        share = self._shares.pop(ticket, None)
        if share is not None and self._tokens is not None:
            self._tokens.change(share, 0.0)


class Passage:
    """One attempt's way past the limits, from `CallLimits.enter` to ``leave``."""

    def __init__(self, slots: Slots, slot: Ticket) -> None:
        self._slots = slots
        self._slot: Ticket | None = slot
        self._rates: Rates | None = None
        self._turn: Ticket | None = None
        self.waited = slot.waited

    async def turn(self, rates: Rates, tokens: float) -> None:
        """Wait for a turn in the minute."""
        self._rates, self._turn = rates, await rates.enter(tokens)
        self.waited += self._turn.waited

    def used(self, tokens: int | None) -> None:
        """Say how many tokens the attempt took; None when nobody told."""
        if self._rates is not None and self._turn is not None and self._rates.counts_tokens and tokens is not None:
            self._rates.used(self._turn, tokens)
            self._turn = None

    def leave(self, error: BaseException | None, *, waits: bool = False) -> None:
        """Make room for the next, once. ``waits`` says that the caller will wait as long as the server asked."""
        if self._slot is None:
            return
        slot, self._slot = self._slot, None
        refused = isinstance(error, RateLimited) and error.retryable
        if isinstance(error, ProviderError) and error.partial is None:
            self.used(0)
        if waits and isinstance(error, RateLimited) and error.retry_after:
            self._slots.pause(error.retry_after)
        self._slots.leave(slot, answered=error is None, refused=refused)


class CallLimits:
    """The limits of one provider object.

    ``rate_limit`` holds for this object; the places for calls at a time are shared by all objects of the process that
    ask the same model at the same address with the same key.
    """

    def __init__(self, config: LLMConfig) -> None:
        limit = config.rate_limit
        rates = limit if isinstance(limit, Mapping) else {} if limit is None else {"requests": limit}
        self._rates = Rates(rates) if rates else None
        self._slots = {config.model: slots_of(config)}

    def slots(self, config: LLMConfig) -> Slots:
        """The places of the model that a call asks."""
        found = self._slots.get(config.model)
        if found is None:
            found = self._slots[config.model] = slots_of(config)
        return found

    async def enter(self, request: ModelRequest, config: LLMConfig, patience: float | None = None) -> Passage:
        """Wait until the attempt may go out; cancelling the wait gives everything back.

        Args:
            request: What is asked.
            config: The settings of the call.
            patience: Seconds that the call has; None for all the time in the world.
        """
        slots = self.slots(config)
        # The place first: a turn in the minute counts from when it is taken, and the call must go out then.
        passage = Passage(slots, await slots.enter_within(patience))
        if self._rates is not None:
            try:
                tokens = 0
                if self._rates.counts_tokens:  # in a thread: tokenizers take time
                    tokens = sum((await asyncio.to_thread(expected_usage, request, config)).values())
                await passage.turn(self._rates, tokens)
            except BaseException as error:
                passage.leave(error)
                raise
        return passage
