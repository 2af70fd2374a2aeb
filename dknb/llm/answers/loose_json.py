"""JSON in the text of a model: found in prose, and repaired where it is not quite JSON.

Python's own reader goes first, then `mended_json`, which knows the common faults, then the library json-repair. That one
takes time with the square of a hostile text (47 s for 32 kB of ``{]``), so it only gets short texts. Everything here reads
a text forward, and no part of it more than a fixed number of times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .mended_json import mended

__all__ = ["Found", "first_json", "json_values"]

#: Most characters that json-repair gets, and most times in one text.
_HARD_CASE = 2_000
_HARD_CASES = 2
#: How often Python's reader may fail in one text (each time, it counts the lines up to the fault), how often the mender,
#: and how many values that may be prose are looked at.
_STRICT_CASES = 20
_MENDED_CASES = 5_000
_WEAK_CASES = 20

#: A bracket that may begin JSON, by what follows it. Strong: a quoted key, or a first element. Weak: a bare key, which
#: is also how people write about formats; no or one integer in an array, which is how they write references.
_BEGIN = re.compile(
    r"""
    (?P<weak> \[ \s*+ (?:\d+ \s*+)? \] | \{ \s*+ [A-Za-z_$][\w$-]*+ \s*+ : (?!:) )
  | (?P<keyed> \{ \s*+ ["'\u201c\u2018] | \[ \s*+ \{ )
  | (?P<strong> \{ \s*+ \} | \{ \s*+ (?: //|/\*|\# )
              | \[ \s*+ (?: ["'\u201c\u2018\[/\#] | [-+]?+\.?\d | (?:true|false|null|None|True|False|NaN)\b ) )
  | (?P<cut> [\[{] \s*+ \Z )
    """,
    re.VERBOSE,
)
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Found:
    """A value found in a text.

    Attributes:
        value: The object or array.
        rank: What speaks for it: 0 most; 1 for what may be prose; 2 for JSON that has no end.
        repaired: Whether it was not JSON as it stands.
    """

    value: Any
    rank: int
    repaired: bool


def first_json(text: str) -> Any:
    """The first object or array in a text; None where there is none."""
    return next((found.value for found in json_values(text)), None)


def json_values(text: str) -> Iterator[Found]:
    """The objects and arrays in a text, the likeliest first, otherwise in their order; none inside another."""
    doubtful: list[Found] = []
    for found in _in_order(text):
        if found.rank == 0:
            yield found
        else:
            doubtful.append(found)
    yield from sorted(doubtful, key=lambda found: found.rank)


def _in_order(text: str) -> Iterator[Found]:
    place = 0
    strict, broken, hard, weak = _STRICT_CASES, _MENDED_CASES, _HARD_CASES, _WEAK_CASES
    while broken and (match := _BEGIN.search(text, place)):
        start, found = match.start(), None
        rank = int(match.lastgroup == "weak" and not _begins_fence(text, start))
        weak -= rank
        if weak < 0 and rank:
            place = match.end()
            continue
        if strict:
            found, place = _strict(text, start, rank)
            strict -= found is None
        if found is None:
            found, place = _mended(text, start, rank)
            broken -= found is None
        if found is None and hard and match.lastgroup == "keyed":
            hard -= 1
            found, place = _library(text, start, place)
        if found is not None:
            yield found


def _begins_fence(text: str, place: int) -> bool:
    """Whether a place is where the content of a fence begins: what is there is no reference."""
    before = text[max(0, place - 100) : place].rstrip().rpartition("\n")[2]
    return before.lstrip().startswith(("```", "~~~"))


def _strict(text: str, start: int, rank: int) -> tuple[Found | None, int]:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, start
    return Found(value, rank, repaired=False), end


def _mended(text: str, start: int, rank: int) -> tuple[Found | None, int]:
    result = mended(text, start)
    if result.text is None:
        return None, result.end
    try:
        value = json.loads(result.text)
    except (ValueError, RecursionError):  # an integer of more digits than Python takes
        return None, result.end
    return Found(value, rank if result.closed else 2, repaired=True), result.end


def _library(text: str, start: int, place: int) -> tuple[Found | None, int]:
    """What json-repair makes of the text up to the last bracket that closes."""
    import json_repair

    piece = text[start : start + _HARD_CASE]
    close = max(piece.rfind("}"), piece.rfind("]")) + 1
    piece = piece[:close] if close else piece
    try:
        value = json_repair.loads(piece, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None, place
    if not isinstance(value, (dict, list)) or not value:
        return None, place
    return Found(value, 0, repaired=True), max(place, start + len(piece))
