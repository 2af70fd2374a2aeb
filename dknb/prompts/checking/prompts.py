"""What is wrong in one prompt, its bases and references included."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ...errors import DknbError, PromptError, PromptFileError, did_you_mean
from ..checks import Path
from ..compose import inherit
from ..library import AbstractPromptLibrary
from ..parameters import check_value
from ..plan import Plan, plan_of
from ..rag.retrieval import PLACEHOLDER
from .families import CheckedPrompt, own_fills
from .names import declared_names, names_used, placed_sections, query_variables
from .problems import Problem
from .references import References
from .reporting import Reporter, Spot
from .templates import check_adapters, check_plan, check_sections, check_template

__all__ = ["broken_base", "check_defaults", "check_prompt", "check_version"]


def check_prompt(checked: CheckedPrompt, lookup: AbstractPromptLibrary, references: References) -> Iterator[Problem]:
    """The problems of a prompt; fills in what is asked later, of all prompts: its bases, and the names that it uses."""
    prompt, at, report = checked.prompt, checked.at, checked.reporter
    yield from check_adapters(prompt, at, report, lookup)
    yield from check_version(prompt, at, report)
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
    mode = whole.get("template_mode", "mixed")
    # A prompt without a template of its own or of a base is there to be extended.
    if "template" not in whole:
        yield from check_sections(prompt.get("sections", {}), set(), mode, at, report)
        return
    try:
        plan = plan_of(whole, checked.name, checked.kind)
    except DknbError as error:
        yield report.failure(error, Spot((*at, "template")))
        return
    checked.placed = placed_sections(plan)
    yield from check_plan(plan, Spot((*at, "template")), report)
    yield from check_sections(prompt.get("sections", {}), checked.placed - {*plan.references}, mode, at, report)
    yield from _check_references(plan, checked, lookup, references)
    yield from _check_undeclared(plan, checked, lookup)
    checked.used = names_used(plan, lookup)


def broken_base(error: PromptError, report: Reporter, spot: Spot) -> Problem:
    """The problem of a prompt whose base is missing or broken."""
    if isinstance(error, PromptFileError):  # the base's own problem, told once more at the prompt that needs it
        return report.problem(f"What it extends is broken: {error}", spot, hint=error.hint)
    return report.failure(error, spot)


def check_version(own: Mapping[str, Any], at: Path, report: Reporter) -> Iterator[Problem]:
    """A version that is no text: YAML reads 1.10 as the number 1.1."""
    version = own.get("metadata", {}).get("version", "")
    if not isinstance(version, str):
        yield report.problem(
            f"metadata.version is {version!r}, a {_kind(version)}, not text: 1.10 is read as the number 1.1.",
            Spot((*at, "metadata", "version")),
            severity="warning",
            hint=f'Put it in quotes as it is meant: version: "{version}"',
        )


def _kind(value: object) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def check_defaults(whole: Mapping[str, Any], own: Mapping[str, Any], at: Path, report: Reporter) -> Iterator[Problem]:
    """Defaults that are not of the type that the parameter has: told where one of the two is the prompt's own."""
    for name, spec in whole.get("parameters", {}).items():
        if name not in own.get("parameters", {}) and name not in own.get("defaults", {}):
            continue
        problem = check_value(spec, whole.get("defaults", {}).get(name))
        if problem is not None:
            spot = report.first((*at, "defaults", name), (*at, "parameters", name, "default"))
            yield report.problem(f"The default of {name!r} {problem}.", spot)


def _check_references(
    plan: Plan, checked: CheckedPrompt, lookup: AbstractPromptLibrary, references: References
) -> Iterator[Problem]:
    sections = plan.prompt.get("sections", {})
    for name in dict.fromkeys(plan.references):
        if name in sections or _is_there(name, lookup):
            continue
        known = [*sections, *lookup.list_system_prompts(), *lookup.list_user_prompts()]
        yield checked.reporter.problem(
            f"prompt_ref({name!r}) refers to a prompt that is not there.{did_you_mean(name, known)}",
            Spot(checked.at, word=name),
        )
    if plan.references and (ring := references.ring(plan)) is not None:
        yield checked.reporter.problem(
            f"Its prompt_ref comes back to it: {' -> '.join(ring)}.",
            Spot((*checked.at, "template"), word="prompt_ref"),
            hint="Take one prompt_ref out.",
        )


def _is_there(name: str, lookup: AbstractPromptLibrary) -> bool:
    try:
        return any(lookup.find_prompt(name, kind) is not None for kind in ("system", "user"))
    except PromptError:  # it is there, and broken, which its own check tells
        return True


def _check_undeclared(plan: Plan, checked: CheckedPrompt, lookup: AbstractPromptLibrary) -> Iterator[Problem]:
    """Names that a template or query uses and nobody declares; a prompt that declares no parameter is left alone."""
    own, whole = cast(dict[str, Any], checked.prompt), cast(dict[str, Any], plan.prompt)
    names = declared_names(whole)
    checked.fills = own_fills(own, whole, checked.at, lookup)
    asks = PLACEHOLDER in plan.template.variables and not whole.get("rag_config_refs")  # one of them may be broken
    checked.asks = asks and PLACEHOLDER not in {*names, *checked.fills}
    if names.keys() <= whole.get("defaults", {}).keys() - whole.get("parameters", {}).keys():
        return
    known = {*names, *whole.get("sections", ()), *checked.fills, PLACEHOLDER}
    for name in plan.template.variables:
        if name not in known:
            yield _undeclared("The template", name, ("template",), checked, names)
    for name, path in query_variables(own, lookup):
        if name not in names:
            yield _undeclared("A query", name, path, checked, names)


def _undeclared(what: str, name: str, path: Path, checked: CheckedPrompt, names: Mapping[str, Path]) -> Problem:
    called = re.search(rf"\b{re.escape(name)}\s*\(", checked.prompt.get("template", "")) is not None
    return checked.reporter.problem(
        f"{what} uses {name!r}, which is not declared.{did_you_mean(name, names)}",
        Spot((*checked.at, *path), word=name if path[0] != "rag_config_refs" else None),
        severity="warning",
        hint="Declare it under 'parameters', for example as  "
        + (
            f"{name}: any  (a function is given where it is rendered:  {name}={{{name}}})"
            if called
            else f"{name}: string"
        ),
    )
