"""JSON Schemas as the vendors' strict modes take them.

They take a part of JSON Schema: every object closed, and all of its properties required. What a schema says beyond that
part is told in words, and checked when the answer is here; what cannot be said otherwise makes strictness impossible.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..parts import Json

__all__ = ["ANTHROPIC_UNKNOWN", "all_in_words", "strict_schema"]

#: Says nothing about what fits, or nothing to a model. A default cannot hold where all is required.
_NOT_SENT = frozenset({"$schema", "$id", "$comment", "default", "deprecated", "discriminator", "examples"})
#: Unknown to OpenAI's strict mode, and a loss that can be told in words. Source: platform.openai.com, "Structured model
#: outputs", part "Supported schemas", as docs.dify.ai and the SDK's ``lib/_pydantic.py`` repeat it; November 2026.
_LOOSE = frozenset({"minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties", "propertyNames"})
#: Unknown to Anthropic besides. Source: ``lib/_parse/_transform.py`` of the SDK anthropic 2.12.0.
ANTHROPIC_UNKNOWN = frozenset(
    {"pattern", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"}
)
#: Unknown to OpenAI's, and not to be done without. ``allOf`` of one is that one.
_IMPOSSIBLE = frozenset(
    {
        "not", "if", "then", "else", "contains", "dependentRequired", "dependentSchemas", "patternProperties",
        "prefixItems", "unevaluatedItems", "unevaluatedProperties", "$dynamicRef",
    }
)  # fmt: skip
_SAYS_WHAT = ("type", "anyOf", "$ref", "enum", "const")
_SCHEMAS = frozenset({"properties", "$defs", "definitions"})


class _Impossible(Exception):
    """A schema that cannot be strict."""


def strict_schema(schema: Json, *, all_required: bool = False) -> Json | None:
    """The schema in the form that strict modes take; None where there is none.

    Args:
        schema: Any JSON Schema whose root is an object.
        all_required: Whether properties that may be left out can be demanded all the same: where the receiver has
            defaults for them, an answer that says them is no other answer.
    """
    try:
        return _strict(schema, all_required)
    except _Impossible:
        return None


def _strict(schema: Any, all_required: bool) -> Json:
    if not isinstance(schema, dict):  # ``true``: anything
        raise _Impossible
    schema = _merged(schema)
    if "$ref" in schema and "$defs" not in schema and "definitions" not in schema:
        return {"$ref": schema["$ref"]}
    if not _IMPOSSIBLE.isdisjoint(schema) or not any(name in schema for name in _SAYS_WHAT):
        raise _Impossible
    kept = {name: value for name, value in schema.items() if name not in _NOT_SENT}
    out = _inside(_in_words(kept, _LOOSE), lambda inner: _strict(inner, all_required))
    return out | _closed(out, all_required)


def _inside(schema: Json, change: Callable[[Any], Json]) -> Json:
    """The schema with the schemas in it changed."""
    out = dict(schema)
    for name in _SCHEMAS & schema.keys():
        out[name] = {key: change(inner) for key, inner in schema[name].items()}
    if "anyOf" in schema:
        out["anyOf"] = [change(inner) for inner in schema["anyOf"]]
    if "items" in schema:
        out["items"] = change(schema["items"])
    return out


def _merged(schema: Json) -> Json:
    """Without ``oneOf``, which is told as ``anyOf``, and without ``allOf`` where it is of one schema."""
    if one_of := schema.get("oneOf"):
        schema = {**{name: value for name, value in schema.items() if name != "oneOf"}, "anyOf": one_of}
    if (all_of := schema.get("allOf")) is None:
        return schema
    if len(all_of) != 1 or not isinstance(all_of[0], dict):
        raise _Impossible
    return {**all_of[0], **{name: value for name, value in schema.items() if name != "allOf"}}


def _closed(schema: Json, all_required: bool) -> Json:
    """What a strict object says of its properties."""
    if schema.get("type") != "object":
        if "object" in schema.get("type", ()) or "properties" in schema:
            raise _Impossible
        return {}
    properties = schema.get("properties")
    if not properties or schema.get("additionalProperties", False) is not False:
        raise _Impossible
    if not all_required and set(schema.get("required", ())) != set(properties):
        raise _Impossible
    return {"required": list(properties), "additionalProperties": False}


def _in_words(schema: Json, unknown: frozenset[str]) -> Json:
    """One level of a schema with keywords that its reader does not know moved into its description."""
    told = {name: value for name, value in schema.items() if name in unknown}
    if not told:
        return schema
    words = ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in told.items())
    kept = {name: value for name, value in schema.items() if name not in unknown}
    return {**kept, "description": " ".join(filter(None, (schema.get("description"), f"({words})")))}


def all_in_words(schema: Json, unknown: frozenset[str]) -> Json:
    """A strict schema, all of it, with keywords that its reader does not know moved into descriptions."""
    return _inside(_in_words(schema, unknown), lambda inner: all_in_words(inner, unknown))
