"""What calls may cost: budgets, and what a call reserves of them before it starts.

A call is checked against every budget around it: those of ``with Budget(...)`` (nested ones all count), that of this
process (``%dknb budget``), and its own (the setting ``budget``).
"""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Self
from weakref import WeakSet

from ...errors import BudgetExceeded, ConfigError, ProviderError
from ..config import LLMConfig
from ..counting.tokens import TokenCounter
from ..messages import LLMResponse, LLMStreamResponse
from ..request import ModelRequest
from .expected import expected_usage

__all__ = ["Budget", "Reservation", "budgets_around", "own_budget", "process_budget", "reserve"]


class Budget:
    """At most so many US dollars for the calls inside ``with``; of one task, one thread, or many.

    A call whose estimate does not fit into what is left does not start. Calls that run reserve their estimate, so that
    many at a time cannot spend more either, as long as answers are no longer than was estimated: ``max_tokens``, or the
    option by which the vendor calls it; without a limit 1,000 tokens, or 8,000 where the model thinks before it
    answers. What was really spent is booked when a call ends, also for attempts that failed after they were answered.
    Answers out of a recording cost nothing.

    Async tasks and ``asyncio.to_thread`` inherit a budget; a thread of your own does with
    ``contextvars.copy_context().run``.

    Args:
        limit: US dollars, at least 0.
        unknown: What to do with calls whose price nobody knows: ``"refuse"``, or ``"allow"`` and do not count them.

    Attributes:
        limit: US dollars.
        spent: What the calls cost that have ended.
        reserved: What those that run may cost.
        unpriced: How many calls were made whose price is not known.
    """

    def __init__(self, limit: float, *, unknown: Literal["refuse", "allow"] = "refuse") -> None:
        self.limit = _checked(limit)
        self.unknown = unknown
        self.spent = 0.0
        self.reserved = 0.0
        self.unpriced = 0
        self._lock = threading.Lock()
        _all.add(self)

    @property
    def left(self) -> float:
        """What is neither spent nor reserved."""
        return max(0.0, self.limit - self.spent - self.reserved)

    def set(self, limit: float, *, unknown: Literal["refuse", "allow"] = "refuse") -> None:
        """Change the limit; what was spent stays spent."""
        self.limit, self.unknown = _checked(limit), unknown

    def __enter__(self) -> Self:
        _around.set((*_around.get(), self))
        return self

    def __exit__(self, *exc_info: object) -> None:
        # Not by a token: tasks that run at the same time may be inside one budget, and leave it in any order.
        around = list(_around.get())
        del around[len(around) - 1 - around[::-1].index(self)]
        _around.set(tuple(around))

    def __repr__(self) -> str:
        return f"Budget({self.limit:g}, spent={self.spent:g}, reserved={self.reserved:g})"

    def _reserve(self, estimate: float | None, request: ModelRequest) -> None:
        spec = f"{request.provider}/{request.model}"
        with self._lock:
            if estimate is None and self.unknown == "refuse":
                raise self._exceeded(
                    f"The price of {spec} is not known, so a budget of {_money(self.limit)} cannot hold.",
                    'Let such calls pass, uncounted:  Budget(…, unknown="allow")  or  %dknb budget … --unknown allow',
                    None,
                    request,
                )
            if estimate and estimate > self.left:
                running = f", and {_money(self.reserved)} reserved by calls that run" if self.reserved else ""
                raise self._exceeded(
                    f"This call of {spec} may cost {_money(estimate)}, and {_money(self.left)} is left of the budget "
                    f"of {_money(self.limit)} ({_money(self.spent)} spent{running}). It was not made.",
                    "Raise the budget, or bound the answer:  max_tokens=…",
                    estimate,
                    request,
                )
            self.reserved += estimate or 0.0

    def _hold(self, dollars: float) -> bool:
        """Reserve what others may spend; False where there is not so much."""
        with self._lock:
            if dollars > self.left:
                return False
            self.reserved += dollars
            return True

    def _exceeded(self, text: str, hint: str, estimate: float | None, request: ModelRequest) -> BudgetExceeded:
        return BudgetExceeded(
            text,
            limit=self.limit,
            spent=self.spent,
            reserved=self.reserved,
            estimate=estimate,
            provider=request.provider,
            model=request.model,
            hint=hint,
        )

    def _settle(self, estimate: float | None, cost: float | None) -> None:
        with self._lock:
            # Sums of floats drift: what is reserved by nobody must be 0.
            self.reserved = max(0.0, self.reserved - (estimate or 0.0))
            self.reserved = 0.0 if self.reserved < 1e-12 else self.reserved
            self._book(cost)

    def _spend(self, cost: float | None) -> None:
        """Book what an attempt cost whose call goes on."""
        with self._lock:
            self._book(cost)

    def _book(self, cost: float | None) -> None:
        if cost is None:
            self.unpriced += 1
        else:
            self.spent += cost

    def _start_anew(self) -> None:
        """In a fork's child: whoever held the lock, or reserved something, is not there."""
        self._lock = threading.Lock()
        self.reserved = 0.0


