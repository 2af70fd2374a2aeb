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
        self._filled = ConditionalTemplate(_VARIABLE.sub(r"{{\1}}", unix_lines(source)))
        self._limits = limits
        self._full = full
        self.variables = self._filled.variables

    def run(self, params: Mapping[str, Any], extra: Mapping[str, Any]) -> Rendered:
        """Render within the bound on output."""
        try:
            parts = self._filled.parts({**extra, **params} if extra else params)
        except Exception:  # noqa: BLE001 - a value that cannot be printed: the full engine says where
            return self._full().run(params, extra)
        if sum(map(len, parts)) > self._limits.output:
            return self._full().run(params, extra)
        return self._filled.rendered("".join(parts), params, extra)


def is_plain(source: str) -> bool:
    """Whether a MIXED template can do without Jinja2."""
    names = _VARIABLE.findall(source)
    return not _JINJA.search(_VARIABLE.sub("", source)) and all(
        name.isidentifier() and name not in _RESERVED for name in names
    )
