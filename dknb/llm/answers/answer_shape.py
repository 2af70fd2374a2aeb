"""What ``response_format`` may say, as one thing: a schema to ask with, and a check of what came back.

It takes ``"json"``, a JSON Schema, any type that pydantic knows (a model, a dataclass, a TypedDict, ``list[Model]``,
``Literal[...]``, ...) or a vendor's own dict, such as OpenAI's ``{"type": "json_schema", "json_schema": {...}}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_origin

from ...errors import ConfigError, did_you_mean
from ..parts import Json
from .bounded_patterns import SlowPattern, bounded, has_patterns, with_bounded_patterns
from .strict_schema import strict_schema

__all__ = ["Misfit", "Shape", "canonical_format", "check_format", "plain_data", "shape_of"]

_JSON_TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
_KEYWORDS = frozenset({"$ref", "$schema", "$defs", "properties", "items", "anyOf", "oneOf", "allOf", "enum", "const"})
_MOST_ERRORS = 8
_MOST_TEXT = 300


class Misfit(Exception):
    """A value that does not fit; ``errors`` says where and why."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = [error[:_MOST_TEXT] for error in errors[:_MOST_ERRORS]]


@dataclass(frozen=True)
class Shape:
    """What an answer must be.

    Attributes:
        name: Of the schema, for vendors and messages.
        schema: The JSON Schema of the answer, whose root is an object; None for any JSON.
        check: Makes of a value from JSON what the caller gets; raises `Misfit`.
        typed: Whether a type of Python is behind it, which knows its defaults.
        wrapped: Whether the value is asked for as ``{"value": ...}``, since vendors only take objects.
    """

    name: str
    schema: Json | None
    check: Callable[[Any], Any]
    typed: bool = False
    wrapped: bool = False

    def parsed(self, value: Any) -> Any:
        """What the caller gets of a value from JSON.

        Raises:
            Misfit: It does not fit.
        """
        if self.wrapped and isinstance(value, dict) and value.keys() == {"value"}:
            value = value["value"]
        return self.check(value)


def check_format(wanted: Any) -> None:
    """Refuse what is no response format.

    Raises:
        ConfigError: It is none, with what may be given instead.
    """
    if isinstance(wanted, dict):
        wanted = wanted.get("type", "object" if wanted else {})
        known = sorted({*_JSON_TYPES, *_TEXTS, "json_schema"})
    else:
        known = sorted(_TEXTS)
    if isinstance(wanted, str) and wanted not in known and (near := did_you_mean(wanted, known)):
        raise ConfigError(f"response_format has the type {wanted!r}.{near}", hint=_HINT)
    if wanted is None or isinstance(wanted, (str, list)) or _is_type(wanted):
        return
    of_class = hasattr(type(wanted), "model_fields")
    hint = f"Give the class: response_format={type(wanted).__name__}" if of_class else _HINT
    raise ConfigError(f"response_format is {wanted!r:.100}, which is no format.", hint=hint)


_TEXTS = ("json", "json_object", "text")
_HINT = 'Give a pydantic model, another type, a JSON Schema, or "json"'


def _is_type(wanted: Any) -> bool:
    return isinstance(wanted, type) or get_origin(wanted) is not None


def canonical_format(wanted: Any) -> Any:
    """A response format as plain JSON data: what is sent, recorded and told; text and vendors' own as they are."""
    if isinstance(wanted, str) or (isinstance(wanted, dict) and not _is_schema(wanted)):
        return wanted
    shape = shape_of(wanted)
    assert shape is not None
    assert shape.schema is not None
    strict = strict_schema(shape.schema, all_required=shape.typed)
    schema = shape.schema if strict is None else strict
    return {
        "type": "json_schema",
        "json_schema": {"name": shape.name, "schema": schema, "strict": strict is not None},
    }


def shape_of(wanted: Any) -> Shape | None:
    """What answers must be; None where any text will do, or only the vendor knows.

    Raises:
        ConfigError: It is no schema, or no type that has one.
    """
    if wanted is None or isinstance(wanted, str):
        return _ANY if wanted in ("json", "json_object") else None
    if not isinstance(wanted, dict):
        return _of_type(wanted)
    if _is_schema(wanted):
        return _of_schema(_name(wanted.get("title")), json.dumps(wanted), root_is_free=True)
    inner = wanted.get("json_schema", wanted)
    if isinstance(inner, dict) and isinstance(schema := inner.get("schema"), dict):
        return _of_schema(_name(inner.get("name")), json.dumps(schema), root_is_free=False)
    return _ANY if wanted.get("type") == "json_object" else None


