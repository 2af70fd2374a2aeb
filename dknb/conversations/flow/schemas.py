"""JSON Schemas that an answer must fit: checked when they are given, and closed to the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import ConfigError

__all__ = ["check_schema", "fits"]


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse what is no JSON Schema, or refers to something outside.

    Raises:
        ConfigError: What is wrong with it.
    """
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator
    from referencing.exceptions import Unresolvable

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ConfigError(f"The schema of a condition is none: {error.message:.200}.") from error
    resolver = _registry(schema).resolver()
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except (Unresolvable, ValueError) as error:
            raise ConfigError(
                f"The schema of a condition refers to {reference!r:.100}, which is not in it.",
                hint="Put it under $defs, and refer to it by  #/$defs/NAME",
            ) from error


def fits(data: Any, schema: Mapping[str, Any]) -> bool:
    """Whether ``data`` fits ``schema``.

    Raises:
        TimeoutError: A pattern of it took too long.
    """
    from jsonschema.validators import Draft202012Validator

    from ...llm.answers.bounded_patterns import SlowPattern, bounded, with_bounded_patterns

    validator = with_bounded_patterns(Draft202012Validator)(schema, registry=_registry(schema))
    try:
        with bounded():
            return bool(validator.is_valid(data))
    except SlowPattern as slow:
        raise TimeoutError(f"the pattern {str(slow)!r:.100} of the schema took too long") from None


def _registry(schema: Mapping[str, Any]) -> Any:
    """What references may lead to: the schema and what it names in itself. Nothing is ever fetched."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    registry: Any = Registry()
    return registry.with_resource(schema.get("$id", ""), DRAFT202012.create_resource(schema)).crawl()


def _references(schema: Any) -> Iterator[str]:
    """All references in a schema, also where it only looks like one."""
    waiting = [schema]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Mapping):
            yield from (found[key] for key in ("$ref", "$dynamicRef") if isinstance(found.get(key), str))
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
