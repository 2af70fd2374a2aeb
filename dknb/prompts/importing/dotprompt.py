"""Files of dotprompt (``.prompt``): settings in front, and a Handlebars template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from ...errors import PromptFileError
from .handlebars import translate
from .imported import ImportedPrompt, as_prompt, front_and_body, note_of_settings, without_secrets
from .schemas import parameter_of

__all__ = ["read_dotprompt"]

_FIELD = re.compile(r"(?P<name>\w+)(?P<optional>\?)?(?:\((?P<kind>\w+)(?:,\s*(?P<said>.*))?\))?", re.DOTALL)
_SCALARS = ("string", "number", "integer", "boolean")
_KEPT = ("model", "config", "tools", "variant")


def read_dotprompt(text: str, file: str) -> ImportedPrompt:
    """The prompt in the text of a dotprompt file.

    Raises:
        PromptFileError: It does not parse, or has what cannot be said the same way here.
    """
    settings, body, origin = front_and_body(text, file)
    given = settings.get("input") or {}
    if not isinstance(given, Mapping):
        raise PromptFileError("'input' must have 'schema' and 'default'.", file=file)
    notes: list[str] = []
    if inert := [key for key in (*_KEPT, "output") if settings.get(key)]:
        notes.append(note_of_settings(file, inert))
    schema = given.get("schema") or {}
    parameters = _parameters(schema, file, notes)
    types = {name: str(spec.get("type", "")) for name, spec in parameters.items()}
    found = translate(body, origin, types)
    shared = {
        "metadata": _metadata(settings, notes),
        "parameters": parameters,
        "defaults": {**_defaults(schema), **(given.get("default") or {})},
    }
    name = str(settings.get("name") or PurePath(file).name.removesuffix(".prompt"))
    return as_prompt(name, found.messages, shared, file, [*found.notes, *notes])


def _defaults(schema: Any) -> dict[str, Any]:
    """The defaults that are in a JSON Schema."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    found = properties.items() if isinstance(properties, Mapping) else ()
    return {name: each["default"] for name, each in found if isinstance(each, Mapping) and "default" in each}


def _metadata(settings: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    said = {key: str(settings[key]) for key in ("description", "version") if key in settings}
    kept = without_secrets({key: settings[key] for key in _KEPT if key in settings}, notes)
    if "output" in settings:  # its names are those of what a model answers
        kept["output"] = settings["output"]
    own = settings.get("metadata")
    return {**said, **kept, **(without_secrets(own, notes, "metadata") if isinstance(own, Mapping) else {})}


def _parameters(schema: Any, file: str, notes: list[str]) -> dict[str, dict[str, Any]]:
    """Parameters from Picoschema, or from JSON Schema."""
    if not isinstance(schema, Mapping):
        raise PromptFileError(
            f"The schema {schema!r} is registered elsewhere.",
            file=file,
            hint="Write the input's schema out in the file.",
        )
    if isinstance(schema.get("properties"), Mapping):
        required = schema.get("required") or ()
        return {
            name: parameter_of(each, name, notes, required=name in required)
            for name, each in schema["properties"].items()
        }
    return dict(_pico(str(key), value, file) for key, value in schema.items() if key != "(*)")


def _pico(key: str, value: Any, file: str) -> tuple[str, dict[str, Any]]:
    field = _FIELD.fullmatch(key)
    if field is None:
        raise PromptFileError(f"The input {key!r} cannot be a parameter.", file=file)
    spec = _typed(key, field["kind"], value, file)
    if field["said"]:
        spec["description"] = field["said"].strip()
    if not field["optional"]:
        spec["required"] = True
    return field["name"], spec


def _typed(key: str, kind: str | None, value: Any, file: str) -> dict[str, Any]:
    """The type of an input: of what is in its brackets, else of its value."""
    if kind == "enum" and isinstance(value, list):
        return {"type": "enum", "choices": [str(each) for each in value if each is not None]}
    scalar, _, said = value.partition(",") if isinstance(value, str) else ("", "", "")
    scalar, said = scalar.strip(), said.strip()
    if kind == "array":
        return {"type": "list", "items": scalar} if scalar in _SCALARS else {"type": "list"}
    if kind == "object" or isinstance(value, Mapping):
        return {"type": "object"}
    if scalar not in (*_SCALARS, "any"):
        raise PromptFileError(f"The input {key!r} has the type {value!r}, which is none.", file=file)
    return {"type": scalar, "description": said} if said else {"type": scalar}
