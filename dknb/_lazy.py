"""Imports that happen at use: the names of a package, and optional packages, which say what to install."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from .errors import MissingExtra


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around a late import: a package that is missing names the extra that brings it.

    Raises:
        MissingExtra: A package imported inside is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{error.name or name} is not installed.",
            hint=f'Install it with:  pip install "dknb[{name}]"',
        ) from error


def exports(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose names are imported when they are first used.

    Args:
        package: Its ``__name__``.
        homes: The module below it that has each name; ``.x`` is one beside it.
    """

    def attribute(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f".{homes[name]}", package), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return attribute, names
