"""Values made up for a JSON Schema."""

from __future__ import annotations

import jsonschema
import pytest

from dknb.llm.providers.made_up import made_up

TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "required": ["name"],
        }
    },
    "$ref": "#/$defs/node",
}
SCHEMAS = {
    "plain": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}, "required": ["a"]},
    "nested": {"type": "array", "minItems": 2, "items": {"type": "object", "properties": {"x": {"type": "boolean"}}}},
    "tuple": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2},
    "constant": {"const": {"a": 1}},
    "choice": {"oneOf": [{"type": "integer", "minimum": 5}, {"type": "null"}]},
    "enumeration": {"enum": ["C", "F"]},
    "bounds": {"type": "integer", "exclusiveMinimum": 5, "maximum": 9, "multipleOf": 4},
    "below zero": {"type": "number", "maximum": -2.5},
    "several types": {"type": ["null", "string"], "minLength": 8, "maxLength": 9},
    "no type": {"properties": {"day": {"format": "date"}}, "required": ["day", "unknown"]},
    "all of": {"allOf": [{"$ref": "#/$defs/a"}, {"required": ["a"]}], "$defs": {"a": {"properties": {"a": {}}}}},
    "recursive": TREE,
    "must recurse": {
        "$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}}},
        "$ref": "#/$defs/n",
    },
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_value_is_valid(name):
    """For what schemas of tools and answers say."""
    jsonschema.validate(made_up(SCHEMAS[name]), SCHEMAS[name])


def test_a_value_says_what_it_stands_for():
    """Texts are the names of their properties, which all are there."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
    assert made_up(schema) == {"city": "city", "days": 1}


@pytest.mark.parametrize("schema", [{"$ref": "#/nowhere/at/all"}, {"$ref": "#"}, {}, {"anyOf": [True]}])
def test_an_odd_schema_ends(schema):
    """Also one that refers to itself, or to nothing."""
    assert made_up(schema) in ("value", None)
