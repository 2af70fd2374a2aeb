"""Imports that happen at use, and say what to install when they fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
