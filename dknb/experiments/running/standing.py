"""What the store has of a design before a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from ..design.design import Design
from ..store.rows import TrialRow
from .asking import blank_row

__all__ = ["StandingTrials", "standing_of"]


@dataclass
class StandingTrials:
    """The trials of a design, as far as the store has them.

    Attributes:
        rows: Those that are there, by their numbers.
        missing: The numbers of those that are not, and not in a batch either.
        errors: The numbers of those that are errors, and not in a batch that asks them again.
        submitted: The numbers of those that are in a batch that is not collected.
        faulty: The numbers of those that a prompt cannot be rendered for; they are in ``rows``, as errors.
        changed: Those that are called otherwise now, are a part again, or cannot be rendered.
        left: The keys of those that are no part of it any more.
    """

    rows: dict[int, TrialRow] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    submitted: list[int] = field(default_factory=list)
    faulty: list[int] = field(default_factory=list)
    changed: list[TrialRow] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def standing_of(design: Design, stored: Mapping[str, TrialRow], submitted: Collection[str] = ()) -> StandingTrials:
    """What of ``stored``, by their keys, the design has in it; ``submitted`` are the keys of those in batches."""
    standing = StandingTrials()
    found: set[str] = set()
    for number, key in enumerate(design.keys()):
        there = stored.get(key)
        if (fault := design.fault(number)) is not None:
            row = replace(blank_row(design, number), error=f"DesignError: {fault}")
            standing.faulty.append(number)
            standing.rows[number] = row
            standing.changed += [row] * (row != there)
            found.add(key)
            continue
        if key in submitted and (there is None or there.error is not None):
            standing.submitted.append(number)
        elif there is None:
            standing.missing.append(number)
        if there is None:
            continue
        found.add(key)
        row = there.called(blank_row(design, number))
        if row != there:
            standing.changed.append(row)
        if row.error is not None and key not in submitted:
            standing.errors.append(number)
        standing.rows[number] = row
    standing.left = [key for key, row in stored.items() if row.is_part and key not in found]
    return standing
