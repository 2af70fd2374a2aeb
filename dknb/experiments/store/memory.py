"""Experiments in memory, beside the conversations of a store in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

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

    def end_leases(self, number: int) -> None:
        """Nothing: in memory nobody else works at a run."""

    def remove(self, number: int) -> None:
        """Remove an experiment with its trials."""
        self._experiments = {name: row for name, row in self._experiments.items() if row.number != number}
        del self._trials[number]

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
