"""The JSON Schemas of the files of a prompt library: editors check with them while one types, and so does ``validate``.

A schema finds all that is wrong in a file; the readers of ``fields`` stop at the first thing, which is enough for
whoever only wants to render. A test holds that both refuse the same.

Most files are right, and a schema compiled to Python says so some ten times faster than one that is walked, which is
the one that can explain. So the slow one is loaded and asked only for files that the quick one refuses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from ...errors import did_you_mean
from ..checks import FieldError, Path, sentence, unknown_key, untextual_key, wanted
from ..types import Kind

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

__all__ = ["SCHEMA_FILES", "schema_errors", "schema_text"]

#: The file of the schema for each kind of entry; they lie in dknb/prompts/schemas.
SCHEMA_FILES: dict[Kind, str] = {
    "system": "prompt-file.schema.json",
    "user": "prompt-file.schema.json",
    "messages": "messages-file.schema.json",
    "rag": "rag-file.schema.json",
}
_WORDS = {
    "string": "text",
    "object": "a mapping of names to values",
    "array": "a list",
    "boolean": "true or false",
    "number": "a number",
    "integer": "a whole number",
}


def schema_text(kind: Kind) -> str:
    """The text of the schema of that kind of file."""
    return _text(SCHEMA_FILES[kind])


def _text(file: str) -> str:
    return resources.files("dknb.prompts").joinpath("schemas", file).read_text(encoding="utf-8")


def schema_errors(kind: Kind, data: Any) -> list[FieldError]:
    """All that the schema refuses in the data of a file, in the order of their paths."""
    if _is_right(kind, data):
        return []
    found = {(error.path, error.message): error for error in _explained(_validator(kind).iter_errors(data))}
    return sorted(found.values(), key=lambda error: [str(step).rjust(9) for step in error.path])


def _is_right(kind: Kind, data: Any) -> bool:
    from fastjsonschema import JsonSchemaException

    try:
        _quick(SCHEMA_FILES[kind])(data)
    except (JsonSchemaException, TypeError):  # a key that is no text has no length and no pattern
        return False
    return True


@cache
def _quick(file: str) -> Callable[[Any], object]:
    import fastjsonschema

    made: Callable[[Any], object] = fastjsonschema.compile(json.loads(_text(file)), use_default=False)
    return made


@cache
def _validator(kind: Kind) -> Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema_text(kind)))


def _explained(errors: Any) -> Iterator[FieldError]:
    for error in errors:
        of_a_key = "propertyNames" in error.absolute_schema_path
        explain = _bad_key if of_a_key else _EXPLAINED.get(error.validator, _not_wanted)
        yield from explain(error, tuple(error.absolute_path))


def _not_wanted(error: Any, at: Path) -> Iterator[FieldError]:
    schema = error.schema
    kind = schema.get("type", "")
    what = (schema.get("title") if kind != "object" else None) or _WORDS.get(kind, "otherwise")
    hint = 'Put it in quotes: "..."' if what == "text" and isinstance(error.instance, int | float) else None
    yield wanted(at, what, error.instance, "Write it as [a, b]." if what == "a list" else hint)


def _unknown(error: Any, at: Path) -> Iterator[FieldError]:
    known = error.schema["properties"]
    for key in error.instance:
        if isinstance(key, str) and key not in known:
            yield unknown_key(key, at, error.schema["title"], [name for name in known if name != "$schema"])


def _absent(error: Any, at: Path) -> Iterator[FieldError]:
    noun = error.schema["title"]
    for key in error.validator_value:
        if key not in error.instance:
            yield FieldError(f"{sentence(noun)} needs the key {key!r}.", at)


def _bad_key(error: Any, at: Path) -> Iterator[FieldError]:
    """A key that is no text, or no name; the error's own path leads to the mapping."""
    key = error.instance
    if not isinstance(key, str):
        yield untextual_key(key, at)
    else:
        yield FieldError(f"{key!r} cannot be a parameter.", (*at, key), f"It is {error.schema['title']}.", at_key=True)


def _no_choice(error: Any, at: Path) -> Iterator[FieldError]:
    names = [str(choice) for choice in error.validator_value]
    value = error.instance
    near = did_you_mean(value, names) if isinstance(value, str) else ""
    where = ".".join(map(str, at))
    yield FieldError(f"{where} cannot be {value!r}.{near}", at, f"It is one of: {', '.join(names)}.")


def _no_alternative(error: Any, at: Path) -> Iterator[FieldError]:
    """What is wrong with a value that may be one of several things: said for the one whose type it has."""
    branches: dict[int, list[Any]] = {}
    for each in error.context:
        branches.setdefault(each.schema_path[0], []).append(each)
    listed = [each for errors in branches.values() for each in errors if each.validator == "enum"]
    meant = [errors for errors in branches.values() if not _is_other_type(errors, error)]
    if all(each.validator == "required" for each in error.context):
        yield FieldError(error.schema["title"], at, error.schema.get("description"))
    elif len(meant) == 1:
        yield from _explained(meant[0])
    elif listed:
        yield from _no_choice(listed[0], at)
    else:
        titles = [_title(each) for each in error.validator_value]
        yield wanted(at, " or ".join(title for title in titles if title), error.instance)


def _is_other_type(errors: list[Any], parent: Any) -> bool:
    return any(each.validator == "type" and each.absolute_path == parent.absolute_path for each in errors)


def _title(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return {"prompt": "a prompt", "type": "a type", "declaration": "a mapping"}[schema["$ref"].rsplit("/", 1)[-1]]
    return str(schema.get("title") or _WORDS.get(schema.get("type", ""), ""))


def _contradiction(error: Any, at: Path) -> Iterator[FieldError]:
    refused = error.validator_value
    yield FieldError(refused["title"], (*at, refused["required"][0]), at_key=True)


def _empty(error: Any, at: Path) -> Iterator[FieldError]:
    where = ".".join(map(str, at))
    yield FieldError(f"{where or 'it'} must hold one value at least.", at, "Write it as [a, b].")


_EXPLAINED = {
    "minItems": _empty,
    "additionalProperties": _unknown,
    "required": _absent,
    "enum": _no_choice,
    "anyOf": _no_alternative,
    "not": _contradiction,
}
