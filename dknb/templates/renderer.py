"""Rendering prompts: defaults, validation, and what was used and missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import ConfigError, MissingParameters
from .compile import COMPILER, Compiler, mode_of
from .syntax import SyntaxProblem, find_problems
from .types import Limits, RenderResult, TemplateMode, ValidationConfig, ValidationLevel, member


class TemplateRenderer:
    """Renders templates with validation.

    Args:
        default_validation: What a missing required parameter leads to, where the template does not say.
        default_mode: How templates are read, where the call does not say.
        limits: What one render may cost.
    """

    def __init__(
        self,
        default_validation: ValidationLevel = ValidationLevel.WARN,
        default_mode: TemplateMode = TemplateMode.MIXED,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._default_validation = member(ValidationLevel, default_validation)
        self._default_mode = mode_of(default_mode)
        self._filters: dict[str, Callable[..., Any]] = {}
        self._limits = limits
        self._compiler = COMPILER if limits is None else Compiler(limits=limits)

    def add_custom_filter(self, name: str, filter_func: Callable[..., Any]) -> None:
        """Give the templates of this renderer a filter ``{{ value|name(...) }}``.

        Raises:
            ConfigError: The name cannot be written in a template.
        """
        if not name.isidentifier():
            raise ConfigError(f"{name!r} is no name for a filter", hint="Use letters, digits and _ only.")
        self._filters[name] = filter_func
        self._compiler = Compiler(self._filters, self._limits)

    def render(
        self,
        template: str,
        params: Mapping[str, Any],
        validation: ValidationConfig | None = None,
        template_metadata: Mapping[str, Any] | None = None,
        mode: TemplateMode | str | None = None,
        *,
        prompt_ref: Callable[..., Any] | None = None,
        prompt_name: str | None = None,
    ) -> RenderResult:
        """Check the parameters, then render.

        Args:
            template: The text.
            params: The values.
            validation: Which of them are required; a level of None is the renderer's default.
            template_metadata: Goes into the result's metadata, on top.
            mode: How the text is read; None is the renderer's default.
            prompt_ref: What ``{{ prompt_ref("name", **extra) }}`` calls; its text is data.
            prompt_name: Whose template it is, for errors.

        Raises:
            MissingParameters: A required parameter is absent or None, and the level is ERROR. Nothing was rendered.
            TemplateError: The template does not parse or render.
        """
        config = validation or ValidationConfig()
        level = config.level or self._default_validation
        missing = config.missing(params)
        if missing and level is ValidationLevel.ERROR:
            raise MissingParameters(missing, hint="Give each of them a value, or a default in the prompt.")
        how = self._default_mode if mode is None else mode_of(mode)
        extra = {} if prompt_ref is None else {"prompt_ref": prompt_ref}
        compiled = self._compiler.compile(template, how, prompt_name)
        rendered = compiled.render(params, extra=extra, prompt_name=prompt_name)
        warn = bool(missing) and level is ValidationLevel.WARN
        return RenderResult(
            content=rendered.text,
            params_used=rendered.used,
            params_missing=list(dict.fromkeys([*missing, *rendered.missing])),
            validation_warnings=[str(MissingParameters(missing))] if warn else [],
            metadata={"validation_level": level.value, "template_mode": how.value, **(template_metadata or {})},
        )

    def render_prompt_template(
        self,
        prompt_template: Mapping[str, Any],
        params: Mapping[str, Any],
        validation_override: ValidationLevel | None = None,
        mode_override: TemplateMode | str | None = None,
        *,
        prompt_ref: Callable[..., Any] | None = None,
        prompt_name: str | None = None,
    ) -> RenderResult:
        """Render a prompt's own ``template`` with its ``defaults``, ``validation``, ``template_mode`` and ``metadata``.

        A parameter that is given beats the default, None and ``""`` included. An override holds for this call.

        Raises:
            MissingParameters: As for `render`.
            TemplateError: As for `render`.
        """
        validation: ValidationConfig = prompt_template.get("validation") or ValidationConfig()
        if validation_override is not None:
            validation = replace(validation, level=validation_override)
        return self.render(
            prompt_template["template"],
            {**prompt_template.get("defaults", {}), **params},
            validation,
            prompt_template.get("metadata"),
            mode_override or prompt_template.get("template_mode"),
            prompt_ref=prompt_ref,
            prompt_name=prompt_name,
        )

    def batch_render(
        self, templates: Sequence[str], params: Mapping[str, Any], validation: ValidationConfig | None = None
    ) -> list[RenderResult]:
        """Render several templates with the same parameters."""
        return [self.render(template, params, validation) for template in templates]

    @staticmethod
    def validate_template_syntax(template: str) -> list[str]:
        """All mistakes in a MIXED template, as text with line and column; none in a good one."""
        return [str(problem) for problem in find_problems(template)]

    @staticmethod
    def validate_template_syntax_detailed(template: str) -> list[SyntaxProblem]:
        """All mistakes in a MIXED template; none in a good one."""
        return find_problems(template)
