"""What is wrong in the templates of a prompt: what does not parse, what fails in a branch, what is text and was not meant so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import DknbError, PromptError, TemplateError, did_you_mean
from ...templates import compile_template
from ...templates.syntax import SyntaxProblem, constant_sections, lone_sections
from ..checks import Path
from ..compose import Composed, inherit
from ..library import AbstractPromptLibrary
from ..plan import Plan, plan_of
from ..types import PromptTemplateDict
from .names import config_placeholders
from .problems import Problem
from .reporting import Reporter, Spot

__all__ = [
    "check_adapters",
    "check_plan",
    "check_rag",
    "check_sections",
    "check_template",
    "lost_in_prompt",
    "lost_parentheses",
]


def check_plan(plan: Plan, spot: Spot, report: Reporter) -> Iterator[Problem]:
    """What a template that parses says otherwise than its author meant."""
    for doubt in plan.template.doubts:
        yield report.failure(plan.composed.placed(doubt, plan.name), spot)
    yield from _marks(plan.composed, plan.mode, plan.name, spot, report)


def check_template(prompt: Mapping[str, Any], at: Path, report: Reporter) -> Iterator[Problem]:
    """The same for the template of a prompt that is otherwise broken, as far as it can be read alone."""
    if isinstance(prompt.get("template"), str):
        yield from _check_text(
            prompt["template"], prompt.get("template_mode", "mixed"), Spot((*at, "template")), report
        )


def check_sections(
    sections: Mapping[str, str], placed: set[str], mode: str, at: Path, report: Reporter
) -> Iterator[Problem]:
    """The same for sections that are not ``placed``: those that are were read as a part of the template."""
    for name, text in sections.items():
        if name not in placed:
            yield from _check_text(text, mode, Spot((*at, "sections", name)), report)


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
    yield from _doubled(prompt, at, report, lookup)


def check_rag(config: Mapping[str, Any], at: Path, report: Reporter) -> Iterator[Problem]:
    """What is wrong in the templates of a RAG configuration."""
    for key in ("query", "header", "item_template"):
        yield from _check_text(config.get(key, ""), "mixed", Spot((*at, key)), report)


def _check_text(text: str, mode: str, spot: Spot, report: Reporter) -> Iterator[Problem]:
    try:
        template = compile_template(text, mode)
    except DknbError as error:
        yield report.failure(error, spot)
        return
    for doubt in template.doubts:
        yield report.failure(doubt, spot)
    yield from _marks(Composed(text, ()), mode, "", spot, report)


def _marks(composed: Composed, mode: str, name: str, spot: Spot, report: Reporter) -> Iterator[Problem]:
    """Marks of sections without a partner, and sections that were probably meant as parentheses."""
    if mode != "mixed" or not ("((" in composed.text or "))" in composed.text):
        return
    for found in lone_sections(composed.text):
        hint = "An optional section is written ((like {{this}}))."
        error = _placed(composed, name, found, f"{found.message}: it is text.", hint)
        yield report.failure(error, spot, severity="warning")
    for error in lost_parentheses(composed, mode, name):
        yield report.failure(error, spot, severity="warning")


def lost_parentheses(composed: Composed, mode: str, name: str) -> list[TemplateError]:
    """Optional sections without a variable, whose parentheses no render shows: ``f((x))`` becomes ``fx``.

    ``composed`` and ``mode`` are those of a ``Plan``. Each error has the place where its author finds it, and as hint how
    parentheses are written that stay.
    """
    if mode != "mixed":
        return []
    hint = "Parentheses that stay have a space between them: ( (3, 4) ); or stand in {% raw %}((3, 4)){% endraw %}."
    return [_placed(composed, name, each, f"{each.message}.", hint) for each in constant_sections(composed.text)]


def lost_in_prompt(prompt: PromptTemplateDict, library: AbstractPromptLibrary, name: str) -> list[TemplateError]:
    """The same of a prompt that may be in no library; its bases are in this one.

    Raises:
        PromptError: It has no template, or a base is missing or broken.
        TemplateError: Its template does not parse.
    """
    plan = plan_of(inherit(prompt, name, library).prompt, name, "user")
    return lost_parentheses(plan.composed, plan.mode, name)


def _placed(composed: Composed, name: str, found: SyntaxProblem, message: str, hint: str) -> TemplateError:
    line = composed.text.split("\n")[found.line - 1]
    error = TemplateError(message, line=found.line, column=found.column, source_line=line, hint=hint)
    return composed.placed(error, name)


def _doubled(prompt: Mapping[str, Any], at: Path, report: Reporter, lookup: AbstractPromptLibrary) -> Iterator[Problem]:
    """Searches of one prompt that fill the same variable."""
    seen: set[str] = set()
    for name, path in config_placeholders(prompt, lookup):
        if name in seen:
            yield report.problem(
                f"Another search of this prompt fills {{{{{name}}}}} already: it becomes the results of both.",
                Spot((*at, *path)),
                severity="warning",
                hint="Give one of them another 'placeholder', or take it away.",
            )
        seen.add(name)
