"""MIXED templates with nothing of Jinja2 in them but ``{{name}}``: most prompts.

They mean the same as CONDITIONAL ones, but for the white space inside braces, which Jinja2 drops. So they need no
Jinja2, compile some ten times faster and render in a few C calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .conditional import ConditionalTemplate
from .globals import GLOBALS
from .program import CompiledTemplate, unix_lines
from .types import Limits, Rendered

VARIABLE_BEGIN = r"""\{\{(?!%|\{(?!\s*+(?:\}|(?:'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|[^{}:'"])*+:)))"""
"""Where a variable begins in a MIXED template: of three braces the first is text, unless a dict follows; so it is before a
tag (``{{% if x %}``)."""

_VARIABLE = re.compile(r"\{\{\s*+(\w++)\s*+\}\}")
_JINJA = re.compile(r"\{[{%#]")
_RESERVED = GLOBALS | frozenset(
    ["and", "else", "false", "False", "if", "in", "is", "none", "None", "not", "or", "self", "super", "true", "True"]
)


class PlainTemplate(CompiledTemplate):
    """Such a template; where it fails, the full engine runs it again to say what and where."""

    def __init__(self, source: str, limits: Limits, full: Callable[[], CompiledTemplate]) -> None:
        text = unix_lines(source)
        self._filled = ConditionalTemplate(_VARIABLE.sub(r"{{\1}}", text))
        self._holes = () if "((" in text else tuple(_VARIABLE.findall(text))
        self._format = _VARIABLE.sub("%s", text.replace("%", "%%"))
        self._limits = limits
        self._full = full
        self.variables = self._filled.variables

    def run(self, params: Mapping[str, Any], extra: Mapping[str, Any]) -> Rendered:
        """Render within the bound on output."""
        try:
            if self._holes and (text := self._of_texts(params)) is not None:
                return self._filled.rendered(text, params, extra)
            parts = self._filled.parts({**extra, **params} if extra else params)
        except Exception:  # noqa: BLE001 - a value that cannot be printed: the full engine says where
            return self._full().run(params, extra)
        if sum(map(len, parts)) > self._limits.output:
            return self._full().run(params, extra)
        return self._filled.rendered("".join(parts), params, extra)

    def _of_texts(self, params: Mapping[str, Any]) -> str | None:
        """The usual case, quickly: no sections, and every value a text."""
        values: tuple[Any, ...] = tuple(map(params.get, self._holes))
        for value in values:
            if value.__class__ is not str:
                return None
        return None if sum(map(len, values), len(self._format)) > self._limits.output else self._format % values


def is_plain(source: str) -> bool:
    """Whether a MIXED template can do without Jinja2."""
    names = _VARIABLE.findall(source)
    return not _JINJA.search(_VARIABLE.sub("", source)) and all(
        name.isidentifier() and name not in _RESERVED for name in names
    )
