"""Whose code a value brings along: the user's own, or that of Python and of installed packages."""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

__all__ = ["calls_refused", "is_users_class", "is_users_function", "package_of", "refusing_calls"]

_INSTALLED = {"site-packages", "dist-packages"}
_OURS = "dknb"

#: What templates may call of the user's code: everything (None), or these alone.
_ALLOWED: ContextVar[tuple[object, ...] | None] = ContextVar("dknb_template_calls_allowed", default=None)


@contextmanager
def refusing_calls(but: Iterable[object] = ()) -> Iterator[None]:
    """While the body runs, templates call no code of the user ``but`` these functions: other values were not given."""
    token = _ALLOWED.set(tuple(each for each in but if is_users_function(each)))
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def calls_refused(value: object) -> bool:
    """Whether the renders that run here must not call this, though it is the user's own code."""
    allowed = _ALLOWED.get()
    return allowed is not None and not any(value is each for each in allowed)


def package_of(kind: type) -> str:
    """The top package of the module in which a class was defined."""
    return str(getattr(kind, "__module__", "")).partition(".")[0]


def is_users_class(kind: type) -> bool:
    """Whether a class was defined in the user's own code."""
    module = getattr(kind, "__module__", None)
    return isinstance(module, str) and _is_users_module(module, _file_of(module))


def is_users_function(value: object) -> bool:
    """Whether this is a plain Python function or method that the user wrote, also one with a cache around it."""
    function: Any = value.__func__ if isinstance(value, MethodType) else value
    if type(function).__name__ == "_lru_cache_wrapper":
        function = getattr(function, "__wrapped__", None)
    if type(function) is not FunctionType or not isinstance(function.__module__, str):
        return False
    return _is_users_module(function.__module__, _file_of(function.__module__) or function.__code__.co_filename)


def _file_of(module: str) -> str | None:
    file = getattr(sys.modules.get(module), "__file__", None)
    return file if isinstance(file, str) else None


@lru_cache(maxsize=1_000)
def _is_users_module(module: str, file: str | None) -> bool:
    """Whether it is neither of Python, nor installed, nor ours."""
    top = module.partition(".")[0]
    if module == "__main__":
        return True
    if not top or top == _OURS or top in sys.stdlib_module_names:
        return False
    if file is None:
        return module in sys.modules  # made at run time
    path = Path(file)
    return not _INSTALLED.intersection(path.parts) and not any(path.is_relative_to(root) for root in _roots())


@lru_cache(maxsize=1)
def _roots() -> tuple[Path, ...]:
    """The folders of Python and of what is installed."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    paths = {*(sysconfig.get_path(name) for name in names), *site.getsitepackages(), site.getusersitepackages()}
    return tuple(Path(path) for path in paths if path)
