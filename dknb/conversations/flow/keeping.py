"""What of a run's context its nodes keep, and how it is read back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["FlowMarks", "kept_of", "marks_in"]

#: The most levels of lists and dicts that are looked into.
_DEEPEST = 100


def kept_of(context: Mapping[Any, Any]) -> dict[str, Any]:
    """What a node keeps of ``context``: what is JSON data, and the names of what is not."""
    lost = [str(name) for name, value in context.items() if not isinstance(name, str) or not _is_json(value)]
    kept = {name: value for name, value in context.items() if isinstance(name, str) and name not in lost}
    return {"flow_context": kept, **({"flow_context_lost": lost} if lost else {})}


class FlowMarks(NamedTuple):
    """What a question's metadata says of the run.

    Attributes:
        state: The state that asks.
        context: What was kept of the context.
        lost: Names of what was not.
        said: The user's words.
        via: The transition that led there.
    """

    state: str
    context: dict[str, Any]
    lost: list[str]
    said: str | None
    via: str | None


def marks_in(metadata: Mapping[str, Any]) -> FlowMarks | None:
    """What ``metadata`` says; None if no run of a flow wrote it."""
    marks = FlowMarks(
        metadata.get("state", ""),
        metadata.get("flow_context", {}),
        metadata.get("flow_context_lost", []),
        metadata.get("user_input"),
        metadata.get("flow_via"),
    )
    kinds = (str, dict, list, str | None, str | None)
    fits = all(isinstance(value, kind) for value, kind in zip(marks, kinds, strict=True))
    return marks if fits and marks.state else None


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