_all: WeakSet[Budget] = WeakSet()


def _after_fork() -> None:
    for budget in list(_all):
        budget._start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

_around: ContextVar[tuple[Budget, ...]] = ContextVar("dknb_budgets", default=())


def process_budget() -> Budget:
    """The budget of this process (a notebook's kernel): without a limit at first, it counts what calls cost."""
    return _of_this_process


def budgets_around() -> list[Budget]:
    """The budgets that a call made here is checked against."""
    return [*_around.get(), _of_this_process]


@dataclass(slots=True)
class Reservation:
    """What one call may cost, held until it is known what it did cost.

    Attributes:
        request: What is asked.
        budgets: The budgets that hold it.
        usage: The tokens that were expected, where a budget wanted to know.
        estimate: Their price.
        arrived: The pieces of a streamed answer, with their times.
    """

    request: ModelRequest
    budgets: Sequence[Budget]
    usage: dict[str, int] | None
    estimate: float | None
    arrived: Sequence[tuple[float, LLMStreamResponse]]
    booked: bool = False

    def book(self, response: LLMResponse) -> None:
        """The call has been answered: what it cost is spent; where nobody knows, what was estimated."""
        price = _price(response.cost_usd)
        self._settle(self.estimate if price is None else price)

    async def failed(self, error: ProviderError) -> None:
        """An attempt failed, and there will be another: what arrived of its answer was billed too."""
        cost = await asyncio.to_thread(self._cost_of_what_arrived, error)
        if cost != 0:
            for budget in self.budgets:
                budget._spend(cost)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not self.booked:
            self._settle(self._cost_of_what_arrived(error))

    def _settle(self, cost: float | None) -> None:
        self.booked = True
        for budget in self.budgets:
            budget._settle(self.estimate, cost)

    def _cost_of_what_arrived(self, error: BaseException | None) -> float | None:
        """The price of a broken answer: by its usage if it came, else by an estimate; nothing arrived costs nothing.

        Where no budget wanted an estimate, none is made now: tables and tokenizers would keep the loop waiting.
        """
        partial = getattr(error, "partial", None)
        known = partial if isinstance(partial, LLMResponse) else LLMResponse("")
        if (price := _price(known.cost_usd)) is not None:
            return price
        text = known.content + (known.reasoning or "") or "".join([p.delta + p.reasoning for _, p in self.arrived])
        if not text and not known.usage:
            return 0.0
        if self.usage is None:
            return None
        from ..counting.costs import cost_of

        prompt = self.usage["prompt_tokens"]
        answer = TokenCounter.estimate_tokens(text, self.request.model) if text else 0
        usage = known.usage or {"prompt_tokens": prompt, "completion_tokens": answer}
        return _price(cost_of(self.request.provider, self.request.model, usage))


async def reserve(
    request: ModelRequest,
    config: LLMConfig,
    arrived: Sequence[tuple[float, LLMStreamResponse]] = (),
    *,
    own: Budget | None = None,
) -> Reservation:
    """Reserve what a call may cost, in all budgets around it.

    Args:
        request: What is asked.
        config: The settings of the call.
        arrived: Where the pieces of a streamed answer will be.
        own: The call's own budget.

    Raises:
        BudgetExceeded: It does not fit into one of them, or its price is not known.
    """
    budgets = budgets_around()
    if own is not None:
        budgets.append(own)
    if all(budget.limit == math.inf and budget.unknown == "allow" for budget in budgets):
        return Reservation(request, budgets, None, None, arrived)
    usage, estimate = await asyncio.to_thread(_estimate, request, config)  # the tables and the tokenizers take time
    held: list[Budget] = []
    try:
        for budget in budgets:
            budget._reserve(estimate, request)
            held.append(budget)
    except BudgetExceeded:
        for budget in held:
            budget._settle(estimate, 0.0)
        raise
    return Reservation(request, budgets, usage, estimate, arrived)


def _estimate(request: ModelRequest, config: LLMConfig) -> tuple[dict[str, int], float | None]:
    from ..counting.costs import cost_of

    usage = expected_usage(request, config)
    return usage, _price(cost_of(request.provider, request.model, usage))


def own_budget(config: LLMConfig) -> Budget | None:
    """The budget that a call has for itself, however often it asks; None when its settings have none."""
    return None if config.budget is None else Budget(config.budget)


def _price(dollars: float | None) -> float | None:
    """A price, unless it is none: a sum that is no number, or below 0, would never be a sum again."""
    return dollars if dollars is not None and 0 <= dollars < math.inf else None


def _checked(limit: object) -> float:
    if isinstance(limit, bool) or not isinstance(limit, (int, float, Decimal)) or not limit >= 0:
        raise ConfigError(f"A budget cannot be {limit!r}.", hint="Give US dollars, for example 2.50")
    return float(limit)


def _money(dollars: float) -> str:
    if dollars >= 1 or not dollars:
        return f"${dollars:.2f}" if dollars else "$0"
    return f"${Decimal(f'{dollars:.4g}'):f}"


_of_this_process = Budget(math.inf, unknown="allow")
