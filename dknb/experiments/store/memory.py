"""Experiments in memory, beside the conversations of a store in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from .claims import RUN, RunClaim
from .rows import ExperimentRow, TrialRow

__all__ = ["MemoryTrials"]


class MemoryTrials:
    """What `SqlTrials` does, in dicts.

    Args:
        spent: US dollars that calls in a conversation cost, as the ledger of the store tells.
    """

    def __init__(self, spent: Callable[[str], float]) -> None:
        self._experiments: dict[str, ExperimentRow] = {}
        self._trials: dict[int, dict[str, TrialRow]] = {}
        self._claims: dict[int, RunClaim] = {}
        self._numbers = count(1)
        self.spent = spent

    def are_there(self) -> bool:
        """Whether the store has a place for experiments."""
        return True

    def make(self) -> None:
        """Nothing: the place is there."""

    def find(self, name: str) -> ExperimentRow | None:
        """The experiment of a name."""
        return self._experiments.get(name)

    def listed(self) -> list[tuple[ExperimentRow, int, int]]:
        """All experiments, the newest first, each with the number of its trials and of those that are errors."""
        found = sorted(self._experiments.values(), key=lambda row: row.updated_at, reverse=True)
        parts = {row.number: list(self.trials(row.number, all_designs=False)) for row in found}
        return [
            (row, len(parts[row.number]), sum(trial.error is not None for trial in parts[row.number])) for row in found
        ]

    def add(self, name: str, conversation_id: str, design: dict[str, Any], at: str) -> ExperimentRow:
        """Add an experiment."""
        row = self._experiments[name] = ExperimentRow(next(self._numbers), name, conversation_id, design, at, at)
        self._trials[row.number] = {}
        return row

    def redesign(self, number: int, design: dict[str, Any], at: str) -> None:
        """Put another design in the place of an experiment's."""
        self._change(number, design=design, updated_at=at)

    def move(self, number: int, conversation_id: str) -> None:
        """Let an experiment's trials hang in another conversation from now on."""
        self._change(number, conversation_id=conversation_id)

    def _change(self, number: int, **changed: Any) -> None:
        for name, row in self._experiments.items():
            if row.number == number:
                self._experiments[name] = row._replace(**changed)

    def is_there(self, number: int, name: str) -> bool:
        """Whether the experiment of a name still has that number."""
        return name in self._experiments and self._experiments[name].number == number

    def end_leases(self, number: int) -> None:
        """Let nobody work at a run any more."""
        self._claims.pop(number, None)

    def claimed(self, number: int) -> RunClaim | None:
        """Who runs an experiment, or ran it and did not end it."""
        return self._claims.get(number)

    def claim(self, number: int, claim: RunClaim) -> None:
        """Be who runs an experiment."""
        self._claims[number] = claim

    def keep(self, number: int, claim: RunClaim) -> None:
        """Nothing: whether a run of this process goes on is known."""

    def release(self, number: int, claim: RunClaim) -> None:
        """Let others run an experiment, unless somebody else does already."""
        if self._claims.get(number) == claim:
            del self._claims[number]

    def spend(self, number: int, shard: str, holder: str, dollars: float) -> bool:
        """Whether ``holder`` is still who runs it."""
        claim = self._claims.get(number)
        return shard == RUN and claim is not None and claim.holder == holder

    def remove(self, number: int) -> None:
        """Remove an experiment with its trials."""
        self._experiments = {name: row for name, row in self._experiments.items() if row.number != number}
        del self._trials[number]
        self._claims.pop(number, None)

    def trials(self, number: int, *, all_designs: bool) -> Iterator[TrialRow]:
        """The trials of an experiment; those of earlier designs only where they are asked for."""
        return (row for row in list(self._trials[number].values()) if all_designs or row.is_part)

    def found(self, number: int, keys: Sequence[str]) -> Iterator[TrialRow]:
        """The trials of these keys, those that are there."""
        return (self._trials[number][key] for key in keys if key in self._trials[number])

    def leave(self, number: int, keys: Sequence[str]) -> None:
        """Note that trials are no part of the design any more."""
        trials = self._trials[number]
        trials.update({key: replace(trials[key], is_part=False) for key in keys})

    def write(self, number: int, rows: Iterable[TrialRow], at: str) -> None:
        """Write trials, each in the place of the one of its key."""
        for row in rows:
            self._trials[number][row.key] = row
