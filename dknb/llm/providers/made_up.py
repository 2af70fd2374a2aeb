"""A value for a JSON Schema, made up: the same each time, and valid for what schemas of tools and answers say."""

from __future__ import annotations

import math
from typing import Any

from ..parts import Json

__all__ = ["made_up"]

_TEXTS = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "name@example.org",
    "uri": "https://example.org",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
#: Levels of objects that get all they may have; below them only what they must, since a schema may hold itself.
_FULL = 4
_DEEPEST = 40


def made_up(schema: Json, name: str = "value") -> Any:
    """A value that fits the schema; a text is ``name``, or the name of its property.

    Keywords without a rule here (``pattern``, ``not``, ``if``) are not looked at.
    """
    return _value(schema, name, schema, 0)


def _value(schema: Any, name: str, root: Json, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    if (reference := schema.get("$ref")) is not None:
        return _value(_behind(str(reference), root), name, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if values := schema.get("enum") or schema.get("examples"):
        return values[0]
    if others := schema.get("anyOf") or schema.get("oneOf"):
        return _value(others[0], name, root, depth + 1)
    if schema.get("allOf"):
        schema = _merged(schema, root)
    return _of_type(schema, name, root, depth)


def _of_type(schema: Json, name: str, root: Json, depth: int) -> Any:
    match _type(schema):
        case "object":
            inner = schema.get("properties", {})
            names = dict.fromkeys([*(inner if depth < _FULL else ()), *schema.get("required", ())])
            return {key: _value(inner.get(key, {}), key, root, depth + 1) for key in names}
        case "array":
            first = [_value(item, name, root, depth + 1) for item in schema.get("prefixItems", ())]
            missing = max(0, schema.get("minItems", 0) - len(first))
            return first + [_value(schema.get("items", {}), name, root, depth + 1) for _ in range(missing)]
        case "integer":
            return math.ceil(_number(schema, 1))
        case "number":
            return float(_number(schema, 1.0))
        case "boolean":
            return True
        case "null":
            return None
    return _text(schema, name)


def _type(schema: Json) -> str:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = next((kind for kind in kinds if kind != "null"), "null")
    if kinds is None:
        kinds = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kinds)


def _number(schema: Json, value: float) -> float:
    value = max(value, schema.get("minimum", value), schema.get("exclusiveMinimum", value - 1) + 1)
    value = min(value, schema.get("maximum", value), schema.get("exclusiveMaximum", value + 1) - 1)
    step = schema.get("multipleOf")
    return math.ceil(value / step) * step if step else value


def _text(schema: Json, name: str) -> str:
    text = _TEXTS.get(schema.get("format", ""), name)
    text = text.ljust(schema.get("minLength", 0), "x")
    return text[: schema.get("maxLength", len(text))]


def _merged(schema: Json, root: Json) -> Json:
    """The schema with those that must hold too folded into it."""
    whole = {key: value for key, value in schema.items() if key != "allOf"}
    for also in schema["allOf"]:
        given = _behind(str(also["$ref"]), root) if "$ref" in also else also
        properties = whole.get("properties", {}) | given.get("properties", {})
        required = [*whole.get("required", ()), *given.get("required", ())]
        whole = {**whole, **given, "properties": properties, "required": required}
    return whole


def _behind(reference: str, root: Json) -> Json:
    """The schema that a reference within the document leads to; one that allows anything where it leads nowhere."""
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step:
            found = found.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}
