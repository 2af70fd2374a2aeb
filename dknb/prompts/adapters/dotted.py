"""Names with dots, which lead into mappings and lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ...errors import ConfigError

__all__ = ["MISSING", "checked_key", "leaves", "looked_up"]

#: What is found where nothing is; None is a value.
MISSING: Final = object()


def checked_key(key: object) -> None:
    """Refuse a key that is no text.

    Raises:
        ConfigError: It is none.
    """
    if not isinstance(key, str):
        raise ConfigError(f"The key is {key!r}, which is no text.")


def looked_up(data: Any, key: str) -> Any:
    """The value of a dotted key, or `MISSING`. A key that stands there as a whole, dots included, comes first.

    Raises:
        ConfigError: The key is no text.

    >>> looked_up({"user": {"names": ["Ada", "Bob"]}}, "user.names.1")
    'Bob'
    """
    checked_key(key)
    if isinstance(data, Mapping) and key in data:
        return data[key]
    name, dot, rest = key.partition(".")
    if not dot:
        return _child(data, key)
    value = data
    for part in (name, *rest.split(".")):
        value = _child(value, part)
    return value


def _child(data: Any, name: str) -> Any:
    if isinstance(data, Mapping):
        return data.get(name, MISSING)
    if isinstance(data, (list, tuple)) and name.isascii() and name.isdigit() and len(name) < 10:
        return data[int(name)] if int(name) < len(data) else MISSING
    return MISSING


def leaves(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The dotted key and the value of everything in there that is neither mapping nor list, in order.

    What contains itself is entered once. Empty mappings and lists have no leaves.
    """
    open_paths = [("", _items(data))]
    inside = [id(data)]
    entered = {id(data)}
    while open_paths:
        prefix, rest = open_paths[-1]
        for name, value in rest:
            key = f"{prefix}{name}"
            if not isinstance(value, (Mapping, list, tuple)):
                yield key, value
            elif id(value) not in entered:
                open_paths.append((f"{key}.", _items(value)))
                inside.append(id(value))
                entered.add(id(value))
                break
        else:
            open_paths.pop()
            entered.discard(inside.pop())


def _items(container: Any) -> Iterator[tuple[Any, Any]]:
    # A copy: whose data it is may change it while another thread walks through.
    return iter(list(container.items()) if isinstance(container, Mapping) else list(enumerate(container)))
