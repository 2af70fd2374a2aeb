"""What a judge said, read strictly: a verdict that has to be guessed at is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from ....llm.answers.loose_json import json_values
from ..base import NoScore

__all__ = ["label_in", "scores_in"]

_THOUGHT = re.compile(r"\s*+<(think(?:ing)?)>(?s:.)*?</\1>")
_MARKS = " \t\r\n*_`\"'.,;:!()[]{}#>-"
#: Most values of JSON in an answer that are looked at, and most characters of it that a reason quotes.
_CANDIDATES = 20
_QUOTED = 120


def scores_in(text: str, criteria: Sequence[str], scale: int) -> dict[str, int]:
    """The score of each criterion in ``{"reasons": {...}, "scores": {...}}``.

    Raises:
        NoScore: There is no such object, it lacks a criterion, a score is no whole number from 1 to ``scale``, or there are
            several that differ.
    """
    found: list[dict[str, int]] = []
    problem = "there is no JSON with scores"
    for count, value in enumerate(json_values(text)):
        scores = value.value.get("scores") if isinstance(value.value, dict) else None
        if count >= _CANDIDATES or not isinstance(scores, dict) or _is_form(value.value):
            continue
        try:
            read = {name: _score(name, scores, scale) for name in criteria}
        except NoScore as error:
            problem = str(error)
            continue
        if read not in found:
            found.append(read)
    if len(found) > 1:
        raise NoScore(f"the judge gave {len(found)} verdicts that differ")
    if not found:
        raise NoScore(f"the judge gave no verdict: {problem}. It said: {_quoted(text)}")
    return found[0]


def _is_form(value: dict[str, Any]) -> bool:
    """Whether it is the form out of the question, whose reasons nobody filled in."""
    reasons = value.get("reasons")
    return isinstance(reasons, dict) and bool(reasons) and all(each == "..." for each in reasons.values())


def _score(name: str, scores: dict[str, Any], scale: int) -> int:
    if name not in scores:
        raise NoScore(f"{name!r} has no score")
    value = scores[name]
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if number is None and isinstance(value, str) and value.strip().isdecimal():
        number = float(value)
    if number is None or not number.is_integer() or not 1 <= number <= scale:
        raise NoScore(f"{name!r} is {value!r:.40}, which is no whole number from 1 to {scale}")
    return int(number)


def label_in(text: str, word: str, labels: Iterable[str]) -> str:
    """Which of the labels a judge said: in lines ``WORD: LABEL``, which must agree, or as all that it said.

    A label counts as a whole: INVALID is not VALID, and NOT VALID is neither.

    Raises:
        NoScore: It said none of them, or several.
    """
    by_folded = {label.casefold().strip(_MARKS): label for label in labels}
    said = _THOUGHT.sub("", text, count=1)
    marked = re.findall(rf"^[\s*_`#>-]*+{re.escape(word)}[*_`\s]*+[:=](.*)$", said, re.IGNORECASE | re.MULTILINE)
    named = list(dict.fromkeys(each.strip(_MARKS).casefold() for each in marked or [said]))
    if len(named) > 1:
        raise NoScore(f"the judge gave {len(named)} verdicts that differ: {', '.join(named)[:_QUOTED]}")
    if named[0] not in by_folded:
        raise NoScore(
            f"the judge gave no verdict that is one of {', '.join(by_folded.values())}. It said: {_quoted(text)}"
        )
    return by_folded[named[0]]


def _quoted(text: str) -> str:
    """The end of what was said, where the verdict should have been."""
    flat = " ".join(text[-4 * _QUOTED :].split())
    return repr(flat if len(flat) <= _QUOTED else f"…{flat[-_QUOTED:]}")
