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


def parameter_of(schema: Any, name: str, notes: list[str], *, required: bool = False) -> dict[str, Any]:
    """The declaration of a parameter from its JSON Schema, or from what resembles one; ``notes`` get what that loses."""
    if not isinstance(schema, Mapping):
        return {"required": True} if required else {}
    spec = _typed(schema)
    if not spec and (given := schema.get("type", schema.get("kind"))) is not None:
        notes.append(f"The type {given!r} of the input {name!r} is none of ours: it takes any value.")
    if schema.get("description"):
        spec["description"] = str(schema["description"])
    if required:
        spec["required"] = True
    return spec


def _one_type(given: Any) -> Any:
    """The type in a list of one type and ``null``, which every parameter takes."""
    others = [each for each in given if each != "null"] if isinstance(given, list) else []
    return others[0] if len(others) == 1 else given


def _typed(schema: Mapping[str, Any]) -> dict[str, Any]:
    choices = schema.get("enum") or schema.get("enumValues")
    if choices:
        return {"type": "enum", "choices": list(choices)}
    kind = _TYPES.get(str(_one_type(schema.get("type", schema.get("kind")))))
    if kind in ("integer", "number"):
        bounds = {key: schema[key] for key in ("minimum", "maximum") if isinstance(schema.get(key), int | float)}
        return {"type": kind, **bounds}
    if kind == "list":
        return {"type": kind, **_list_facts(schema)}
    return {"type": kind} if kind is not None else {}


def _list_facts(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What its items are, and how many it has at least."""
    items, least = schema.get("items"), schema.get("minItems")
    facts: dict[str, Any] = {}
    if isinstance(items, Mapping) and items.get("type") in _TYPES:
        facts["items"] = _TYPES[items["type"]]
    if isinstance(least, int) and not isinstance(least, bool) and least >= 1:
        facts["min_items"] = least
    return facts
