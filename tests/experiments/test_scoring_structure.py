"""JSON that is valid, fits a schema, or has the right value in a field."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel
from scoring_help import scored, value

from dknb.errors import ConfigError
from dknb.experiments.scoring import scorers_of

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Person(BaseModel):
    """A type that has a schema."""

    name: str


@pytest.mark.parametrize(
    ("options", "output", "expected"),
    [
        ({}, '{"a": 1}', 1.0),
        ({}, " [1]\n", 1.0),
        ({}, '{"a": NaN}', 0.0),
        ({}, '```json\n{"a": 1}\n```', 0.0),
        ({"strict": False}, '```json\n{"a": 1}\n```', 1.0),
        ({"strict": False}, "{'a': 1,}", 0.0),
        ({}, "", 0.0),
        ({}, "[" * 100_000, 0.0),
    ],
)
async def test_json_is_valid_or_not(options, output, expected):
    """As a whole, or, where one asks for that, in prose; what had to be mended is not valid."""
    assert await value({"json_valid": options}, output) == expected


@pytest.mark.parametrize(
    ("schema", "output", "expected"),
    [
        (SCHEMA, '{"n": 1}', 1.0),
        (SCHEMA, '{"n": "1"}', 0.0),
        (SCHEMA, "no", 0.0),
        ({"minimum": 3}, "4", 1.0),
        ({"schema": {"type": "array"}, "strict": False}, "Here: [1, 2]", 1.0),
        (Person, '{"name": "Ada"}', 1.0),
        (Person, '{"nom": "Ada"}', 0.0),
    ],
)
async def test_json_fits_a_schema_or_not(schema, output, expected):
    """A schema is a dict, or a type of pydantic; options may stand beside it."""
    assert await value({"json_schema": schema}, output) == expected


async def test_a_schema_may_lie_in_a_file(tmp_path):
    """Its path is enough; one that is not there is said at once."""
    path = tmp_path / "s.json"
    path.write_text(json.dumps(SCHEMA))
    assert await value({"json_schema": str(path)}, '{"n": 1}') == 1.0
    with pytest.raises(ConfigError, match="There is no JSON Schema in"):
        scorers_of({"json_schema": str(tmp_path / "none.json")})


async def test_a_slow_pattern_in_a_schema_ends():
    """No score, with the pattern in the reason."""
    schema = {"type": "string", "pattern": r"^(?:(a|aa|aaa)+)+\1\1b$"}
    done = await scored({"json_schema": schema}, json.dumps("a" * 3_000 + "c"))
    assert done.values == {"json_schema": None}
    assert "took too long" in done.errors["json_schema"]


async def test_a_schema_fetches_nothing():
    """A reference to another document is no score, and no request."""
    done = await scored({"json_schema": {"$ref": "http://127.0.0.1:9/s.json"}}, "1")
    assert "refers to what it has not" in done.errors["json_schema"]


def test_what_is_no_schema_is_refused():
    """With the place of the fault."""
    with pytest.raises(ConfigError, match="This is no JSON Schema"):
        scorers_of({"json_schema": {"type": "objekt"}})


@pytest.mark.parametrize(
    ("options", "output", "answer", "expected"),
    [
        ("label", '{"label": "x"}', "x", 1.0),
        ("label", 'Sure: {"label": "x "}', "x", 1.0),
        ("label", '{"label": "X"}', "x", 0.0),
        ({"field": "label", "ignore_case": True}, '{"label": "X"}', "x", 1.0),
        ("a.b[1]", '{"a": {"b": [1, 2]}}', 2.0, 1.0),
        ("a", '{"a": true}', 1, 0.0),
        ({"field": "a", "tolerance": 0.1}, '{"a": 1.05}', 1, 1.0),
        ("a", '{"a": [1, {"b": null}]}', [1, {"b": None}], 1.0),
        ("b", '{"a": 1}', 1, 0.0),
        ("b", "no JSON", 1, 0.0),
        ("a[3]", '{"a": [1]}', 1, 0.0),
    ],
)
async def test_a_field_is_equal_or_not(options, output, answer, expected):
    """Numbers as numbers, truth is no number, and what is not there is not equal."""
    assert await value({"json_field": options}, output, answer) == expected


async def test_what_the_call_parsed_goes_first():
    """The parsed answer is not parsed again."""
    assert await value({"json_field": "a"}, "done", 1, parsed={"a": 1}) == 1.0


def test_a_field_must_be_one():
    """An empty way leads nowhere."""
    with pytest.raises(ConfigError, match="names no field"):
        scorers_of({"json_field": "a..b["})


async def test_a_long_whole_number_is_json():
    """Also one that Python would not read at once."""
    digits = "7" * 5_000
    assert await value("json_valid", digits) == 1.0
    assert await value({"json_field": "a"}, f'{{"a": {digits}}}', 7) == 0.0
