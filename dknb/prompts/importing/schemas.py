"""Types of other systems as our types of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["parameter_of"]

_TYPES = {
    "string": "string",
    "str": "string",
    "number": "number",
    "float": "number",
    "integer": "integer",
    "int": "integer",
    "boolean": "boolean",
    "bool": "boolean",
    "array": "list",
    "list": "list",
    "object": "object",
    "dict": "object",
}


def parameter_of(schema: Any, *, required: bool = False) -> dict[str, Any]:
    """The declaration of a parameter from its JSON Schema, or from what resembles one."""
    if not isinstance(schema, Mapping):
        return {"required": True} if required else {}
    spec = _typed(schema)
    if schema.get("description"):
        spec["description"] = str(schema["description"])
    if required:
        spec["required"] = True
    return spec


def _typed(schema: Mapping[str, Any]) -> dict[str, Any]:
    choices = schema.get("enum") or schema.get("enumValues")
    if choices:
        return {"type": "enum", "choices": list(choices)}
    kind = _TYPES.get(str(schema.get("type", schema.get("kind"))))
    if kind in ("integer", "number"):
        bounds = {key: schema[key] for key in ("minimum", "maximum") if isinstance(schema.get(key), int | float)}
        return {"type": kind, **bounds}
    items = schema.get("items")
    if kind == "list" and isinstance(items, Mapping) and items.get("type") in _TYPES:
        return {"type": kind, "items": _TYPES[items["type"]]}
    return {"type": kind} if kind is not None else {}
