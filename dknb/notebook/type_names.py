"""Types as one writes them on a line, ``list[City]`` or ``City | None``, with the names of the notebook."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError, did_you_mean

__all__ = ["no_such_name", "type_named"]


def type_named(namespace: Mapping[str, Any], text: str) -> Any:
    """The type that ``text`` writes: names, dots, brackets, commas and ``|``, and constants; nothing is called.

    Raises:
        ConfigError: It is something else, or a name in it stands for nothing.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _no_type(text) from None
    try:
        return _value(namespace, tree)
    except (TypeError, AttributeError, LookupError, RecursionError) as error:
        raise ConfigError(f"{text!r} is no type: {error}", hint=_HINT) from None


_HINT = "Write a class, or a type of classes:  list[City]  dict[str, int]  'City | None'"


def _no_type(text: str) -> ConfigError:
    return ConfigError(f"There is no {text!r}, and it is no type.", hint=_HINT)


def _value(namespace: Mapping[str, Any], node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name):
            return _named(namespace, name)
        case ast.Constant(value=value):
            return value
        case ast.Attribute(value=of, attr=name):
            return getattr(_value(namespace, of), name)
        case ast.Subscript(value=of, slice=parameters):
            return _value(namespace, of)[_value(namespace, parameters)]
        case ast.Tuple(elts=items):
            return tuple(_value(namespace, item) for item in items)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _value(namespace, left) | _value(namespace, right)
    raise _no_type(ast.unparse(node))


def _named(namespace: Mapping[str, Any], name: str) -> Any:
    if name in namespace:
        return namespace[name]
    kind = getattr(builtins, name, None)
    if isinstance(kind, type):
        return kind
    raise no_such_name(namespace, name, "a variable of the notebook, or a file")


def no_such_name(namespace: Mapping[str, Any], name: str, wanted: str) -> ConfigError:
    """The error that the notebook has no variable of that name; ``wanted`` is what to name instead."""
    known = [each for each in namespace if not each.startswith("_")]
    return ConfigError(f"There is no {name!r}.{did_you_mean(name, known)}", hint=f"Name {wanted}")
