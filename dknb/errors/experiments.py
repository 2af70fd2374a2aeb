"""Errors of experiments."""

from __future__ import annotations

from collections.abc import Sequence

from .base import DknbError


class ExperimentError(DknbError):
    """Something about an experiment."""


class DesignError(ExperimentError, ValueError):
    """An experiment that cannot be run as it is described; no call was made.

    Attributes:
        problems: What is wrong with it, a sentence each.
    """

    def __init__(self, problems: Sequence[str] | str, *, hint: str | None = None) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems), hint=hint)


class ExperimentNotFound(ExperimentError, LookupError):
    """No experiment of that name in the store."""


class ExperimentRunning(ExperimentError):
    """An experiment that is being run by somebody else: two runs would pay for the same twice.

    Attributes:
        name: Its name.
        where: In which process.
    """

    def __init__(self, name: str, where: str) -> None:
        super().__init__(
            f"The experiment {name!r} is being run {where}.",
            hint="Wait for it to end, or interrupt it: then run() goes on from what is stored",
        )
        self.name, self.where = name, where


class ClusterError(ExperimentError):
    """A part of a run was lost on a cluster; what was stored is kept, and running again goes on from there."""


class LeaseLost(ExperimentError):
    """A part of a run that somebody else has been given to work at."""


class BridgeError(ExperimentError, ValueError):
    """A file of another tool that cannot be read or written.

    Attributes:
        file: Its name.
        line: The line, from 1, where it is known.
        item: The item, where it is one's.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        item: str | None = None,
        hint: str | None = None,
    ) -> None:
        where = ", ".join(
            part for part in (file, f"line {line}" if line else None, f"item {item!r}" if item else None) if part
        )
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.file, self.line, self.item = file, line, item


class TooFewItems(ExperimentError, ValueError):
    """A comparison that would rest on too few items to mean anything.

    Attributes:
        items: Items that there are.
        minimum: Items that are needed.
        cost_usd: What the missing ones would cost in US dollars; None where no price is known.
    """

    def __init__(self, items: int, minimum: int, cost_usd: float) -> None:
        self.items, self.minimum = items, minimum
        self.cost_usd = None if cost_usd != cost_usd else cost_usd  # NaN is not equal to itself
        more = minimum - items
        price = "" if self.cost_usd is None else f", for about ${self.cost_usd:.2g}"
        risk = f"; or take the risk:  compare(..., minimum={items})" if items > 1 else ""
        super().__init__(
            f"{items} {'item is' if items == 1 else 'items are'} too few to compare variants: at least {minimum} are "
            f"needed with a score on both sides.",
            hint=f"Run {more} more{price}{risk}",
        )
