"""Cutting a run into parts of about 100 calls: an item's trials stay together where they can."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..design.design import Design

__all__ = ["cut"]

#: Calls of a part: as many as make what it costs to hand it over small, and few enough to lose nobody's time.
_USUAL, _FEWEST = 100, 10

#: Parts that each place gets at least, where there are calls enough: so they end at about the same time.
_FOR_EACH_PLACE = 4


def cut(design: Design, numbers: Sequence[int], places: int) -> list[list[int]]:
    """The numbers of trials in parts, in their order.

    Args:
        design: The design.
        numbers: The trials; those of an item follow each other.
        places: How many parts are worked at, at a time.
    """
    size = max(_FEWEST, min(_USUAL, math.ceil(len(numbers) / (places * _FOR_EACH_PLACE))))
    parts: list[list[int]] = [[]]
    for number, before in zip(numbers, [None, *numbers], strict=False):
        part = parts[-1]
        same_item = before is not None and design.place(before).item == design.place(number).item
        same_request = before is not None and before // design.repeats == number // design.repeats
        if len(part) >= size and (not same_item or (len(part) >= 2 * size and not same_request)):
            parts.append([])
        parts[-1].append(number)
    return [part for part in parts if part]
