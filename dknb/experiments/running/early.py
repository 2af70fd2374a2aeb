"""Stopping early: items are handed to the statistics in the order in which they were to be run."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Protocol

from ..design.design import Design

__all__ = ["Early", "Watching", "shuffled"]


class Watching(Protocol):
    """What looks at the items that are complete, as often as it likes."""

    @property
    def decided(self) -> bool:
        """Whether all verdicts are reached."""

    def add(self, item: str, scores: dict[str, float | None]) -> None:
        """Take in an item: the mean of the metric over the repeats, for each variant."""


def shuffled(items: int, seed: int) -> list[int]:
    """The numbers of the items in an order that depends on the seed alone."""
    order = list(range(items))
    random.Random(seed).shuffle(order)
    return order


class Early:
    """Hands completed items on in their order, whatever order they end in: those that end first may be the short ones.

    Args:
        watch: What decides.
        design: The design.
        order: The items' numbers in the order in which they are run.
        score: The metric's number of a trial; None where it has none.
    """

    def __init__(
        self, watch: Watching, design: Design, order: Sequence[int], score: Callable[[int], float | None]
    ) -> None:
        self._watch, self._design, self._order, self._score = watch, design, order, score
        self._left = {item: len(design.numbers_of(item)) for item in order}
        self._next = 0

    def done(self, number: int) -> bool:
        """A trial is done; whether all is decided now."""
        item = self._design.place(number).item
        self._left[item] -= 1
        while not self._watch.decided and self._next < len(self._order) and not self._left[self._order[self._next]]:
            self._hand_on(self._order[self._next])
            self._next += 1
        return self._watch.decided

    @property
    def seen(self) -> int:
        """How many items were handed on."""
        return self._next

    def _hand_on(self, item: int) -> None:
        scores: dict[str, list[float]] = {variant.label: [] for variant in self._design.variants}
        for number in self._design.numbers_of(item):
            score = self._score(number)
            if score is not None and not math.isnan(score):
                scores[self._design.variants[self._design.place(number).variant].label].append(score)
        means = {label: sum(each) / len(each) if each else None for label, each in scores.items()}
        self._watch.add(self._design.items[item].label, means)
