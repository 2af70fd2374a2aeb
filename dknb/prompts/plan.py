"""A prompt made ready to render: bases, sections and template are done, values are missing.

A plan is kept as long as the library gives the same prompts for the names that went into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import DknbError, PromptError, TemplateError
from ..templates import compile_template
from ..templates.program import CompiledTemplate
from ..templates.types import Rendered
from .compose import Composed, Lookup, compose, inherit
from .declarations import validation_of
from .library import AbstractPromptLibrary
from .parameters import ParameterSpec
from .rag.inheriting import Search, joined, searches_of
from .rag.retrieval import Retrieval, retrievals_of
from .types import Kind, PromptTemplateDict, PromptType, RAGConfig, RenderResult, ValidationConfig

if TYPE_CHECKING:
    from .render import Render

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
        parameters: What is declared about parameters.
        retrievals: What is searched for, and which variables the results fill.
        placeholders: Those variables.
        wanted: The names that it can use: variables of the template and of queries, and required ones.
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
    parameters: Mapping[str, ParameterSpec]
    retrievals: tuple[Retrieval, ...]
    placeholders: tuple[str, ...]
    wanted: tuple[str, ...]
    references: tuple[str, ...]
    refers: bool

    def render(self, values: Mapping[str, Any], extra: Mapping[str, Any]) -> Rendered:
        """The template with these values; ``extra`` holds names that are weaker than any.

        Raises:
            TemplateError: It cannot be rendered; the error has the prompt's name and the place in its source.
            DknbError: A prompt that it refers to cannot be rendered.
        """
        try:
            return self.template.run(values, extra)
        except TemplateError as error:
            if error.prompt_name is not None:
                raise
            # What is no failure of a template came from a prompt that it refers to, and is told as it is.
            if isinstance(error.__cause__, DknbError) and not isinstance(error.__cause__, TemplateError):
                raise error.__cause__ from None
            raise self.composed.placed(error, self.name) from error

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans that make it up: itself."""
        return (self,)

    def produce(self, render: Render) -> RenderResult:
        """Its result in a render."""
        return render.result(self)

    def section(self, name: str) -> Plan | None:
        """The plan of one of its sections alone; None when it has no such section."""
        template = self.prompt.get("sections", {}).get(name)
        if template is None:
            return None
        alone: PromptTemplateDict = {**self.prompt, "template": template}
        plan = plan_of(alone, self.name, self.prompt_type, self.retrievals)
        # Its parameters were validated with the whole.
        return replace(plan, validation=_NO_VALIDATION, parameters={})


def plan_of(
    prompt: PromptTemplateDict, name: str, prompt_type: PromptType, retrievals: tuple[Retrieval, ...] = ()
) -> Plan:
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
    validation = validation_of(prompt)
    composed, template = _compiled(prompt, name, mode)
    variables = [*template.variables, *(each for retrieval in retrievals for each in retrieval.variables)]
    return Plan(
        name=name,
        prompt_type=prompt_type,
        prompt=prompt,
        mode=mode,
        composed=composed,
        template=template,
        defaults=prompt.get("defaults", {}),
        validation=validation,
        parameters=prompt.get("parameters", {}),
        retrievals=retrievals,
        placeholders=tuple(dict.fromkeys(retrieval.placeholder for retrieval in retrievals)),
        wanted=tuple(dict.fromkeys([*variables, *sorted(validation.required_params)])),
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


class _Kept(NamedTuple):
    """A plan, and what it was made of."""

    prompt: PromptTemplateDict
    lookups: tuple[Lookup, ...]
    configs: tuple[RAGConfig, ...]
    made_of_others: bool
    plan: Plan


class Plans:
    """The plans of a library's prompts, each made once as long as nothing it was made of changes."""

    def __init__(self, library: AbstractPromptLibrary) -> None:
        self.library = library
        self._kept: dict[tuple[PromptType, str, int], _Kept] = {}

    def of_library(self, name: str, prompt_type: PromptType, index: int = 0) -> Plan:
        """The plan of a prompt of the library.

        Raises:
            PromptNotFound: There is no such prompt.
            PromptError: It, or one of its bases, is broken.
            TemplateError: Its template does not parse.
        """
        prompt = self.library.require_prompt(name, prompt_type, index)
        kept = self._kept.get((prompt_type, name, index))
        if kept is None or kept.prompt is not prompt or (kept.made_of_others and not self._unchanged(kept, name)):
            kept = self._kept[prompt_type, name, index] = self._make(
                prompt, name, prompt_type, prompt_type, prompt_type
            )
        return kept.plan

    def of_inline(
        self, prompt: PromptTemplateDict, name: str, prompt_type: PromptType, home: Kind | None = None
    ) -> Plan:
        """The plan of a prompt that is not in the library; its bases are.

        Args:
            prompt: The prompt.
            name: What messages call it.
            prompt_type: Of which type the prompts are that it refers to, first of all.
            home: The kind of entry that it belongs to, if any: what it retrieves is looked up where that entry lies.

        Raises:
            PromptError: It has no template, or a base is missing or broken.
            TemplateError: Its template does not parse.
        """
        return self._make(prompt, name, prompt_type, None, home).plan

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
        self, prompt: PromptTemplateDict, name: str, prompt_type: PromptType, own: PromptType | None, home: Kind | None
    ) -> _Kept:
        inherited = inherit(prompt, name, self.library, own)
        configs = self._configs(prompt, name, home, inherited.lookups)
        plan = plan_of(inherited.prompt, name, prompt_type, retrievals_of(configs, name))
        return _Kept(prompt, inherited.lookups, configs, bool(inherited.lookups or configs), plan)

    def _configs(
        self, prompt: PromptTemplateDict, name: str, home: Kind | None, lookups: Iterable[Lookup]
    ) -> tuple[RAGConfig, ...]:
        """What a prompt and its bases retrieve, each once; references are looked up where the one who refers lies.

        A search replaces those that are inherited for its placeholder, except that references join references.
        """
        family: list[tuple[Kind | None, str, PromptTemplateDict]] = [(home, name, prompt)]
        family += [(kind, base_name, base) for kind, base_name, base in lookups if base is not None]
        searches: list[Search] = []
        for kind, owner, each in reversed(family):
            if "rag_configs" in each or "rag_config_refs" in each:
                library = self.library if kind is None else self.library.home_of(kind, owner)
                searches = joined(searches, searches_of(library, each, owner))
        return tuple(search.config for search in searches)

    def _unchanged(self, kept: _Kept, name: str) -> bool:
        for kind, base, found in kept.lookups:
            if self.library.find_prompt(base, kind) is not found:
                return False
        return not kept.configs or self._configs(kept.prompt, name, kept.plan.prompt_type, kept.lookups) == kept.configs
