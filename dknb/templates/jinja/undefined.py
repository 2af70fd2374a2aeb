"""Names without a value: they stay visible when printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinja2 import Undefined, UndefinedError

from .meter import running


class Placeholder(Undefined):
    """Prints as ``{{name}}``, is false and empty; whatever else is done with it is an error that names it.

    What has no name, as the first item of an empty list, prints nothing.
    It has no attribute that a template could reach: ``{{ missing.anything }}`` is an error.
    """

    __slots__ = ("_path",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._path: str | None = None

    def __str__(self) -> str:
        path = _noted(self)
        return f"{{{{{path}}}}}" if path else ""

    __repr__ = __str__

    def __iter__(self) -> Iterator[Any]:
        _noted(self, shown=False)
        return iter(())

    def __len__(self) -> int:
        _noted(self, shown=False)
        return 0


def reached_as(value: Placeholder, path: str) -> None:
    """Tell it the name under which the template reached for it first, ``x.y`` say."""
    value._path = value._path or path


def path_of(value: Placeholder) -> str:
    """Its name in the template; none for what is no variable: the first item of an empty list."""
    return value._path or ("" if value._undefined_name is None else str(value._undefined_name))


def why(value: Placeholder) -> str:
    """What it is, and why it has no value."""
    path = path_of(value)
    return f"{path!r}, which has no value" if path else f"nothing: {value._undefined_hint}"


def _noted(value: Placeholder, *, shown: bool = True) -> str:
    """Its name, put down as missing and as shown or not; the attributes that the sandbox keeps back are an error instead."""
    if value._undefined_exception is not UndefinedError:
        value._fail_with_undefined_error()
    path = path_of(value)
    missing = running().missing
    if path:
        missing[path] = missing.get(path, False) or shown
    return path
