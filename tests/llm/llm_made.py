"""Data of a vendor's kinds, made from the types of its SDK: what a server may say, beyond what was recorded."""

from __future__ import annotations

import sys
import types
from random import Random
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import pydantic
from typing_extensions import is_typeddict

_PLAIN = {str: ("x", "hello", '{"a": 1}'), int: (1, 5, 7), float: (0.5,), bool: (True, False)}
_UNIONS = (Union, types.UnionType)


def members(kind: Any) -> list[Any]:
    """The kinds that a union has, in the unions inside it too."""
    if get_origin(kind) is Annotated:
        return members(get_args(kind)[0])
    return [one for inner in get_args(kind) for one in members(inner)] if get_origin(kind) in _UNIONS else [kind]


def made(kind: Any, rng: Random, depth: int = 0) -> Any:
    """Plain data of a type; what is optional is there or not, by chance."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is type(None) or (depth > 4 and origin in _UNIONS and type(None) in inner):
        return None
    if origin in (Required, NotRequired, Annotated):
        return made(inner[0], rng, depth)
    if origin is Literal:
        return rng.choice(inner)
    if origin in _UNIONS:
        return made(rng.choice(inner), rng, depth)
    if origin is dict:
        return {"key": made(inner[1], rng, depth + 1)} if depth < 5 else {}
    if isinstance(origin, type):
        return [made(inner[0], rng, depth + 1) for _ in range(rng.choice((1, 2)) if depth < 6 else 0)]
    if fields := _fields(kind):
        wanted = {name: one for name, (one, needed) in fields.items() if needed or (depth < 5 and rng.random() < 0.5)}
        return {name: made(one, rng, depth + 1) for name, one in wanted.items()}
    return rng.choice(_PLAIN[kind]) if kind in _PLAIN else {"any": 1}


def _fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Type of each field, and whether it must be there."""
    if is_typeddict(kind):
        hints = get_type_hints(kind, include_extras=True, globalns=vars(sys.modules[kind.__module__]))
        return {name: (one, get_origin(one) is Required) for name, one in hints.items()}
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        return {
            field.alias or name: (field.annotation, field.is_required()) for name, field in kind.model_fields.items()
        }
    return {}


def without_none(data: Any) -> Any:
    """The data without fields that say nothing."""
    if isinstance(data, dict):
        return {name: without_none(value) for name, value in data.items() if value is not None}
    return [without_none(one) for one in data] if isinstance(data, list) else data
