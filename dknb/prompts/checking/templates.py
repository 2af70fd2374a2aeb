"""What is wrong in the templates of a prompt: what does not parse, what fails in a branch, what is text and was not meant so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import DknbError, PromptError, TemplateError, did_you_mean
from ...templates import compile_template
from ...templates.syntax import lone_sections
from ..checks import Path
from ..compose import Composed
from ..library import AbstractPromptLibrary
from ..plan import Plan
from .problems import Problem
from .reporting import Reporter, Spot

__all__ = ["check_adapters", "check_plan", "check_rag", "check_sections", "check_template"]


def check_plan(plan: Plan, spot: Spot, report: Reporter) -> Iterator[Problem]:
    """What a template that parses says otherwise than its author meant."""
    for doubt in plan.template.doubts:
        yield report.failure(plan.composed.placed(doubt, plan.name), spot)
    yield from _lone_marks(plan.composed, plan.mode, plan.name, spot, report)


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
    yield from _lone_marks(Composed(text, ()), mode, "", spot, report)


def _lone_marks(composed: Composed, mode: str, name: str, spot: Spot, report: Reporter) -> Iterator[Problem]:
    """Marks of sections without a partner."""
    if mode != "mixed" or not ("((" in composed.text or "))" in composed.text):
        return
    for found in lone_sections(composed.text):
        line = composed.text.split("\n")[found.line - 1]
        error = TemplateError(
            f"{found.message}: it is text.",
            line=found.line,
            column=found.column,
            source_line=line,
            hint="An optional section is written ((like {{this}})).",
        )
        yield report.failure(composed.placed(error, name), spot, severity="warning")
