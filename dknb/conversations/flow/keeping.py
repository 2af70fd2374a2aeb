"""What of a run's context its nodes keep, and how it is read back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["FlowMarks", "copied", "kept_of", "marks_in"]

#: The most levels of lists and dicts that are looked into.
_DEEPEST = 100


def copied(value: Any) -> Any:
    """``value`` with dicts, lists and sets of its own, so that a run that changes them changes no other's."""
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(copied(item) for item in value)
    return set(value) if type(value) is set else value


def kept_of(context: Mapping[Any, Any], initial: Mapping[Any, Any]) -> dict[str, Any]:
    """What a node keeps of ``context``: what is JSON data, and the names of what is not.

    Of these, the names whose value is that of the flow's ``initial`` context are apart: the flow has it still.
    """
    others = {name: value for name, value in context.items() if not isinstance(name, str) or not _is_json(value)}
    own = [name for name, value in others.items() if isinstance(name, str) and _is_same(value, initial.get(name))]
    lost = [str(name) for name in others if name not in own]
    kept = {name: value for name, value in context.items() if name not in others}
    return {
        "flow_context": kept,
        **({"flow_context_initial": own} if own else {}),
        **({"flow_context_lost": lost} if lost else {}),
    }


class FlowMarks(NamedTuple):
    """What a question's metadata says of the run.

    Attributes:
        state: The state that asks.
        context: What was kept of the context.
        lost: Names of what was not.
        initial: Names of what was not, but is in the flow's initial context.
        said: The user's words.
        via: The transition that led there.
        via_usd: What models were paid for it; None where nobody knows.
    """

    state: str
    context: dict[str, Any]
    lost: list[str]
    initial: list[str]
    said: str | None
    via: str | None
    via_usd: float | None


def marks_in(metadata: Mapping[str, Any]) -> FlowMarks | None:
    """What ``metadata`` says; None if no run of a flow wrote it."""
    marks = FlowMarks(
        metadata.get("state", ""),
        metadata.get("flow_context", {}),
        metadata.get("flow_context_lost", []),
        metadata.get("flow_context_initial", []),
        metadata.get("user_input"),
        metadata.get("flow_via"),
        metadata.get("flow_via_usd", 0.0),
    )
    kinds = (str, dict, list, list, str | None, str | None, float | int | None)
    fits = all(isinstance(value, kind) for value, kind in zip(marks, kinds, strict=True))
    return marks if fits and marks.state else None


def _is_same(value: Any, other: Any) -> bool:
    """Whether two values are one, be it in copies of the dicts and lists around it."""
    if value is other:
        return True
    if type(value) is not type(other):
        return False
    if isinstance(value, dict):
        return value.keys() == other.keys() and all(_is_same(item, other[key]) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return len(value) == len(other) and all(map(_is_same, value, other))
    return isinstance(value, (set, str, int, float)) and bool(value == other)


def _is_json(value: Any, depth: int = 0) -> bool:
    """Whether JSON gives ``value`` back; a tuple comes back as a list."""
    if value is None or isinstance(value, (str, bool, int)):
        return type(value) in (str, bool, int, type(None))
    if isinstance(value, float):
        return math.isfinite(value)
    if depth == _DEEPEST:
        return False
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item, depth + 1) for key, item in value.items())
    return isinstance(value, (list, tuple)) and all(_is_json(item, depth + 1) for item in value)
