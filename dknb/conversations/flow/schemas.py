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
    if (circle := _circle(schema, resolver)) is not None:
        raise ConfigError(
            f"The schema of a condition leads in a circle by {circle!r:.100}: nothing could be checked by it.",
            hint="Let it refer to itself below  properties  or  items  only",
        )


def fits(data: Any, schema: Mapping[str, Any]) -> bool:
    """Whether ``data`` fits ``schema``; what is nested too deep to be looked at does not.

    Raises:
        TimeoutError: A pattern of it took too long.
    """
    from jsonschema.validators import Draft202012Validator

    from ...llm.answers.bounded_patterns import SlowPattern, bounded, with_bounded_patterns

    validator = with_bounded_patterns(Draft202012Validator)(schema, registry=_registry(schema))
    try:
        with bounded():
            return bool(validator.is_valid(data))
    except RecursionError:
        return False
    except SlowPattern as slow:
        raise TimeoutError(f"the pattern {str(slow)!r:.100} of the schema took too long") from None


def _registry(schema: Mapping[str, Any]) -> Any:
    """What references may lead to: the schema and what it names in itself. Nothing is ever fetched."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    registry: Any = Registry()
    return registry.with_resource(schema.get("$id", ""), DRAFT202012.create_resource(schema)).crawl()


#: Keywords whose schemas look at the same data as the schema that they stand in.
_BESIDE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")


def _circle(schema: Any, resolver: Any) -> str | None:
    """A reference that leads back to where it stands without a step down into the data; None if there is none."""
    done: set[int] = set()
    for start in (each for each in _schemas_in(schema) if id(each) not in done):
        way: list[tuple[int, Iterator[tuple[str, Any]]]] = [(id(start), _beside(start, resolver))]
        on_way = {id(start)}
        while way:
            here, rest = way[-1]
            reference, target = next(rest, ("", None))
            if target is None:
                way.pop()
                on_way.discard(here)
                done.add(here)
            elif id(target) in on_way:
                return reference
            elif id(target) not in done:
                way.append((id(target), _beside(target, resolver)))
                on_way.add(id(target))
    return None


def _beside(schema: Any, resolver: Any) -> Iterator[tuple[str, Any]]:
    """The schemas that are asked about the same data as ``schema``, each with what it is called by."""
    if not isinstance(schema, Mapping):
        return
    for key in ("$ref", "$dynamicRef"):
        if isinstance(reference := schema.get(key), str):
            yield reference, resolver.lookup(reference).contents
    for key in _BESIDE:
        found = schema.get(key)
        inner = (
            found
            if isinstance(found, list)
            else list(found.values())
            if key == "dependentSchemas" and found
            else [found]
        )
        yield from ((key, each) for each in inner if isinstance(each, Mapping))


def _schemas_in(schema: Any) -> Iterator[Any]:
    """All objects in a schema that may be schemas."""
    waiting = [schema]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Mapping):
            yield found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def _references(schema: Any) -> Iterator[str]:
    """All references in a schema, also where it only looks like one."""
    for found in _schemas_in(schema):
        yield from (found[key] for key in ("$ref", "$dynamicRef") if isinstance(found.get(key), str))
