"""What prompts declare and nobody uses, or use and nobody fills: asked of a prompt together with those that extend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ...errors import did_you_mean
from ..checks import Path
from ..library import AbstractPromptLibrary
from ..rag.retrieval import PLACEHOLDER
from ..types import Kind, PromptTemplateDict, PromptType
from .names import config_placeholders, declared_names
from .problems import Problem
from .reporting import Reporter, Spot

__all__ = ["CheckedPrompt", "idle_configs", "idle_sections", "own_fills", "unfilled", "unused"]


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
        placed: Sections that its template places or refers to.
        fills: Placeholders of its own RAG configurations and of those that it inherits.
        asks: It has the placeholder ``RAG_CONTENT``, which it does not declare.
    """

    kind: PromptType
    name: str
    prompt: PromptTemplateDict
    at: Path
    reporter: Reporter
    bases: list[tuple[Kind, str]] = field(default_factory=list)
    used: set[str] | None = None
    placed: set[str] = field(default_factory=set)
    fills: dict[str, Path | None] = field(default_factory=dict)
    asks: bool = False


def unused(prompts: Sequence[CheckedPrompt], elsewhere: set[tuple[Kind, str]]) -> Iterator[Problem]:
    """What neither a prompt nor one that extends it uses; those that one ``elsewhere`` extends are left alone."""
    heirs: dict[tuple[Kind, str], list[CheckedPrompt]] = {}
    for checked in prompts:
        for base in checked.bases:
            heirs.setdefault(base, []).append(checked)
    for checked in prompts:
        if checked.used is None or (checked.kind, checked.name) in elsewhere:
            continue
        family = [checked, *heirs.get((checked.kind, checked.name), ())]
        if all(each.used is not None for each in family):
            yield from _of_family(checked, family)


def _of_family(checked: CheckedPrompt, family: list[CheckedPrompt]) -> Iterator[Problem]:
    prompt, report = cast("dict[str, Any]", checked.prompt), checked.reporter
    used = {name for each in family for name in each.used or ()}
    known = declared_names(prompt)
    for name, path in known.items():
        if name not in used:
            yield report.unused(name, (*checked.at, *path), used - known.keys())
    placed = used.union(*(each.placed for each in family))
    yield from idle_sections(prompt, placed, checked.at, report)
    yield from idle_configs(checked.fills, used, report)
    if checked.asks and not any(PLACEHOLDER in each.fills for each in family):
        yield unfilled((*checked.at, "template"), report)


def idle_sections(prompt: Mapping[str, Any], placed: set[str], at: Path, report: Reporter) -> Iterator[Problem]:
    """Own sections of a prompt that no template places."""
    for name in prompt.get("sections", ()):
        if name not in placed:
            near = did_you_mean(name, placed - prompt["sections"].keys())
            yield report.problem(
                f"The section {name!r} is placed nowhere.{near}",
                Spot((*at, "sections", name), at_key=True),
                severity="warning",
                hint=f"Place it in the template as {{{{{name}}}}}, or take it away.",
            )


def idle_configs(fills: Mapping[str, Path | None], used: set[str], report: Reporter) -> Iterator[Problem]:
    """RAG configurations whose results no template shows; ``fills`` has the place of each that is the prompt's own."""
    for name, path in fills.items():
        if path is not None and name not in used:
            yield report.problem(
                f"No template uses {{{{{name}}}}}, which the results of this search become.{did_you_mean(name, used)}",
                Spot(path),
                severity="warning",
                hint=f"Put {{{{{name}}}}} where the results should stand, or take the search away.",
            )


def unfilled(path: Path, report: Reporter) -> Problem:
    """The problem of a template that shows the results of a search, and has none."""
    return report.problem(
        f"The template uses {PLACEHOLDER!r}, and no RAG configuration fills it.",
        Spot(path, word=PLACEHOLDER),
        severity="warning",
        hint="Give the prompt 'rag_config_refs' or 'rag_configs', or declare it under 'parameters'.",
    )


def own_fills(
    prompt: Mapping[str, Any], whole: Mapping[str, Any], at: Path, lookup: AbstractPromptLibrary
) -> dict[str, Path | None]:
    """The placeholders of a prompt's configurations, with the path of each that is its own."""
    found: dict[str, Path | None] = {name: None for name, _ in config_placeholders(whole, lookup)}
    own = {name: (*at, *path) for name, path in config_placeholders(prompt, lookup)}
    return {**found, **own}
