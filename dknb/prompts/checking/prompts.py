"""What is wrong in one prompt, its bases and references included."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ...errors import DknbError, PromptError, PromptFileError, did_you_mean
from ...templates import compile_template
from ..checks import Path
from ..compose import inherit
from ..library import AbstractPromptLibrary
from ..parameters import check_value
from ..plan import Plan, plan_of
from ..types import Kind, PromptTemplateDict, PromptType
from .problems import Problem
from .reporting import Reporter, Spot

__all__ = [
    "CheckedPrompt",
    "broken_base",
    "check_adapters",
    "check_defaults",
    "check_prompt",
    "check_rag",
    "check_template",
    "declared_names",
    "names_used",
]

_TAG = re.compile(r"\{[{%](.*?)[}%]\}", re.DOTALL)
_NAME = re.compile(r"\w+")


@dataclass
class CheckedPrompt:
    """A prompt, and what the check of others needs to know about it.

    Attributes:
        kind: ``system`` or ``user``.
        name: Its name.
        prompt: Its own keys.
        at: Where it stands in its file.
        reporter: What says where things are in that file.
        bases: The prompts that it inherits from.
        used: Names that its templates use; None when that cannot be known.
    """

    kind: PromptType
    name: str
    prompt: PromptTemplateDict
    at: Path
    reporter: Reporter
    bases: list[tuple[Kind, str]] = field(default_factory=list)
    used: set[str] | None = None


def check_prompt(checked: CheckedPrompt, lookup: AbstractPromptLibrary) -> Iterator[Problem]:
    """The problems of a prompt; fills in its ``bases`` and ``used``. What nobody uses is asked later, of all prompts."""
    prompt, at, report = checked.prompt, checked.at, checked.reporter
    yield from check_adapters(prompt, at, report, lookup)
    try:
        inherited = inherit(prompt, checked.name, lookup, checked.kind)
    except PromptError as error:
        yield broken_base(error, report, Spot((*at, "extends")))
        yield from check_defaults(prompt, prompt, at, report)
        yield from check_template(prompt, at, report)
        return
    checked.bases = [(kind, name) for kind, name, base in inherited.lookups if base is not None]
    whole = inherited.prompt
    yield from check_defaults(whole, prompt, at, report)
    # A prompt without a template of its own or of a base is there to be extended.
    if "template" not in whole:
        return
    try:
        plan = plan_of(whole, checked.name, checked.kind)
    except DknbError as error:
        yield report.failure(error, Spot((*at, "template")))
        return
    yield from _check_references(plan, checked, lookup)
    yield from _check_undeclared(plan, checked, lookup)
    checked.used = names_used(plan, lookup)


def broken_base(error: PromptError, report: Reporter, spot: Spot) -> Problem:
    """The problem of a prompt whose base is missing or broken."""
    if isinstance(error, PromptFileError):  # the base's own problem, told once more at the prompt that needs it
        return report.problem(f"What it extends is broken: {error}", spot, hint=error.hint)
    return report.failure(error, spot)


def check_adapters(
    prompt: Mapping[str, Any], at: Path, report: Reporter, lookup: AbstractPromptLibrary
) -> Iterator[Problem]:
    """References to RAG configurations that are not there, and templates of RAG configurations that do not parse."""
    for index, name in enumerate(prompt.get("rag_config_refs", ())):
        spot = Spot((*at, "rag_config_refs", index))
        try:
            there = lookup.get_rag_config(name) is not None
        except PromptError as error:
            yield report.problem(f"The RAG configuration {name!r} is broken: {error}", spot, hint=error.hint)
            continue
        if not there:
            near = did_you_mean(name, lookup.list_rag_configs())
            yield report.problem(f"It refers to the RAG configuration {name!r}, which is not there.{near}", spot)
    for index, config in enumerate(prompt.get("rag_configs", ())):
        yield from check_rag(config, (*at, "rag_configs", index), report)


def check_template(prompt: Mapping[str, Any], at: Path, report: Reporter) -> Iterator[Problem]:
    """What keeps the template of a prompt from being read, whatever else is wrong with the prompt."""
    try:
        if isinstance(prompt.get("template"), str):
            compile_template(prompt["template"], prompt.get("template_mode", "mixed"))
    except DknbError as error:
        yield report.failure(error, Spot((*at, "template")))


def check_rag(config: Mapping[str, Any], at: Path, report: Reporter) -> Iterator[Problem]:
    """Templates of a RAG configuration that do not parse."""
    for key in ("query", "item_template"):
        try:
            compile_template(config.get(key, ""), "mixed")
        except DknbError as error:
            yield report.failure(error, Spot((*at, key)))


def check_defaults(whole: Mapping[str, Any], own: Mapping[str, Any], at: Path, report: Reporter) -> Iterator[Problem]:
    """Defaults that are not of the type that the parameter has: told where one of the two is the prompt's own."""
    for name, spec in whole.get("parameters", {}).items():
        if name not in own.get("parameters", {}) and name not in own.get("defaults", {}):
            continue
        problem = check_value(spec, whole.get("defaults", {}).get(name))
        if problem is not None:
            spot = report.first((*at, "defaults", name), (*at, "parameters", name, "default"))
            yield report.problem(f"The default of {name!r} {problem}.", spot)


