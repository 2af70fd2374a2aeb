"""The SIMPLE language: ``{name}`` as in ``str.format``, without attributes, indices or positions.

A template is a list of texts and fields. A field formats one value; its format spec may itself have fields
(``{x:{width}}``), one level deep, as in ``str.format``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from string import Formatter
from typing import Any, NamedTuple

from ..errors import TemplateError
from .program import CompiledTemplate, located
from .types import Limits, Rendered

_NUMBER = re.compile(r"[0-9]++")
_BRACES = re.compile(r"\{\{|\}\}|(?P<field>\{[^{}]*+(?:\{[^{}]*+\}[^{}]*+)*+\})|(?P<lone>[{}])")
_FORMATTER = Formatter()
_HINT = "A variable is {name}; write a brace that is text twice: {{ or }}."
_WIDEST = Limits().output


class _Field(NamedTuple):
    name: str
    conversion: str | None
    spec: tuple[str | _Field, ...]


_Part = str | _Field


def _parts(text: str, depth: int = 0) -> Iterator[_Part]:
    """Texts and fields of a template, or of a format spec at depth 1.

    Raises:
        ValueError: Braces that do not pair, or a field that SIMPLE does not have.
    """
    for literal, name, spec, conversion in _FORMATTER.parse(text):
        if literal:
            yield literal
        if name is None:
            continue
        if depth > 1:
            raise ValueError("fields are nested too deeply")
        _refuse_what_is_no_name(name)
        if conversion is not None and conversion not in ("r", "s", "a"):
            raise ValueError(f"unknown conversion {conversion!r}; there are !r, !s and !a")
        yield _Field(name, conversion, tuple(_parts(spec or "", depth + 1)))


def _refuse_what_is_no_name(name: str) -> None:
    if name == "" or name.isdigit():
        raise ValueError(f"{'{' + name + '}'!r} is a position; SIMPLE templates name their variables")
    if "." in name or "[" in name:
        raise ValueError(f"{'{' + name + '}'!r} reaches into a value; SIMPLE templates print whole values only")


def _names(parts: tuple[_Part, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, _Field):
            yield part.name
            yield from _names(part.spec)


def _offender(source: str) -> int:
    """Where the first thing stands that makes a template wrong."""
    for match in _BRACES.finditer(source):
        if match["lone"]:
            return match.start()
        if match["field"]:
            try:
                list(_parts(match["field"]))
            except ValueError:
                return match.start()
    return 0


class SimpleTemplate(CompiledTemplate):
    """A SIMPLE template, ready to be filled; every variable must be given."""

    def __init__(self, source: str) -> None:
        self._source = source
        try:
            self._parts = tuple(_parts(source))
        except ValueError as error:
            raise located(str(error), source, _offender(source), hint=_HINT) from error
        self._offsets = [match.start() for match in _BRACES.finditer(source) if match["field"]]
        self.variables = tuple(dict.fromkeys(_names(self._parts)))

    def run(self, params: Mapping[str, Any], extra: Mapping[str, Any]) -> Rendered:
        """Format each field.

        Raises:
            TemplateError: A variable is missing, or its value and its format spec do not fit.
        """
        every = {**extra, **params}
        refuse_missing(name for name in self.variables if name not in every)
        used = {name: params[name] for name in self.variables if name in params}
        return Rendered("".join(self._texts(every)), used, [])

    def _texts(self, values: Mapping[str, Any]) -> Iterator[str]:
        offsets = iter(self._offsets)
        formatted = 0
        for part in self._parts:
            if isinstance(part, str):
                yield part
                continue
            offset = next(offsets)
            try:
                text = _formatted(part, values)
                formatted += len(text) if part.spec else 0
                _refuse_width(formatted)
            except Exception as error:
                told = str(error) if isinstance(error, ValueError | TypeError) else f"{type(error).__name__}: {error}"
                raise located(f"{part.name!r} cannot be printed so: {told}", self._source, offset) from error
            yield text


def refuse_missing(names: Iterable[str]) -> None:
    """Raise the error that lists these names, if there are any."""
    missing = sorted(names)
    if missing:
        raise TemplateError(
            f"Missing variables: {{{', '.join(map(repr, missing))}}}",
            hint="A SIMPLE template needs a value for each of its variables.",
        )


def _formatted(field: _Field, values: Mapping[str, Any]) -> str:
    """One field's text; never longer than its value needs or the widest padding allowed."""
    value = _FORMATTER.convert_field(values[field.name], field.conversion)
    spec = "".join(part if isinstance(part, str) else _formatted(part, values) for part in field.spec)
    _refuse_width(widest(spec))
    return format(value, spec)


def widest(spec: str) -> int:
    """The largest number in a format spec: no width or precision in it is more."""
    return max((int(number.lstrip("0")[:20] or 0) for number in _NUMBER.findall(spec)), default=0)


def _refuse_width(width: int) -> None:
    if width > _WIDEST:
        raise ValueError(f"formats may make {_WIDEST:,} characters, not more")


@lru_cache(maxsize=2048)
def compile_simple(source: str) -> SimpleTemplate:
    """The compiled template for this text; compiled at its first use."""
    return SimpleTemplate(source)
