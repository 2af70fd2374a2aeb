"""Prompts that refer to each other without end: ``prompt_ref`` in a ring, which no render gets out of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...errors import DknbError
from ..compose import inherit
from ..library import AbstractPromptLibrary
from ..plan import Plan, plan_of
from ..types import PromptType

__all__ = ["References"]


class _Place(NamedTuple):
    """A prompt, or a section of it that is rendered alone."""

    kind: PromptType
    name: str
    section: str | None = None


class References:
    """Which prompts lead to which, looked up as far as somebody asks.

    Args:
        library: Where prompts are looked up.
    """

    def __init__(self, library: AbstractPromptLibrary) -> None:
        self._library = library
        self._known: dict[_Place, tuple[_Place, ...]] = {}
        self._plans: dict[_Place, Plan | None] = {}

    def ring(self, plan: Plan) -> list[str] | None:
        """The names on the shortest way from a prompt back to itself, or from one of its sections back to that."""
        start = _Place(plan.prompt_type, plan.name)
        self._plans[start] = plan
        sections = [_Place(*start[:2], name) for name in plan.references if name in plan.prompt.get("sections", {})]
        return next((ring for each in (start, *sections) if (ring := self._back_to(each)) is not None), None)

    def _back_to(self, start: _Place) -> list[str] | None:
        ways: dict[_Place, list[str]] = {start: [start.section or start.name]}
        waiting = [start]
        for place in waiting:  # it grows: what is near comes first
            for target in self._targets(place):
                way = [*ways[place], target.section or target.name]
                if target == start:
                    return way
                if target not in ways:
                    ways[target] = way
                    waiting.append(target)
        return None

    def _targets(self, place: _Place) -> tuple[_Place, ...]:
        if place not in self._known:
            plan = self._plan(place)
            self._known[place] = tuple(self._found(plan, place)) if plan is not None else ()
        return self._known[place]

    def _found(self, plan: Plan, place: _Place) -> Iterator[_Place]:
        other: PromptType = "user" if place.kind == "system" else "system"
        for name in plan.references:
            if name in plan.prompt.get("sections", {}):
                yield _Place(place.kind, place.name, name)
                continue
            kinds = (kind for kind in (place.kind, other) if self._plan(_Place(kind, name)) is not None)
            if (kind := next(kinds, None)) is not None:
                yield _Place(kind, name)

    def _plan(self, place: _Place) -> Plan | None:
        """The plan of a place; None for what is not there or broken, which is told elsewhere."""
        if place not in self._plans:
            try:
                self._plans[place] = self._made(place)
            except DknbError:
                self._plans[place] = None
        return self._plans[place]

    def _made(self, place: _Place) -> Plan | None:
        if place.section is not None:
            whole = self._plan(_Place(place.kind, place.name))
            return whole.section(place.section) if whole is not None else None
        prompt = self._library.find_prompt(place.name, place.kind)
        if prompt is None:
            return None
        return plan_of(inherit(prompt, place.name, self._library, place.kind).prompt, place.name, place.kind)