def _check_references(plan: Plan, checked: CheckedPrompt, lookup: AbstractPromptLibrary) -> Iterator[Problem]:
    sections = plan.prompt.get("sections", {})
    for name in dict.fromkeys(plan.references):
        if name in sections or _is_there(name, lookup):
            continue
        known = [*sections, *lookup.list_system_prompts(), *lookup.list_user_prompts()]
        yield checked.reporter.problem(
            f"prompt_ref({name!r}) refers to a prompt that is not there.{did_you_mean(name, known)}",
            Spot(checked.at, word=name),
        )


def _is_there(name: str, lookup: AbstractPromptLibrary) -> bool:
    try:
        return any(lookup.find_prompt(name, kind) is not None for kind in ("system", "user"))
    except PromptError:  # it is there, and broken, which its own check tells
        return True


def declared_names(prompt: Mapping[str, Any]) -> dict[str, Path]:
    """The parameters that a prompt declares, each with the path of its declaration."""
    validation = prompt.get("validation")
    listed = [
        *(
            (name, ("validation", "required_params"))
            for name in sorted(validation.required_params if validation else ())
        ),
        *(
            (name, ("validation", "optional_params"))
            for name in sorted(validation.optional_params if validation else ())
        ),
    ]
    names: dict[str, Path] = {}
    for name, path in [
        *((name, ("parameters", name)) for name in prompt.get("parameters", ())),
        *((name, ("defaults", name)) for name in prompt.get("defaults", ())),
        *listed,
    ]:
        names.setdefault(name, path)
    return names


def _check_undeclared(plan: Plan, checked: CheckedPrompt, lookup: AbstractPromptLibrary) -> Iterator[Problem]:
    """Names that a template uses and nobody declares; a prompt that declares no parameter is left alone."""
    whole = cast(dict[str, Any], plan.prompt)
    names = declared_names(whole)
    if names.keys() <= whole.get("defaults", {}).keys() - whole.get("parameters", {}).keys():
        return
    known = {*names, *whole.get("sections", ()), *_placeholders(whole, lookup)}
    for name in plan.template.variables:
        if name not in known:
            yield checked.reporter.problem(
                f"The template uses {name!r}, which is not declared.{did_you_mean(name, names)}",
                Spot((*checked.at, "template"), word=name),
                severity="warning",
                hint="Declare it under 'parameters', for example as  " + f"{name}: string",
            )


def _placeholders(prompt: Mapping[str, Any], lookup: AbstractPromptLibrary) -> Iterator[str]:
    for config in prompt.get("rag_configs", ()):
        yield config.get("placeholder", "RAG_CONTENT")
    for name in prompt.get("rag_config_refs", ()):
        try:
            yield (lookup.get_rag_config(name) or {}).get("placeholder", "RAG_CONTENT")
        except PromptError:
            yield "RAG_CONTENT"


def names_used(plan: Plan, lookup: AbstractPromptLibrary) -> set[str] | None:
    """Names that the prompt's templates mention; None when it refers to prompts that only the render knows."""
    if plan.refers and len(plan.references) < plan.composed.text.count("prompt_ref"):
        return None
    prompt = cast(dict[str, Any], plan.prompt)
    configs = [*prompt.get("rag_configs", ()), *(_rag(name, lookup) for name in prompt.get("rag_config_refs", ()))]
    texts = list(prompt.get("sections", {}).values())
    texts += [str(text) for config in configs for text in config.values()]
    texts += [text for name in plan.references for text in _referred(name, lookup)]
    in_tags = {name for text in texts for tag in _TAG.findall(text) for name in _NAME.findall(tag)}
    return in_tags | set(plan.template.variables)


def _rag(name: str, lookup: AbstractPromptLibrary) -> Mapping[str, Any]:
    try:
        return lookup.get_rag_config(name) or {}
    except PromptError:
        return {}


def _referred(name: str, lookup: AbstractPromptLibrary) -> Iterator[str]:
    """The templates of a prompt that another refers to: parameters of the one are parameters of the other."""
    kinds: tuple[PromptType, PromptType] = ("system", "user")
    for kind in kinds:
        try:
            prompt = lookup.find_prompt(name, kind)
        except PromptError:
            continue
        yield from [(prompt or {}).get("template", ""), *(prompt or {}).get("sections", {}).values()]
