"""What a scorer is, as a short text: its class, its options and the code of functions among them; and what it saw.

A run that is made again scores with those scorers that are not what they were, and those trials that are not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from .code import attributes_changed_by, code_facts, held_by, is_library

__all__ = ["digest_of", "mark_of_seen"]

_ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)
_DEEPEST = 8


def digest_of(kind: type[Any], options: Sequence[Any]) -> str:
    """A hash of a class and what an object of it was made of; the code of a class that is not dknb's counts, too."""
    teller = _Teller()
    code = [] if kind.__module__.startswith("dknb.") else [teller.told(each) for each in vars(kind).values()]
    return _hash([kind.__qualname__, teller.told(options), code])


def mark_of_seen(name: str, identity: str, seen: Any) -> str:
    """The mark of a scorer's say: another one, where it is another scorer, or has another thing before it."""
    return f"{name}:{_hash([identity, _Teller().told(seen)])}"


def _hash(told: Any) -> str:
    whole = json.dumps(told, sort_keys=True)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:12]


class _Teller:
    """Values as JSON that is the same in another process; a function that is met again is not followed again."""

    def __init__(self) -> None:
        self._met: set[int] = set()

    def told(self, value: Any, depth: int = 0) -> Any:
        """A value as JSON."""
        if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and value == value):
            return value
        if depth > _DEEPEST:
            return type(value).__qualname__
        if isinstance(value, Mapping):
            return {str(key): self.told(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.told(each, depth + 1) for each in value]
        if isinstance(value, set | frozenset):
            return sorted((self.told(each, depth + 1) for each in value), key=repr)
        table = _of_table(value)
        return self._object(value, depth) if table is None else self.told(table, depth + 1)

    def _object(self, value: Any, depth: int) -> Any:
        """What is no plain data: functions by their code and what it uses, other objects by what they say they are."""
        if isinstance(value, float) or type(value).__name__ in ("NAType", "NaTType"):
            return None  # no value, however a table writes it
        if isinstance(value, partial):
            return [self.told(each, depth + 1) for each in (value.func, value.args, value.keywords)]
        if isinstance(value, ModuleType):
            return value.__name__
        if id(value) in self._met:
            return getattr(value, "__qualname__", type(value).__qualname__)
        self._met.add(id(value))
        if isinstance(value, MethodType):
            return [self.told(value.__func__, depth + 1), self.told(value.__self__, depth + 1)]
        if isinstance(value, FunctionType):
            return self._function(value, depth)
        if isinstance(value, type):
            return [value.__qualname__, self._class(value, depth)]
        return self._instance(value, depth)

    def _function(self, function: FunctionType, depth: int) -> Any:
        if isinstance(wrapped := getattr(function, "__wrapped__", None), FunctionType):
            return [code_facts(function.__code__), self.told(wrapped, depth + 1)]
        defaults = self.told([function.__defaults__, function.__kwdefaults__], depth + 1)
        held = {name: self.told(each, depth + 1) for name, each in held_by(function).items()}
        return [code_facts(function.__code__), defaults, held]

    def _class(self, kind: type[Any], depth: int) -> Any:
        """The code and the values of a class of one's own."""
        if is_library(kind.__module__):
            return kind.__module__
        parts = {name: each for name, each in vars(kind).items() if not name.startswith("__") or callable(each)}
        inner = {name: getattr(each, "__func__", getattr(each, "fget", each)) for name, each in parts.items()}
        bases = [self.told(base, depth + 1) for base in kind.__bases__ if base is not object]
        return [{name: self.told(each, depth + 1) for name, each in inner.items()}, bases]

    def _instance(self, value: Any, depth: int) -> Any:
        if isinstance(code := getattr(value, "__code__", None), CodeType):
            return code_facts(code)
        kind = type(value)
        if is_library(kind.__module__):
            return _ADDRESS.sub("", repr(value))
        told = [kind.__qualname__, self._class(kind, depth)]
        if _says_what_it_is(kind) or not hasattr(value, "__dict__"):
            return [*told, _ADDRESS.sub("", repr(value))]
        state = {name: each for name, each in vars(value).items() if name not in attributes_changed_by(kind)}
        return [*told, self.told(state, depth + 1)]


def _says_what_it_is(kind: type[Any]) -> bool:
    """Whether objects of a class have a text of their own, and not only an address."""
    return any("__repr__" in vars(each) for each in kind.__mro__ if each is not object)


def _of_table(value: Any) -> Any:
    """A number, an array or a table of numpy's or pandas' as plain data, or by a hash of all of it; else None."""
    family = type(value).__module__.partition(".")[0]
    if family == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    if family == "pandas" and hasattr(value, "to_csv"):
        return [type(value).__name__, _hash(value.to_csv(date_format="%Y-%m-%dT%H:%M:%S.%f%z"))]
    return None
