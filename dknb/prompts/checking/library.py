"""What is wrong in a prompt library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from ...errors import DknbError, PromptError
from ..files import load_file_text, read_entry
from ..library import AbstractPromptLibrary
from ..types import KINDS, Entry, Kind, PromptTemplateDict, PromptType
from .messages import check_messages
from .problems import Problem
from .prompts import (
    CheckedPrompt,
    check_prompt,
    check_rag,
    check_template,
    declared_names,
)
from .reporting import Reporter, Spot
from .schema import schema_errors

__all__ = ["library_problems"]


def library_problems(library: AbstractPromptLibrary, lookup: AbstractPromptLibrary) -> list[Problem]:
    """All that is wrong in the entries of ``library``; bases and references are looked up in ``lookup``."""
    return _Check(library, lookup).problems()


class _Check:
    """One pass through a library."""

    def __init__(self, library: AbstractPromptLibrary, lookup: AbstractPromptLibrary) -> None:
        self.library = library
        self.lookup = lookup
        self.prompts: list[CheckedPrompt] = []

    def problems(self) -> list[Problem]:
        """The problems, by kind, name and place."""
        found = [problem for kind in KINDS for problem in self._of_kind(kind)]
        return sorted([*found, *self._unused()], key=_order)

    def _of_kind(self, kind: Kind) -> Iterator[Problem]:
        try:
            names = _LISTS[kind](self.library)
        except PromptError as error:
            yield Reporter(kind, "", None).failure(error, Spot())
            return
        for name in names:
            yield from self._of_entry(kind, name)

    def _of_entry(self, kind: Kind, name: str) -> Iterator[Problem]:
        report = Reporter(kind, name, None)
        try:
            source = self.library.source(kind, name)
            if source is None:
                yield from self._of_content(kind, name, self._kept(kind, name), report)
                return
            report = Reporter(kind, name, source)
            data = load_file_text(source.text, suffix=source.suffix, source_name=source.file)
            if refused := list(_refused(kind, data, report)):
                yield from refused
                return
            entry = read_entry(kind, data, source.text, suffix=source.suffix, source_name=source.file)
            yield from self._of_content(kind, name, entry, report)
        except DknbError as error:
            yield report.failure(error, Spot())

    def _kept(self, kind: Kind, name: str) -> Entry:
        """An entry that lies in no file."""
        if kind == "messages":
            return self.library.get_message_index(name) or {}
        if kind == "rag":
            return self.library.get_rag_config(name) or {}
        variants: list[PromptTemplateDict] = []
        while (prompt := self.library.find_prompt(name, kind, len(variants))) is not None:
            variants.append(prompt)
        if not variants:
            raise PromptError("Its file is a link that leads nowhere.")
        return tuple(variants)

    def _of_content(self, kind: Kind, name: str, entry: Entry, report: Reporter) -> Iterator[Problem]:
        if kind == "messages":
            yield from check_messages(cast(dict[str, Any], entry), name, report, self.lookup)
        elif kind == "rag":
            yield from check_rag(cast(dict[str, Any], entry), (), report)
        else:
            yield from self._of_prompts(kind, name, cast(tuple[PromptTemplateDict, ...], entry), report)

    def _of_prompts(
        self, kind: PromptType, name: str, variants: tuple[PromptTemplateDict, ...], report: Reporter
    ) -> Iterator[Problem]:
        for index, variant in enumerate(variants):
            at = (index,) if len(variants) > 1 else ()
            checked = CheckedPrompt(kind, name, variant, at, report)
            self.prompts.append(checked)
            yield from check_prompt(checked, self.lookup)

    def _unused(self) -> Iterator[Problem]:
        """Parameters that a prompt declares, and neither it nor a prompt that extends it uses."""
        heirs: dict[tuple[Kind, str], list[CheckedPrompt]] = {}
        for checked in self.prompts:
            for base in checked.bases:
                heirs.setdefault(base, []).append(checked)
        elsewhere = self._extended_elsewhere()
        for checked in self.prompts:
            if checked.used is None or (checked.kind, checked.name) in elsewhere:
                continue
            family = [checked, *heirs.get((checked.kind, checked.name), ())]
            if any(each.used is None for each in family):
                continue
            used = {name for each in family for name in each.used or ()}
            known = declared_names(cast(dict[str, Any], checked.prompt))
            for name, path in known.items():
                if name not in used:
                    yield checked.reporter.unused(name, (*checked.at, *path), used - known.keys())

    def _extended_elsewhere(self) -> set[tuple[Kind, str]]:
        """Prompts that one of another library of a composite may extend."""
        if self.lookup is self.library:
            return set()
        extended: set[tuple[Kind, str]] = set()
        kinds: tuple[PromptType, PromptType] = ("system", "user")
        for kind in kinds:
            for name in _LISTS[kind](self.lookup):
                try:
                    base = (self.lookup.find_prompt(name, kind) or {}).get("extends")
                except PromptError:
                    continue
                if base is not None:
                    extended |= {("system", base), ("user", base)}
        return extended


def _refused(kind: Kind, data: object, report: Reporter) -> Iterator[Problem]:
    """What the schema of such files refuses."""
    errors = schema_errors(kind, data)
    yield from map(report.field, errors)
    if errors and isinstance(data, dict):
        mode = data.get("template_mode", data.get("mode"))
        template = {"template": data.get("template"), "template_mode": "jinja2" if mode == "jinja2" else "mixed"}
        yield from check_template(template, (), report)


def _order(problem: Problem) -> tuple[int, str, int, int]:
    kind = KINDS.index(problem.kind) if problem.kind is not None else -1
    return kind, problem.name or "", problem.line or 0, problem.column or 0


_LISTS: dict[Kind, Callable[[AbstractPromptLibrary], list[str]]] = {
    "system": lambda library: library.list_system_prompts(),
    "user": lambda library: library.list_user_prompts(),
    "messages": lambda library: library.list_message_indexes(),
    "rag": lambda library: library.list_rag_configs(),
}
