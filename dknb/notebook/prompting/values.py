"""The variables of a notebook, as values for parameters."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["NotebookValues"]

_OF_IPYTHON = frozenset({"In", "Out", "exit", "quit"})
_NO_VALUES = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)


class NotebookValues(Mapping[str, Any]):
    """The variables of a notebook that are values: no function, class or module, and no name that begins with ``_``."""

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

    def _is_value(self, name: str) -> bool:
        return (
            name in self._namespace
            and not name.startswith("_")
            and name not in _OF_IPYTHON
            and not isinstance(self._namespace[name], _NO_VALUES)
        )
