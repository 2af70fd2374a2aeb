"""``%dknb budget``: what this kernel may spend, and has spent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import MagicError
from ..llm.calls.budget import process_budget
from .arguments import LineParser
from .session import Session
from .views.text import counted, money, note

__all__ = ["BUDGET", "budget_line", "limit_rows"]

BUDGET = LineParser("%dknb budget", "Say what this kernel has spent, or the most (in US dollars) that it may spend.")
BUDGET.add_argument("amount", nargs="?", metavar="DOLLARS | off")
BUDGET.add_argument(
    "--unknown", choices=("refuse", "allow"), default="refuse", help="what to do with calls of unknown price"
)


def budget_line(_: Session, options: Any) -> dict[str, Any]:
    """Run ``%dknb budget``.

    Raises:
        MagicError: The amount is none.
    """
    if options.amount is not None:
        process_budget().set(_amount(options.amount), unknown="allow" if options.amount == "off" else options.unknown)
    return note(f"budget: {_described()}")


def _amount(text: str) -> float:
    if text == "off":
        return math.inf
    try:
        amount = float(text.removeprefix("$"))
    except ValueError:
        amount = -1.0
    if not 0 <= amount < math.inf:
        raise MagicError(
            f"%dknb budget: {text!r} is no amount of money.",
            hint="For example  %dknb budget 2.50  or  %dknb budget off",
        )
    return amount


def _described() -> str:
    budget = process_budget()
    spent = f"{money(budget.spent)} spent by this kernel"
    if budget.unpriced:
        spent += f" + {counted(budget.unpriced, 'call')} of unknown price"
    if budget.limit == math.inf:
        return f"off; {spent}"
    running = f", {money(budget.reserved)} reserved by running calls" if budget.reserved else ""
    unknown = "; calls of unknown price are made all the same" if budget.unknown == "allow" else ""
    return f"{money(budget.limit)}; {spent}{running}, {money(budget.left)} left{unknown}"


def limit_rows(session: Session) -> Iterator[Sequence[str]]:
    """The rows of ``%dknb status`` about money and the pace of calls, where there is anything to say."""
    budget = process_budget()
    if budget.limit != math.inf or budget.spent:
        yield "budget", _described()
    for provider in session.open_providers():
        now = provider.concurrency
        if now.refused or now.waiting or now.running:
            yield (
                f"calls of {provider.config.spec}",
                f"{now.running} running, {now.waiting} waiting, at most {now.limit} at a time "
                f"({now.refused} were refused: too many)",
            )
