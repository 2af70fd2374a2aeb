"""Compiling templates, each text and mode once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, TemplateError, did_you_mean
from .conditional import compile_conditional
from .plain import PlainTemplate, is_plain
from .program import CompiledTemplate
from .simple import compile_simple
from .types import Limits, TemplateMode, TemplateStrategy

if TYPE_CHECKING:
    from .jinja.environment import Sandbox

Mode = TemplateStrategy | TemplateMode

_MODES: dict[str, Mode] = {mode.value: mode for kind in (TemplateStrategy, TemplateMode) for mode in kind}
_KEPT = 2048


class Compiler:
    """Compiles templates and keeps the last 2,048 of them; any thread may use it.

    Args:
        filters: Filters of MIXED and JINJA2 templates beyond the usual ones, by name.
        limits: What one render of such a template may cost.
    """

    def __init__(self, filters: Mapping[str, Callable[..., Any]] | None = None, limits: Limits | None = None) -> None:
        self._filters = dict(filters or {})
        self._limits = limits or Limits()
        self._environments: dict[TemplateMode, Sandbox] = {}
        self._jinja = lru_cache(maxsize=_KEPT)(self._compile_jinja)

    def compile(self, source: str, mode: Mode, prompt_name: str | None = None) -> CompiledTemplate:
        """The compiled template; the same object for the same text and mode, while it is kept.

        Raises:
            TemplateError: It does not parse; CONDITIONAL templates always do.
        """
        if mode is TemplateStrategy.CONDITIONAL:
            return compile_conditional(source)
        try:
            return (
                compile_simple(source) if mode is TemplateStrategy.SIMPLE else self._jinja(source, TemplateMode(mode))
            )
        except TemplateError as error:
            if prompt_name is None:
                raise
            raise error.named(prompt_name) from error

    def _compile_jinja(self, source: str, mode: TemplateMode) -> CompiledTemplate:
        def full() -> CompiledTemplate:
            from .jinja.template import JinjaTemplate

            return JinjaTemplate(source, self.environment(mode), self._limits)

        if mode is TemplateMode.MIXED and is_plain(source):
            return PlainTemplate(source, self._limits, full)
        return full()

    def environment(self, mode: TemplateMode) -> Sandbox:
        """The sandbox in which templates of this mode run."""
        from .jinja.environment import Sandbox

        if mode not in self._environments:
            self._environments[mode] = Sandbox(mode, self._filters)
        return self._environments[mode]


COMPILER = Compiler()
"""The compiler of everything that has no filters or limits of its own."""


def mode_of(mode: str | Mode) -> Mode:
    """The mode that a setting means.

    Raises:
        ConfigError: There is no such mode.
    """
    if isinstance(mode, Mode):
        return mode
    known = _MODES.get(mode.lower())
    if known is None:
        raise ConfigError(
            f"{mode!r} is no template mode.{did_you_mean(mode, _MODES)}", hint=f"Give one of: {', '.join(_MODES)}"
        )
    return known


def compile_template(source: str, mode: str | Mode, *, prompt_name: str | None = None) -> CompiledTemplate:
    """Parse, check and compile a template, once for each text and mode.

    Args:
        source: The template.
        mode: ``"conditional"``, ``"simple"``, ``"mixed"``, ``"jinja2"``, or the enum member.
        prompt_name: Whose template it is, for errors.

    Raises:
        TemplateError: It does not parse.
        ConfigError: There is no such mode.
    """
    return COMPILER.compile(source, mode_of(mode), prompt_name)
