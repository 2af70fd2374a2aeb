"""The variables of a notebook, as values for parameters: those that are data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MethodType
from typing import Any

from ...templates.origin import is_users_class, is_users_function, package_of

__all__ = ["NotebookValues", "is_data"]

_OF_IPYTHON = frozenset({"In", "Out", "exit", "quit"})
_PLAIN_NAMES = """
    builtins.NoneType builtins.bool builtins.bytearray builtins.bytes builtins.complex builtins.dict builtins.dict_items
    builtins.dict_keys builtins.dict_values builtins.float builtins.frozenset builtins.int builtins.list
    builtins.mappingproxy builtins.object builtins.range builtins.set builtins.str builtins.tuple
    collections.ChainMap collections.Counter collections.OrderedDict collections.UserDict collections.UserList
    collections.UserString collections.defaultdict collections.deque datetime.date datetime.datetime datetime.time
    datetime.timedelta datetime.timezone decimal.Decimal fractions.Fraction types.SimpleNamespace uuid.UUID
    zoneinfo.ZoneInfo
"""
_PLAIN = frozenset(_PLAIN_NAMES.split())
_BASES = frozenset({"abc", "collections.abc", "enum", "numbers", "pydantic.main", "typing", "typing_extensions"})
"""Modules whose classes make no difference to a class that is made from them."""
_PATHS = frozenset({"pathlib", "pathlib._local"})
_TABLES = frozenset({"numpy", "pandas"})
_RESOURCE = ("close", "aclose", "complete", "connect", "execute", "recv", "send", "__enter__", "__aenter__")
"""What clients, connections, files and locks have, and data do not."""
_SECRET = re.compile(r"api_?key|secret|passw(?:or)?d|credential|(?:access|auth|bearer)_?token|^_*token$", re.IGNORECASE)


class NotebookValues(Mapping[str, Any]):
    """The variables of a notebook that are data, and whose name does not begin with ``_``.

    A prompt comes from a file, and it says itself which names it reads. So it gets what there is to read: no function,
    class, module, client, connection, open file or environment.
    """

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace

    def __getitem__(self, name: str) -> Any:
        if not self._is_value(name):
            raise KeyError(name)
        return self._namespace[name]

    def __iter__(self) -> Iterator[str]:
        return iter([name for name in self._namespace if self._is_value(name)])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._is_value(name)

    def withheld(self, names: Iterable[str]) -> list[str]:
        """What is to be said of those of these names that are variables of the notebook, but no data."""
        kept = [name for name in names if self._is_ours(name) and not is_data(self._namespace[name])]
        return [
            f"{name!r} of the notebook is a {type(self._namespace[name]).__name__}, not data, so no prompt gets it by "
            f"its name; {_how_to_give(name, self._namespace[name])}"
            for name in kept
        ]

    def _is_ours(self, name: str) -> bool:
        return name in self._namespace and not name.startswith("_") and name not in _OF_IPYTHON

    def _is_value(self, name: str) -> bool:
        return self._is_ours(name) and is_data(self._namespace[name])


def is_data(value: object) -> bool:
    """Whether a value only holds what can be read: plain data, tables, dknb's results, objects of the user's classes."""
    kind = type(value)
    if _name(kind) in _PLAIN or kind.__module__ in _PATHS:
        return True
    if isinstance(value, type) or callable(value):
        return False
    package = package_of(kind)
    if package in _TABLES:
        return not _is_resource(kind)
    if package == "dknb":
        return not _is_resource(kind)
    return is_users_class(kind) and _is_made_of_data(kind) and not _is_resource(kind) and not _tells_secrets(value)


def _how_to_give(name: str, value: object) -> str:
    if is_users_function(value) and not isinstance(value, MethodType):
        return f"give it to be called:  {name}={{{name}}}"
    return f"give what is to be read of it: {name}=..."


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_made_of_data(kind: type) -> bool:
    """Whether nothing but the user's classes and plain data went into a class."""
    return all(
        _name(each) in _PLAIN
        or each.__module__ in _BASES | _PATHS
        or package_of(each) in _TABLES
        or is_users_class(each)
        for each in kind.__mro__
    )


def _is_resource(kind: type) -> bool:
    return any(hasattr(kind, name) for name in _RESOURCE)


def _tells_secrets(value: object) -> bool:
    """Whether an attribute is called like a key or a password."""
    names = {*dir(type(value)), *getattr(value, "__dict__", ())}
    return any(map(_SECRET.search, names))
