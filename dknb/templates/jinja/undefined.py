"""Names without a value: they stay visible when printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinja2 import Undefined, UndefinedError

from .meter import running


class Placeholder(Undefined):
    """Prints as ``{{name}}``, is false and empty; whatever else is done with it is an error that names it."""

    __slots__ = ("_path",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._path: str | None = None

    def called(self, path: str) -> None:
        """Take the name under which the template reached for it, ``x.y`` say."""
        self._path = self._path or path

    def path(self) -> str:
        """Its name in the template."""
        return self._path or str(self._undefined_name)

    def _noted(self) -> str:
        if self._undefined_exception is not UndefinedError:
            self._fail_with_undefined_error()
        path = self.path()
        running().missing.setdefault(path)
        return path

    def __str__(self) -> str:
        return f"{{{{{self._noted()}}}}}"

    __repr__ = __str__

    def __iter__(self) -> Iterator[Any]:
        self._noted()
        return iter(())

    def __len__(self) -> int:
        self._noted()
        return 0
