"""What a call waits for before it goes out: a free place at the server, and its turn in the minute."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import CallTimeout, ProviderError, RateLimited
from ..config import LLMConfig
from ..request import ModelRequest
from .concurrency import Slots, slots_of
from .expected import expected_usage
from .line import Line, StandsStill, Ticket

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

    def move(self, share: Share, amount: float, now: float) -> Share:
        """Take it now instead of then."""
        self.change(share, 0.0)
        return self.take(amount, now)

    def recent(self, now: float) -> list[tuple[float, float]]:
        """What was taken that still counts: how many seconds ago, and how much."""
        self.pause(0.0, now)  # what is over leaves
        return [(now - share.at, share.amount) for share in self._taken if share.open]

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
        self.counts_tokens = self._tokens is not None

    def recent(self) -> dict[str, list[tuple[float, float]]]:
        """What was taken of the last minute: ``requests`` and ``tokens``, how many seconds ago, and how much."""
        windows = {"requests": self._requests, "tokens": self._tokens}
        with self._lock:
            now = time.monotonic()
            return {name: window.recent(now) for name, window in windows.items() if window is not None}

    def used(self, ticket: Ticket, tokens: float) -> None:
        """Say how many tokens it took in the end, for those who wait."""
        with self._lock:
            for window, share, _ in ticket.got:
                if self._tokens is not None and window is self._tokens:
                    self._tokens.change(share, tokens)
        self._look()

    def goes_out(self, ticket: Ticket) -> bool:
        """The turn is used only now; False when its minute is over and there is no room in this one."""
        with self._lock:
            now = time.monotonic()
            for window, share, amount in ticket.got:
                window.pause(0.0, now)  # what is over leaves
                if not share.open and window.pause(amount, now):
                    return False
            ticket.got = [(window, window.move(share, amount, now), amount) for window, share, amount in ticket.got]
            return True

    def give_back(self, ticket: Ticket) -> None:
        """The turn is not used."""
        with self._lock:
            self._take_back(ticket)
        self._look()

    def _admit(self, ticket: Ticket, now: float) -> float:
        wanted = [(self._requests, 1.0), (self._tokens, ticket.amount)]
        windows = [(window, amount) for window, amount in wanted if window is not None]
        if pause := max(window.pause(amount, now) for window, amount in windows):
            return pause
        ticket.got = [(window, window.take(amount, now), amount) for window, amount in windows]
        return 0.0

    def _take_back(self, ticket: Ticket) -> None:
        for window, share, _ in ticket.got:
            window.change(share, 0.0)


class Passage:
    """One attempt's way past the limits, from `CallLimits.enter` to ``leave``."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._slot: Ticket | None = None
        self._rates: Rates | None = None
        self._turn: Ticket | None = None
        self.waited = 0.0

    async def turn(self, rates: Rates, tokens: float) -> None:
        """Wait for a turn in the minute."""
        self._rates, self._turn = rates, await rates.enter(tokens)
        self.waited += self._turn.waited

    async def place(self, patience: float | None, most_still: float | None) -> bool:
        """Wait for a place; False when the turn has passed meanwhile, which must be waited for anew then.

        Raises:
            StandsStill: No place was given back for ``most_still`` seconds.
        """
        self._slot = await self._slots.enter_within(patience, most_still)
        self.waited += self._slot.waited
        if self._rates is None or self._turn is None or not self._slot.waited or self._rates.goes_out(self._turn):
            return True
        self.give_up()
        return False

    def used(self, tokens: int | None) -> None:
        """Say how many tokens the attempt took; None when nobody told."""
        if self._rates is not None and self._turn is not None and tokens is not None:
            self._rates.used(self._turn, tokens)
            self._turn = None

    def leave(self, error: BaseException | None, *, waits: bool = False) -> None:
        """Make room for the next, once. ``waits`` says that the caller will wait as long as the server asked."""
        slot, self._slot = self._slot, None
        if slot is None:
            return
        refused = isinstance(error, RateLimited) and error.retryable
        if isinstance(error, ProviderError) and error.partial is None:
            self.used(0)
        if waits and isinstance(error, RateLimited) and error.retry_after:
            self._slots.pause(error.retry_after)
        self._slots.leave(slot, answered=error is None, refused=refused)

    def give_up(self) -> None:
        """The attempt will not be made."""
        slot, self._slot = self._slot, None
        if slot is not None:
            self._slots.leave(slot, answered=False, refused=False)
        if self._rates is not None and self._turn is not None:
            self._rates.give_back(self._turn)
            self._turn = None


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

    def recent(self) -> dict[str, list[tuple[float, float]]]:
        """What was taken of the last minute; see `Rates.recent`."""
        return {} if self._rates is None else self._rates.recent()

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

        Raises:
            CallTimeout: No place was given back within the time that a call may take.
        """
        slots = self.slots(config)
        passage = Passage(slots)
        still = _patience(config)
        try:
            # The turn first: who waits for the minute must not hold a place that another could use.
            await self._turn(passage, request, config)
            while not await passage.place(patience, still):
                await self._turn(passage, request, config)
        except StandsStill:
            passage.give_up()
            raise _no_place(config, slots, still) from None
        except BaseException:
            passage.give_up()
            raise
        return passage

    async def _turn(self, passage: Passage, request: ModelRequest, config: LLMConfig) -> None:
        if self._rates is None:
            return
        tokens = 0
        if self._rates.counts_tokens:  # in a thread: tokenizers take time
            tokens = sum((await asyncio.to_thread(expected_usage, request, config)).values())
        await passage.turn(self._rates, tokens)


def _patience(config: LLMConfig) -> float | None:
    """How long the line for a place may stand still."""
    timeout = config.timeout
    return (timeout.get("call") or timeout.get("between")) if isinstance(timeout, Mapping) else timeout


def _no_place(config: LLMConfig, slots: Slots, seconds: float | None) -> CallTimeout:
    most = slots.state.limit
    return CallTimeout(
        f"{config.spec} was not asked: the call waited for a place among the {most} that may run at a time, and none "
        f"of them ended within {seconds:g} s.",
        provider=config.provider,
        model=config.model,
        hint="A call that is made inside another waits for itself: raise max_concurrency, or close the stream first",
    )
