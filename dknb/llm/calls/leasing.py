"""A part of all budgets around, held for calls that are made in other processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import BudgetExceeded
from ..request import ModelRequest
from .budget import Budget, budgets_around

__all__ = ["BudgetLease", "lease", "refuse"]


@dataclass(slots=True)
class BudgetLease:
    """What others may spend; until it is settled nobody else may.

    Attributes:
        budgets: The budgets that hold it.
        dollars: US dollars; infinite where no budget has a limit.
        allows_unknown: Whether they may make calls whose price nobody knows.
    """

    budgets: Sequence[Budget]
    dollars: float
    allows_unknown: bool

    @property
    def budget(self) -> Budget:
        """A budget of that size, for the process in which the calls are made."""
        return Budget(self.dollars, unknown="allow" if self.allows_unknown else "refuse")

    def settle(self, spent: float, unpriced: int = 0) -> None:
        """Book what they have spent, and for how many calls nobody knows the price; the rest is free again."""
        held = None if math.isinf(self.dollars) else self.dollars
        for budget in self.budgets:
            budget._settle(held, spent)
            for _ in range(unpriced):
                budget._spend(None)


def lease(share: float, least: float = 0.0) -> BudgetLease | None:
    """Hold a share of what is left in all budgets around.

    Args:
        share: Which part of it, above 0 and at most 1.
        least: US dollars that it must be, if there are so many.

    Returns:
        The lease; None where not even ``least`` is left, or nothing at all.
    """
    budgets = budgets_around()
    allows_unknown = all(budget.unknown == "allow" for budget in budgets)
    left = min(budget.left for budget in budgets)
    if math.isinf(left):
        return BudgetLease(budgets, left, allows_unknown)
    dollars = min(left, max(left * share, least))
    if dollars < least or dollars <= 0:
        return None
    held: list[Budget] = []
    for budget in budgets:
        if not budget._hold(dollars):  # somebody was quicker
            for other in held:
                other._settle(dollars, 0.0)
            return None
        held.append(budget)
    return BudgetLease(budgets, dollars, allows_unknown)


def refuse(request: ModelRequest, estimate: float | None) -> BudgetExceeded | None:
    """What the budgets around say to a call with that estimate; None if it fits."""
    for budget in budgets_around():
        try:
            budget._reserve(estimate, request)
        except BudgetExceeded as error:
            return error
        budget._settle(estimate, 0.0)
    return None
