"""What a cell's line brings along by name: attachments, a schema for the answer, tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..llm.parts import DocumentPart, ImagePart, Part
from .type_names import no_such_name, type_named

__all__ = ["attachments", "attachments_named", "schema_named", "tools_named"]

Namespace = Mapping[str, Any]


def attachments_named(namespace: Namespace, names: Sequence[str]) -> tuple[Part, ...]:
    """The images and documents of these names: each a variable of the notebook, a file, or an address.

    Raises:
        ConfigError: There is no such thing, or it is neither image nor document.
    """
    return attachments([_variable_or_path(namespace, name) for name in names])


def attachments(values: Sequence[Any]) -> tuple[Part, ...]:
    """Images and documents as parts of a message.

    Raises:
        ConfigError: One of them is neither.
    """
    if not values:
        return ()
    from ..llm.media import part_of

    return tuple(value if isinstance(value, ImagePart | DocumentPart) else part_of(value) for value in values)


def schema_named(namespace: Namespace, name: str) -> Any:
    """What the answer must be: a class or schema in a variable, a type of such, the JSON Schema in a file, or ``json``.

    Raises:
        ConfigError: There is no such thing, or the file holds no JSON object.
    """
    if name == "json":
        return name
    path = Path(name).expanduser()
    if (name.isidentifier() and name in namespace) or not path.is_file():
        return type_named(namespace, name)
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name!r} holds no JSON: {error}", hint="Name a file with a JSON Schema") from error
    if not isinstance(schema, dict):
        raise ConfigError(f"{name!r} holds no JSON Schema: it is a {type(schema).__name__}.")
    return schema


def tools_named(namespace: Namespace, name: str) -> list[Any]:
    """The tools in a variable of the notebook: a list of them, or a single one.

    Raises:
        ConfigError: There is no such variable.
    """
    if name not in namespace:
        raise no_such_name(namespace, name, "a variable that holds the tools")
    value = namespace[name]
    return list(value) if isinstance(value, list | tuple) else [value]


def _variable_or_path(namespace: Namespace, name: str) -> Any:
    if name.isidentifier() and name in namespace:
        return namespace[name]
    if name.startswith(("http://", "https://", "data:")):
        return name
    path = Path(name).expanduser()
    if not path.is_file():
        raise no_such_name(namespace, name, "a variable of the notebook, or a file")
    return path
