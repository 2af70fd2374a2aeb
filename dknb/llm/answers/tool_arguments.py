"""Whether the arguments of a tool call fit the tool."""

from __future__ import annotations

import json

from ..parts import Json, ToolCall
from ..tools import schema_of
from .answer_shape import Misfit, shape_of

__all__ = ["validate_arguments"]


def validate_arguments(tool: Json, call: ToolCall) -> list[str]:
    """What is wrong with a call's arguments by the tool's JSON Schema, with places; empty when they fit.

    Args:
        tool: The tool, in any form that calls take.
        call: A model's call of it. Of JSON that is none, or was cut, the text is in its ``raw_arguments``.

    Raises:
        ConfigError: The tool's schema is none.
    """
    if not call.arguments and not _is_object(call.arguments_json):
        return [f"$: The arguments are no JSON object: {call.arguments_json[:200]!r}"]
    shape = shape_of({"type": "json_schema", "schema": schema_of(tool)})
    assert shape is not None
    try:
        shape.parsed(call.arguments)
    except Misfit as misfit:
        return misfit.errors
    return []


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text or "{}"), dict)
    except (ValueError, RecursionError):
        return False
