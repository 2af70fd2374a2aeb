"""A prompt made ready to render: bases, sections and template are done, values are missing.

A plan is kept as long as the library gives the same prompts for the names that went into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import DknbError, PromptError, TemplateError
from ..templates import compile_template
from ..templates.program import CompiledTemplate
from ..templates.types import Rendered
from .compose import Composed, Lookup, compose, inherit
from .library import AbstractPromptLibrary, rag_configs_of
from .types import PromptTemplateDict, PromptType, ValidationConfig

__all__ = ["Plan", "Plans", "plan_of"]

_REFERENCE = re.compile(r"""\bprompt_ref\s*\(\s*(?:'([^'\\]+)'|"([^"\\]+)")""")
_NO_VALIDATION = ValidationConfig()


@dataclass(frozen=True, slots=True)
class Plan:
    """A prompt that can be rendered.

    Attributes:
        name: Its name, for messages and metadata.
        prompt_type: ``user`` or ``system``.
        prompt: Its keys, with those of its bases.
        mode: ``mixed`` or ``jinja2``.
        composed: Its template, with sections in place.
        template: The same, compiled.
        defaults: Values of parameters that nobody gives.
        validation: Which parameters must have a value.
        placeholders: Variables that retrieval fills.
        wanted: The names that it can use: variables of the template, and required ones.
        references: Prompts and sections that its template refers to by a literal name.
        refers: Whether it refers to any, by a literal name or not.
    """

    name: str
    prompt_type: PromptType
    prompt: PromptTemplateDict
    mode: str
    composed: Composed
    template: CompiledTemplate
    defaults: Mapping[str, Any]
    validation: ValidationConfig
    placeholders: tuple[str, ...]
    wanted: tuple[str, ...]
    references: tuple[str, ...]
    refers: bool

    def render(self, values: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> Rendered:
        """The template with these values; ``extra`` holds names that are weaker than any.

        Raises:
            TemplateError: It cannot be rendered; the error has the prompt's name and the place in its source.
        DknbError: A prompt that it refers to cannot be rendered.
        """
        try:
            return self.template.render(values, extra=extra)
        except TemplateError as error:
            if error.prompt_name is not None:
                raise
            # What is no failure of a template came from a prompt that it refers to, and is told as it is.
            if isinstance(error.__cause__, DknbError) and not isinstance(error.__cause__, TemplateError):
                raise error.__cause__ from None
            raise self.composed.placed(error, self.name) from error

    def section(self, name: str) -> Plan | None:
        """The plan of one of its sections alone; None when it has no such section."""
        template = self.prompt.get("sections", {}).get(name)
        if template is None:
            return None
        # Its parameters were validated with the whole.
        alone: PromptTemplateDict = {**self.prompt, "template": template, "validation": _NO_VALIDATION}
        return plan_of(alone, self.name, self.prompt_type, self.placeholders)


def plan_of(prompt: PromptTemplateDict, name: str, prompt_type: PromptType, placeholders: tuple[str, ...] = ()) -> Plan:
    """The plan of a prompt that has the keys of its bases.

    Raises:
        PromptError: It has no template.
        TemplateError: Its template does not parse; the error has the prompt's name and the place in its source.
    """
    if "template" not in prompt:
        raise PromptError(
            f"Prompt {name!r} has no template.",
            hint="Give it the key 'template', or 'extends' with a prompt that has one.",
        )
    mode = prompt.get("template_mode", "mixed")
    validation = prompt.get("validation", _NO_VALIDATION)
    composed, template = _compiled(prompt, name, mode)
    return Plan(
        name=name,
        prompt_type=prompt_type,
        prompt=prompt,
        mode=mode,
        composed=composed,
        template=template,
        defaults=prompt.get("defaults", {}),
        validation=validation,
        placeholders=placeholders,
        wanted=tuple(dict.fromkeys([*template.variables, *sorted(validation.required_params)])),
        references=tuple(single or double for single, double in _REFERENCE.findall(composed.text)),
        refers="prompt_ref" in composed.text,
    )


def _compiled(prompt: PromptTemplateDict, name: str, mode: str) -> tuple[Composed, CompiledTemplate]:
    composed = Composed(prompt["template"], ())
    try:
        if prompt.get("sections"):
            composed = compose(prompt["template"], tuple(prompt["sections"].items()))
        return composed, compile_template(composed.text, mode)
    except TemplateError as error:
        raise composed.placed(error, name) from error


class Plans:
    """The plans of a library's prompts, each made once as long as nothing it was made of changes."""

    def __init__(self, library: AbstractPromptLibrary) -> None:
        self.library = library
        self._kept: dict[tuple[PromptType, str, int], tuple[PromptTemplateDict, tuple[Lookup, ...], Plan]] = {}

    def of_library(self, name: str, prompt_type: PromptType, index: int = 0) -> Plan:
        """The plan of a prompt of the library.

        Raises:
            PromptNotFound: There is no such prompt.
            PromptError: It, or one of its bases, is broken.
            TemplateError: Its template does not parse.
        """
        prompt = self.library.require_prompt(name, prompt_type, index)
        kept = self._kept.get((prompt_type, name, index))
        if kept is not None and kept[0] is prompt and self._unchanged(kept[1]):
            return kept[2]
        plan, lookups = self._make(prompt, name, prompt_type, prompt_type)
        if not plan.placeholders:
            self._kept[prompt_type, name, index] = (prompt, lookups, plan)
        return plan

    def of_inline(self, prompt: PromptTemplateDict, name: str, prompt_type: PromptType) -> Plan:
        """The plan of a prompt that is not in the library; its bases are.

        Raises:
            PromptError: It has no template, or a base is missing or broken.
            TemplateError: Its template does not parse.
        """
        return self._make(prompt, name, prompt_type, None)[0]

    def referred(self, plan: Plan, name: str) -> Plan | None:
        """The section or prompt that ``prompt_ref(name)`` means in a plan: its own section, its own type, the other.

        Raises:
            DknbError: It is there, and broken.
        """
        if (section := plan.section(name)) is not None:
            return section
        other: PromptType = "user" if plan.prompt_type == "system" else "system"
        for prompt_type in (plan.prompt_type, other):
            if self.library.find_prompt(name, prompt_type) is not None:
                return self.of_library(name, prompt_type)
        return None

    def reachable(self, plan: Plan) -> Iterator[Plan]:
        """The plan, and those that it refers to by literal names, and so on; each once."""
        waiting, seen = [plan], {(plan.prompt_type, plan.name, plan.composed.text)}
        while waiting:
            yield (current := waiting.pop())
            for name in current.references:
                target = self.referred(current, name)
                if target is not None and (key := (target.prompt_type, target.name, target.composed.text)) not in seen:
                    seen.add(key)
                    waiting.append(target)

    def _make(
        self, prompt: PromptTemplateDict, name: str, prompt_type: PromptType, home: PromptType | None
    ) -> tuple[Plan, tuple[Lookup, ...]]:
        inherited = inherit(prompt, name, self.library, home)
        configs = rag_configs_of(self.library, inherited.prompt, name)
        placeholders = tuple(config.get("placeholder", "RAG_CONTENT") for config in configs)
        return plan_of(inherited.prompt, name, prompt_type, placeholders), inherited.lookups

    def _unchanged(self, lookups: tuple[Lookup, ...]) -> bool:
        return all(self.library.find_prompt(name, kind) is found for kind, name, found in lookups)
