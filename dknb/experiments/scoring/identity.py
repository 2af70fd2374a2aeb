"""What a scorer is, as a short text: its class, its options and the code of functions among them.

A run that is made again scores with those scorers that are not what they were.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from types import CodeType
from typing import Any

__all__ = ["digest_of"]

_ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)
_DEEPEST = 8


def digest_of(kind: type[Any], options: Sequence[Any]) -> str:
    """A hash of a class and what an object of it was made of; the code of a class that is not dknb's counts, too."""
    code = [] if kind.__module__.startswith("dknb.") else [_told(each) for each in vars(kind).values()]
    whole = json.dumps([kind.__qualname__, _told(options), code], sort_keys=True)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _told(value: Any, depth: int = 0) -> Any:
    """A value as JSON that is the same in another process."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if depth > _DEEPEST:
        return type(value).__qualname__
    if isinstance(value, Mapping):
        return {str(key): _told(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_told(each, depth + 1) for each in value]
    if isinstance(value, set | frozenset):
        return sorted((_told(each, depth + 1) for each in value), key=repr)
    if isinstance(value, partial):
        return [_told(each, depth + 1) for each in (value.func, value.args, value.keywords)]
    code = getattr(value, "__code__", None)
    if isinstance(code, CodeType):
        held = [_content(each) for each in getattr(value, "__closure__", None) or ()]
        return [_of_code(code), _told([value.__defaults__, value.__kwdefaults__, held], depth + 1)]
    return _ADDRESS.sub("", repr(value))


def _of_code(code: CodeType) -> list[Any]:
    constants = [_of_code(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), constants]


def _content(cell: Any) -> Any:
    """What a closure holds; None before it holds something."""
    try:
        return cell.cell_contents
    except ValueError:
        return None
