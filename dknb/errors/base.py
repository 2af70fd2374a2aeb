"""What all errors have in common, and those that belong to no part alone."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from difflib import get_close_matches

from .._text import printable


def nearest(name: str, known: Iterable[str], *, most: int = 1) -> list[str]:
    """The names in ``known`` that ``name`` was probably meant to be, best first."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    return [by_folded[m] for m in get_close_matches(name.casefold(), by_folded, n=most, cutoff=0.6)]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?``, or nothing when no known name is near."""
    close = nearest(name, known)
    return f" Did you mean {close[0]!r}?" if close else ""


class _ShownAsOneLine:
    """How IPython shows our errors: what and what to do; ``%tb`` then shows the traceback."""

    hint: str | None = None
    _shown = False

    def _render_traceback_(self) -> list[str]:
        assert isinstance(self, BaseException)
        if self._shown:
            return traceback.format_exception(type(self), self, self.__traceback__)
        self._shown = True
        # What a server said may be in it.
        return [printable(line) for line in (f"dknb: {self}", self.hint) if line]


class DknbError(_ShownAsOneLine, Exception):
    """What happened, in ``str(error)``; what to do about it, in ``hint``."""

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        # An exception is copied by calling its class with its arguments, which ours take by name and rebuild.
        return _rebuilt, (type(self), self.args, {**self.__dict__, "_shown": False})


def _rebuilt(kind: type[DknbError], args: tuple[object, ...], facts: dict[str, object]) -> DknbError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


class Interrupted(_ShownAsOneLine, KeyboardInterrupt):
    """The user stopped a call; what had arrived was kept."""

    def __init__(self, message: str = "interrupted", *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(DknbError, ValueError):
    """A setting that is unknown, malformed, or contradicts another."""


class MissingExtra(DknbError, ImportError):
    """An optional package is not installed; the hint is the command that installs it."""


class MagicError(DknbError):
    """A magic's line or body that does not parse."""
