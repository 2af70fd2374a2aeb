"""The patterns of a JSON Schema, searched for in a bounded time.

Python's own engine takes hours for ``^(a+)+$`` on forty characters, and nothing can stop it meanwhile: not even another
thread runs. The engine of the library regex stops when it is told to.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["SlowPattern", "bounded", "has_patterns", "with_bounded_patterns"]

#: Seconds for all patterns in one check of an answer.
_MOST_SECONDS = 0.2
_left: ContextVar[list[float]] = ContextVar("dknb_pattern_seconds")


class SlowPattern(Exception):
    """A pattern took too long."""


@contextmanager
def bounded() -> Iterator[None]:
    """Give the patterns of one check their time."""
    token = _left.set([_MOST_SECONDS])
    try:
        yield
    finally:
        _left.reset(token)


def has_patterns(schema: Any) -> bool:
    """Whether there is a pattern in a schema, at any depth."""
    if isinstance(schema, Mapping):
        return not schema.keys().isdisjoint(_KEYWORDS) or any(map(has_patterns, schema.values()))
    return isinstance(schema, list) and any(map(has_patterns, schema))


def with_bounded_patterns(kind: Any) -> Any:
    """A class of validators like ``kind`` whose patterns are bounded; use it within `bounded`."""
    from jsonschema import validators

    extend: Any = validators.extend
    return extend(kind, _KEYWORDS | {"additionalProperties": _additional})


def _is_found(pattern: str, text: str) -> bool:
    import regex  # type: ignore[import-untyped, unused-ignore]

    left = _left.get()
    if left[0] <= 0:
        raise SlowPattern(pattern)
    started = time.perf_counter()
    try:
        return regex.search(pattern, text, timeout=left[0]) is not None
    except TimeoutError:
        raise SlowPattern(pattern) from None
    finally:
        left[0] -= time.perf_counter() - started


def _pattern(validator: Any, pattern: str, value: Any, _: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if validator.is_type(value, "string") and not _is_found(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for pattern, schema in patterns.items():
            for name, inner in value.items():
                if _is_found(pattern, name):
                    yield from validator.descend(inner, schema, path=name, schema_path=pattern)


def _additional(validator: Any, allowed: Any, value: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if not validator.is_type(value, "object"):
        return
    patterns = schema.get("patternProperties", {})
    named = schema.get("properties", {})
    further = [name for name in value if name not in named and not any(_is_found(one, name) for one in patterns)]
    if validator.is_type(allowed, "object"):
        for name in further:
            yield from validator.descend(value[name], allowed, path=name)
    elif not allowed and further:
        shown = ", ".join(map(repr, further))
        yield ValidationError(
            f"Additional properties are not allowed ({shown} {'was' if len(further) == 1 else 'were'} unexpected)"
        )


_KEYWORDS: dict[str, Any] = {"pattern": _pattern, "patternProperties": _pattern_properties}
