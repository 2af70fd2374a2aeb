"""Patterns in schemas: searched for as JSON Schema has it, and never for long."""

from __future__ import annotations

from typing import Any

import pytest

from dknb.llm import ToolCall, validate_arguments
from dknb.llm.answers.answer_shape import Misfit, shape_of

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string", "pattern": "^b+$"}},
    "patternProperties": {"^n_": {"type": "integer"}},
    "additionalProperties": False,
}


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with a value."""
    shape = shape_of(schema)
    assert shape is not None
    try:
        shape.parsed(value)
    except Misfit as misfit:
        return misfit.errors
    return []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": "bb", "n_x": 1}, []),
        ({"a": "c"}, ["$.a: 'c' does not match '^b+$'"]),
        ({"a": 1}, ["$.a: 1 is not of type 'string'"]),
        ({"n_x": "1"}, ["$.n_x: '1' is not of type 'integer'"]),
        ({"z": 1}, ["$: Additional properties are not allowed ('z' was unexpected)"]),
        ({"y": 1, "z": 1}, ["$: Additional properties are not allowed ('y', 'z' were unexpected)"]),
    ],
)
def test_patterns_hold_for_texts_and_names(value, expected):
    """As the JSON Schema specification has it; what is no text, or no object, they do not concern."""
    assert faults(SCHEMA, value) == expected


def test_a_schema_for_further_names_is_applied():
    """To those that neither a name nor a pattern covers."""
    schema = {**SCHEMA, "additionalProperties": {"type": "null"}}
    assert faults(schema, {"a": "b", "n_x": 1, "z": None}) == []
    assert faults(schema, {"z": 1}) == ["$.z: 1 is not of type 'null'"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"properties": {"a": {"pattern": r"^(a|a)*$"}}}, {"a": "a" * 60 + "!"}),
        ({"type": "object", "patternProperties": {r"^(b|b)+$": {}}}, {"b" * 60 + "!": 1}),
        (
            {"type": "object", "patternProperties": {r"^(b|b)+$": {}}, "additionalProperties": False},
            {"b" * 60 + "!": 1},
        ),
        ({"items": {"pattern": r"^(a|a)*$"}}, ["a" * 60 + "!"] * 1_000),
    ],
)
def test_a_pattern_that_takes_too_long_is_a_fault(schema, value):
    """Python's own engine would take longer than there is time for these; all patterns of a check share theirs."""
    (fault,) = faults(schema, value)
    assert "took too long" in fault


def test_the_arguments_of_a_tool_are_bounded_too():
    """They are checked in the same way."""
    tool = {"name": "t", "parameters": {"type": "object", "properties": {"a": {"pattern": r"^(a|a)*$"}}}}
    (fault,) = validate_arguments(tool, ToolCall(name="t", arguments={"a": "a" * 60 + "!"}, id="c"))
    assert "took too long" in fault
