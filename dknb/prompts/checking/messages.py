"""What is wrong in one message index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from ...errors import DknbError, PromptError, did_you_mean
from ..checks import Path
from ..compose import inherit
from ..library import AbstractPromptLibrary
from ..plan import Plan, plan_of
from ..rag.retrieval import PLACEHOLDER
from ..types import PromptTemplateDict
from .families import idle_configs, idle_sections, own_fills, unfilled
from .names import declared_names, names_used, placed_sections
from .problems import Problem
from .prompts import broken_base, check_defaults, check_version
from .reporting import Reporter, Spot
from .templates import check_adapters, check_plan, check_sections

__all__ = ["check_messages"]

_ROLES = ("system", "user", "assistant", "developer", "tool", "function")


def check_messages(
    index: Mapping[str, Any], name: str, report: Reporter, lookup: AbstractPromptLibrary
) -> Iterator[Problem]:
    """The problems of a message index: each message is a prompt with the other keys of the index."""
    shared = cast(PromptTemplateDict, {key: value for key, value in index.items() if key != "messages"})
    yield from check_adapters(index, (), report, lookup)
    yield from check_version(index, (), report)
    whole = shared
    try:
        whole = inherit(shared, name, lookup).prompt
    except PromptError as error:
        yield broken_base(error, report, Spot(("extends",)))
    yield from check_defaults(whole, index, (), report)
    plans: list[tuple[Path, Plan]] = []
    for path, message in _messages(index):
        yield from _check_role(message["role"], path, report)
        try:
            plan = plan_of({**whole, "template": message["content"]}, name, "user")
        except DknbError as error:
            yield report.failure(error, Spot((*path, "content")))
            continue
        yield from check_plan(plan, Spot((*path, "content")), report)
        plans.append((path, plan))
    if len(plans) == len(list(_messages(index))):
        yield from _check_names(index, whole, plans, report, lookup)


def _check_role(role: str, at: Path, report: Reporter) -> Iterator[Problem]:
    if role not in _ROLES:
        message = f"No model knows the role {role!r}.{did_you_mean(role, _ROLES)}"
        yield report.problem(message, Spot((*at, "role")), severity="warning", hint=f"One of: {', '.join(_ROLES[:3])}.")


def _check_names(
    index: Mapping[str, Any],
    whole: PromptTemplateDict,
    plans: list[tuple[Path, Plan]],
    report: Reporter,
    lookup: AbstractPromptLibrary,
) -> Iterator[Problem]:
    """What all messages together leave unused or unfilled."""
    placed = {section for _, plan in plans for section in placed_sections(plan)}
    found = [names_used(plan, lookup) for _, plan in plans]
    used = {name for name in _examples(index) if name is not None}.union(*(names or () for names in found))
    alone = placed - {name for _, plan in plans for name in plan.references}
    yield from check_sections(index.get("sections", {}), alone, whole.get("template_mode", "mixed"), (), report)
    if None not in found:
        fills = own_fills(index, whole, (), lookup)
        for name, path in declared_names(index).items():
            if name not in used:
                yield report.unused(name, path, ())
        yield from idle_sections(index, placed | used, (), report)
        yield from idle_configs(fills, used, report)
        if PLACEHOLDER not in {*fills, *declared_names(whole)} and not whole.get("rag_config_refs"):
            asking = (path for path, plan in plans if PLACEHOLDER in plan.template.variables)
            yield from (unfilled((*path, "content"), report) for path in asking)


def _messages(index: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Each message with its path, those of groups included."""
    for number, message in enumerate(index.get("messages", ())):
        if "examples" not in message:
            yield ("messages", number), message
            continue
        for inner, each in enumerate(message["messages"]):
            yield ("messages", number, "messages", inner), each


def _examples(index: Mapping[str, Any]) -> Iterator[str | None]:
    """The parameters that hold the examples of groups."""
    for message in index.get("messages", ()):
        examples = message.get("examples")
        yield examples if isinstance(examples, str) else None
