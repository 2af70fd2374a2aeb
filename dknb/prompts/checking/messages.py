"""What is wrong in one message index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from ...errors import DknbError, PromptError
from ..checks import Path
from ..compose import inherit
from ..library import AbstractPromptLibrary
from ..plan import plan_of
from ..types import PromptTemplateDict
from .problems import Problem
from .prompts import broken_base, check_adapters, check_defaults, declared_names, names_used
from .reporting import Reporter, Spot

__all__ = ["check_messages"]


def check_messages(
    index: Mapping[str, Any], name: str, report: Reporter, lookup: AbstractPromptLibrary
) -> Iterator[Problem]:
    """The problems of a message index: each message is a prompt with the other keys of the index."""
    shared = cast(PromptTemplateDict, {key: value for key, value in index.items() if key != "messages"})
    yield from check_adapters(index, (), report, lookup)
    whole = shared
    try:
        whole = inherit(shared, name, lookup).prompt
    except PromptError as error:
        yield broken_base(error, report, Spot(("extends",)))
    yield from check_defaults(whole, index, (), report)
    used: set[str] | None = {name for name in _examples(index) if name is not None}
    for path, message in _messages(index):
        try:
            plan = plan_of({**whole, "template": message["content"]}, name, "user")
        except DknbError as error:
            yield report.failure(error, Spot((*path, "content")))
            used = None
            continue
        found = names_used(plan, lookup)
        used = used | found if used is not None and found is not None else None
    if used is not None:
        yield from _unused(index, used, report)


def _unused(index: Mapping[str, Any], used: set[str], report: Reporter) -> Iterator[Problem]:
    for name, path in declared_names(index).items():
        if name not in used:
            yield report.unused(name, path, ())


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
