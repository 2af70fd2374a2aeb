"""A plan and values become a result; ``prompt_ref`` renders other prompts on the way.

Nothing here waits: what has to be fetched was fetched before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import MissingParameters, PromptError, PromptNotFound, TemplateError, did_you_mean
from ..templates.types import Rendered
from .plan import Plan, Plans
from .types import RenderResult, ValidationLevel

__all__ = ["Call", "render"]

#: Prompts that one render may refer to, counting each time; references that double would never end.
MAX_REFERENCES = 1_000
#: Prompts within prompts.
MAX_DEPTH = 30


# The prompts that led to the one that is being rendered, each by type and name.
_Trail = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Call:
    """What a caller asks of a render.

    Attributes:
        params: The caller's values.
        include_rag: Whether retrieval fills its placeholders; else they are blank.
        level: What a missing required parameter leads to, whatever the prompt says; None leaves it to the prompt.
        default_level: The level of a prompt that says nothing.
        namespace: Where names that neither the caller nor an adapter gives are looked up, if anywhere.
        found: What adapters gave: name -> (adapter, value).
    """

    params: Mapping[str, Any]
    include_rag: bool
    level: ValidationLevel | None
    default_level: ValidationLevel
    namespace: Mapping[str, Any] | None = None
    found: Mapping[str, tuple[str, Any]] = field(default_factory=dict)


def render(plans: Plans, plan: Plan, call: Call) -> RenderResult:
    """Render a plan.

    Raises:
        MissingParameters: Required parameters have no value, and the level is ERROR.
        PromptError: The prompt needs retrieval, or refers to what it must not.
        TemplateError: A template cannot be rendered with these values.
    """
    return _Render(plans, call).result(plan)


class _Render:
    """One render, with the prompts that it refers to."""

    def __init__(self, plans: Plans, call: Call) -> None:
        self.plans = plans
        self.call = call
        self.used: dict[str, Any] = {}
        self.missing: dict[str, None] = {}
        self.warnings: list[str] = []
        self.origins: dict[str, str] = {}
        self.references = 0

    def result(self, plan: Plan) -> RenderResult:
        """The result of the prompt that was asked for."""
        text = self.text(plan, {}, {}, ((plan.prompt_type, plan.name),))
        return RenderResult(
            content=text,
            params_used=self.used,
            params_missing=list(self.missing),
            validation_warnings=self.warnings,
            metadata={
                "prompt_name": plan.name,
                "prompt_type": plan.prompt_type,
                "template_mode": plan.mode,
                "validation_level": self._level(plan).value,
                "include_rag": self.call.include_rag,
                "used_cached_rag": False,
                "param_origins": self.origins,
                **plan.prompt.get("metadata", {}),
            },
        )

    def text(self, plan: Plan, defaults: Mapping[str, Any], extra: Mapping[str, Any], trail: _Trail) -> str:
        """The text of one prompt; ``defaults`` and ``extra`` come from the prompt that refers to it."""
        if plan.placeholders and self.call.include_rag:
            raise PromptError(
                f"Prompt {plan.name!r} retrieves text for {', '.join(plan.placeholders)}, which dknb cannot do yet.",
                hint="Render it with include_rag=False.",
            )
        defaults = {**plan.defaults, **defaults} if defaults else plan.defaults
        values = self._values(plan, defaults, extra)
        self._validate(plan, values)
        if plan.refers:
            rendered = plan.render(values, {"prompt_ref": self._reference(plan, defaults, extra, trail)})
        else:
            rendered = plan.render(values)
        self._note(plan, rendered, extra)
        return rendered.text

    def _values(self, plan: Plan, defaults: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
        """The values of all names, from the weakest to the strongest."""
        call = self.call
        values = dict(defaults)
        if call.namespace is not None:
            values.update({name: call.namespace[name] for name in plan.wanted if name in call.namespace})
        if call.found:
            values.update({name: value for name, (_, value) in call.found.items()})
        if plan.placeholders:
            values.update(dict.fromkeys(plan.placeholders, ""))
        values.update(call.params)
        if extra:
            values.update(extra)
        return values

    def _level(self, plan: Plan) -> ValidationLevel:
        return self.call.level or plan.validation.level or self.call.default_level

    def _validate(self, plan: Plan, values: Mapping[str, Any]) -> None:
        missing = plan.validation.missing(values)
        if not missing:
            return
        level = self._level(plan)
        if level is ValidationLevel.ERROR:
            raise MissingParameters(
                missing, hint=f"Give a value to {', '.join(missing)} of prompt {plan.name!r}, or a default in it."
            )
        warning = f"Missing required parameters: {', '.join(missing)}"
        if level is ValidationLevel.WARN and warning not in self.warnings:
            self.warnings.append(warning)
        self.missing.update(dict.fromkeys(missing))

    def _note(self, plan: Plan, rendered: Rendered, extra: Mapping[str, Any]) -> None:
        for name, value in rendered.used.items():
            if name not in extra and (name not in plan.placeholders or name in self.call.params):
                self.used.setdefault(name, value)
                self.origins.setdefault(name, self._origin(name))
        if rendered.missing:
            self.missing.update(dict.fromkeys(rendered.missing))

    def _origin(self, name: str) -> str:
        call = self.call
        if name in call.params:
            return "caller"
        if name in call.found:
            return f"adapter:{call.found[name][0]}"
        return "notebook" if call.namespace is not None and name in call.namespace else "default"

    def _reference(
        self, plan: Plan, defaults: Mapping[str, Any], extra: Mapping[str, Any], trail: _Trail
    ) -> Callable[..., str]:
        """What ``prompt_ref`` means in the template of ``plan``."""

        def prompt_ref(name: object, /, **more: object) -> str:
            if not isinstance(name, str):
                raise TemplateError("prompt_ref wants the name of a prompt, in quotes.", prompt_name=plan.name)
            target = self._referred(plan, name)
            is_section = name in plan.prompt.get("sections", {})
            step = ("section", f"{plan.name}.{name}") if is_section else (target.prompt_type, target.name)
            self._refuse_endless([*trail, step])
            return self.text(target, defaults, {**extra, **more}, (*trail, step))

        return prompt_ref

    def _referred(self, plan: Plan, name: str) -> Plan:
        target = self.plans.referred(plan, name)
        if target is None:
            library = self.plans.library
            known = [*library.list_system_prompts(), *library.list_user_prompts()]
            raise PromptNotFound(
                f"Prompt {plan.name!r} refers to {name!r}, which does not exist.{did_you_mean(name, known)}",
                hint="Correct the name in its prompt_ref, or write that prompt.",
            )
        return target

    def _refuse_endless(self, trail: list[tuple[str, str]]) -> None:
        self.references += 1
        chain = " -> ".join(name for _, name in trail)
        if trail[-1] in trail[:-1]:
            raise PromptError(f"Prompt {trail[0][1]!r} refers to itself: {chain}.", hint="Take one prompt_ref out.")
        if len(trail) > MAX_DEPTH or self.references > MAX_REFERENCES:
            raise PromptError(
                f"Prompt {trail[0][1]!r} refers to too many prompts: {chain[:200]}.",
                hint=f"One render takes {MAX_REFERENCES} of them, {MAX_DEPTH} deep.",
            )