def plain_data(value: Any) -> Any:
    """A parsed answer as JSON data; None where it cannot be that."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    try:
        return json.loads(json.dumps(value)) if isinstance(value, (dict, list)) else _dumped(value)
    except (TypeError, ValueError):
        return _dumped(value)


def _dumped(value: Any) -> Any:
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return to_jsonable_python(value, by_alias=True)
    except (PydanticSerializationError, ValueError):
        return None


def _is_schema(wanted: Mapping[str, Any]) -> bool:
    kind = wanted.get("type")
    if kind is None:
        return not _KEYWORDS.isdisjoint(wanted)
    return isinstance(kind, list) or kind in _JSON_TYPES


def _name(text: Any) -> str:
    """A name as the vendors take it."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", str(text or "")).strip("_")[:64] or "answer"


def _anything(value: Any) -> Any:
    if not isinstance(value, (dict, list)):
        raise Misfit([f"It is {json.dumps(value)[:50]}; it must be an object or an array."])
    return value


_ANY = Shape("json", None, _anything)


@lru_cache(maxsize=128)
def _of_schema(name: str, text: str, *, root_is_free: bool) -> Shape:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    schema: Json = json.loads(text)
    try:
        kind = validator_for(schema, default=Draft202012Validator)
        kind.check_schema(schema)
    except SchemaError as error:
        raise ConfigError(
            f"response_format is no JSON Schema: {error.message[:200]} (at {error.json_path}).", hint=_HINT
        ) from None
    # An empty registry: a reference to another document is never fetched.
    validator = (with_bounded_patterns(kind) if has_patterns(schema) else kind)(schema, registry=Registry())

    def check(value: Any) -> Any:
        try:
            with bounded():
                faults = [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(value)]
        except SlowPattern as slow:
            raise Misfit([f"The pattern {str(slow)!r:.100} took too long on it, so that it was not checked."]) from None
        except Unresolvable as error:
            raise ConfigError(
                f"response_format refers to what it has not: {error}.", hint="Put it under $defs"
            ) from None
        if faults:
            raise Misfit(faults)
        return value

    rooted, wrapped = _with_object_root(schema) if root_is_free else (schema, False)
    return Shape(name, rooted, check, wrapped=wrapped)


def _of_type(wanted: Any) -> Shape:
    try:
        return _of_hashable_type(wanted)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return _of_hashable_type.__wrapped__(wanted)


@lru_cache(maxsize=128)
def _of_hashable_type(wanted: Any) -> Shape:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(wanted)
        schema = adapter.json_schema()
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        first = str(error).splitlines()[0]
        # pydantic reads no TypedDict of the standard library before Python 3.12.
        hint = "from typing_extensions import TypedDict" if "typing_extensions.TypedDict" in first else _HINT
        raise ConfigError(f"response_format {_shown(wanted)} has no JSON Schema: {first}", hint=hint) from None

    def check(value: Any) -> Any:
        try:
            return adapter.validate_json(json.dumps(value))
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
            raise Misfit([_fault(fault["loc"], fault["msg"], fault["input"]) for fault in faults]) from None

    rooted, wrapped = _with_object_root(schema)
    return Shape(_name(_shown(wanted)), rooted, check, typed=True, wrapped=wrapped)


def _fault(place: tuple[int | str, ...], message: str, value: Any) -> str:
    path = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return f"{path}: {message} (got {json.dumps(value, default=str, ensure_ascii=False)[:80]})"


def _shown(wanted: Any) -> str:
    if isinstance(wanted, type) and get_origin(wanted) is None:
        return wanted.__name__
    return re.sub(r"[\w.<>]+\.(?=\w)", "", repr(wanted))


def _with_object_root(schema: Json) -> tuple[Json, bool]:
    """The schema with an object at its root, which is what vendors take, and whether it was wrapped for that."""
    root = schema
    shared: Json = {name: schema[name] for name in ("$defs", "definitions", "$schema") if name in schema}
    if match := re.fullmatch(r"#/(\$defs|definitions)/([^/~%]+)", str(schema.get("$ref", ""))):
        root = {**schema.get(match[1], {}).get(match[2], {}), **shared}
    if root.get("type") == "object":
        return root, False
    inner = {name: value for name, value in schema.items() if name not in shared}
    wrapper = {"type": "object", "properties": {"value": inner}, "required": ["value"], "additionalProperties": False}
    return wrapper | shared, True
