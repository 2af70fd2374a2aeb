"""The states of a flow and the ways between them as a picture shows them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .result import FlowStep

if TYPE_CHECKING:
    from .definition import ConversationFlow

__all__ = ["Map", "Way", "map_of", "shown_name", "shown_times"]

#: What neither XML nor a line of text can hold.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Way:
    """A way from one state to another.

    Attributes:
        start: Number of the state that it leads from.
        goal: Number of the state that it leads to.
        names: The conditions on which it is taken.
        taken: How often it was.
    """

    start: int
    goal: int
    names: tuple[str, ...]
    taken: int


@dataclass(frozen=True, slots=True)
class Map:
    """States by number, and ways between them.

    Attributes:
        names: Of each state, what it is called; the last, if there is one more than the flow has, is the end.
        visits: Of each, how often it was entered.
        first: Number of the state where it begins.
        ends: Numbers of the states where it ends.
        last: Number of the state where the run is, or where it ended; None before a run.
        ways: The ways.
    """

    names: tuple[str, ...]
    visits: tuple[int, ...]
    first: int
    ends: frozenset[int]
    last: int | None
    ways: tuple[Way, ...]


def map_of(flow: ConversationFlow, steps: Sequence[FlowStep] = (), here: str | None = None) -> Map:
    """The states of ``flow``, with the way that ``steps`` took; names are cut to one line of 40 characters.

    ``here`` is the state where the run is, if it goes on: one that waits has been entered, and has no step yet.
    """
    names = list(flow.states)
    numbers = {name: number for number, name in enumerate(names)}
    targets = [target for state in flow.states.values() for target in state.transitions.values()]
    for target in targets:
        if target not in numbers:  # "end", or a mistake
            numbers[target] = len(names)
            names.append(target)
    visits = Counter(step.state for step in steps)
    taken = Counter((step.state, step.target) for step in steps if step.transition is not None)
    visits.update(target for (_, target), times in taken.items() for _ in range(times) if target not in flow.states)
    joined: dict[tuple[str, str], list[str]] = {}
    for name, state in flow.states.items():
        for condition, target in state.transitions.items():
            joined.setdefault((name, target), []).append(shown_name(condition))
    ways = [Way(numbers[a], numbers[b], tuple(told), taken[a, b]) for (a, b), told in joined.items()]
    ends = {numbers[name] for name in names if name not in flow.states or flow.ends_after(name)}
    return Map(
        names=tuple(map(shown_name, names)),
        visits=tuple(visits[name] for name in names),
        first=numbers[flow.initial_state],
        ends=frozenset(ends),
        last=numbers.get(here if here is not None else steps[-1].state) if steps or here is not None else None,
        ways=tuple(ways),
    )


def shown_times(count: int) -> str:
    """How often it was, where that is more than once."""
    return f" \N{MULTIPLICATION SIGN}{count}" if count > 1 else ""


def shown_name(name: str) -> str:
    """A name in one line of at most 40 characters, without what no picture can hold."""
    plain = " ".join(_UNSEEN.sub(" ", name).split()) or "?"
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
