"""What the store has of a design before a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..design.design import Design
from ..store.rows import TrialRow
from .asking import blank_row

__all__ = ["StandingTrials", "standing_of"]


@dataclass
class StandingTrials:
    """The trials of a design, as far as the store has them.

    Attributes:
        rows: Those that are there, by their numbers.
        missing: The numbers of those that are not.
        errors: The numbers of those that are errors.
        changed: Those that are called otherwise now, or are a part again.
        left: The keys of those that are no part of it any more.
    """

    rows: dict[int, TrialRow] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    changed: list[TrialRow] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def standing_of(design: Design, stored: Mapping[str, TrialRow]) -> StandingTrials:
    """What of ``stored``, by their keys, the design has in it."""
    standing = StandingTrials()
    found: set[str] = set()
    for number, key in enumerate(design.keys()):
        there = stored.get(key)
        if there is None:
            standing.missing.append(number)
            continue
        found.add(key)
        row = there.called(blank_row(design, number))
        if row != there:
            standing.changed.append(row)
        if row.error is not None:
            standing.errors.append(number)
        standing.rows[number] = row
    standing.left = [key for key, row in stored.items() if row.is_part and key not in found]
    return standing
