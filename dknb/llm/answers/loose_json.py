"""JSON in the text of a model: found in prose, and repaired where it is not quite JSON.

Python's own reader goes first, then `mended_json`, which knows the common faults, then the library json-repair. That one
takes time with the square of a hostile text (47 s for 32 kB of ``{]``), so it only gets short texts. Everything here reads
a text forward, and no part of it more than a fixed number of times.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .mended_json import mended

__all__ = ["Found", "first_json", "json_values"]

#: Most characters that json-repair gets, and most times in one text.
_HARD_CASE = 2_000
_HARD_CASES = 2
#: Most brackets in those: it is slow with brackets within brackets.
_HARD_BRACKETS = 100
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
#: What a model thought, at the beginning of its answer: drafts in it are not the answer.
_THOUGHT = re.compile(r"(?:\s*+<(think(?:ing)?)>(?s:.)*?</\1>)++")
_FENCE = re.compile(r"^[ \t]*+(?:`{3,}+|~{3,}+)[ \t]*+([\w+#.-]*+)[^`\n]*$", re.MULTILINE)
_JSON_FENCE = re.compile(r"^[ \t]*+(?:`{3,}+|~{3,}+)[ \t]*+json", re.MULTILINE | re.IGNORECASE)
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Found:
    """A value found in a text.

    Attributes:
        value: The object or array.
        rank: What speaks for it: 0 most; 1 for what may be prose, or another language's; 2 for JSON that has no end.
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
    place = match.end() if (match := _THOUGHT.match(text)) else 0
    of_others, readers, weak = _OtherCode(text), _Readers(text), _WEAK_CASES
    while readers.broken and (match := _BEGIN.search(text, place)):
        start = match.start()
        rank = int(match.lastgroup == "weak" and not _begins_fence(text, start))
        weak -= rank
        if weak < 0 and rank:
            place = match.end()
            continue
        found, place = readers.read(start, rank or of_others.has(start), is_keyed=match.lastgroup == "keyed")
        if found is not None:
            yield found


class _Readers:
    """One after the other on the same place, and each so often as the time allows.

    Attributes:
        broken: How often the mender may still fail.
    """

    def __init__(self, text: str) -> None:
        self.broken = _MENDED_CASES
        self._text, self._strict, self._hard = text, _STRICT_CASES, _HARD_CASES

    def read(self, start: int, rank: int, *, is_keyed: bool) -> tuple[Found | None, int]:
        """What begins at a place, and where to go on."""
        if self._strict:
            found, place = _strict(self._text, start, rank)
            if found is not None:
                return found, place
            self._strict -= 1
        found, place, is_hopeless = _mended(self._text, start, rank)
        if found is not None:
            return found, place
        self.broken -= 1
        if is_hopeless and is_keyed and self._hard:
            self._hard -= 1
            return _library(self._text, start, place, rank)
        return None, place


class _OtherCode:
    """The fences of other languages in a text that also has one of JSON: what lies in them is not the answer."""

    def __init__(self, text: str) -> None:
        self._bounds: list[int] = []
        if _JSON_FENCE.search(text) is None:
            return
        inside = False
        for fence in _FENCE.finditer(text):
            if not inside:
                inside, is_other = True, bool(fence[1]) and not fence[1].lower().startswith("json")
            elif not fence[1]:
                inside = False
            else:
                continue
            if is_other:
                self._bounds.append(fence.start())

    def has(self, place: int) -> bool:
        """Whether a place lies in one of them."""
        return bisect_right(self._bounds, place) % 2 == 1


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


def _mended(text: str, start: int, rank: int) -> tuple[Found | None, int, bool]:
    """What was found, where to go on, and whether another may find more."""
    result = mended(text, start)
    if result.text is None:
        return None, result.end, not result.closed
    try:
        value = json.loads(result.text)
    except (ValueError, RecursionError):  # an integer of more digits than Python takes
        return None, result.end, True
    return Found(value, rank if result.closed else 2, repaired=True), result.end, False


def _library(text: str, start: int, place: int, rank: int) -> tuple[Found | None, int]:
    """What json-repair makes of the text up to the last bracket that closes."""
    piece = text[start : start + _HARD_CASE]
    close = max(piece.rfind("}"), piece.rfind("]")) + 1
    piece = piece[:close] if close else piece
    if piece.count("{") + piece.count("[") > _HARD_BRACKETS:
        return None, place
    import json_repair

    try:
        value = json_repair.loads(piece, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None, place
    if not isinstance(value, (dict, list)) or not value:
        return None, place
    return Found(value, rank, repaired=True), max(place, start + len(piece))
