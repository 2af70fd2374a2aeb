"""What is wrong in a prompt library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from ...errors import DknbError, PromptError
from ..compose import inherit
from ..files import load_file_text, read_entry
from ..library import AbstractPromptLibrary
from ..types import KINDS, Entry, Kind, PromptTemplateDict, PromptType
from .families import CheckedPrompt, unused
from .messages import check_messages
from .problems import Problem
from .prompts import broken_base, check_prompt
from .references import References
from .reporting import Reporter, Spot
from .schema import schema_errors
from .templates import check_adapters, check_rag, check_template

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
        self.references = References(lookup)

    def problems(self) -> list[Problem]:
        """The problems, by kind, name and place."""
        found = [problem for kind in KINDS for problem in self._of_kind(kind)]
        return sorted([*found, *unused(self.prompts, self._extended_elsewhere())], key=_order)

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
            if refused := list(map(report.field, schema_errors(kind, data))):
                yield from refused
                yield from self._besides(kind, name, data, report)
                return
            try:
                entry = read_entry(kind, data, source.text, suffix=source.suffix, source_name=source.file)
            except PromptError as error:
                yield report.failure(error, Spot())
                yield from self._besides(kind, name, data, report)
                return
            yield from self._of_content(kind, name, entry, report)
        except DknbError as error:
            yield report.failure(error, Spot())

    def _besides(self, kind: Kind, name: str, data: object, report: Reporter) -> Iterator[Problem]:
        """What else is wrong in data that the schema refuses: one mistake hides no other."""
        if kind == "rag" or not isinstance(data, dict):
            return
        mode = data.get("template_mode", data.get("mode"))
        yield from check_template({**data, "template_mode": "jinja2" if mode == "jinja2" else "mixed"}, (), report)
        refs = data.get("rag_config_refs")
        if isinstance(refs, list) and all(isinstance(each, str) for each in refs):
            yield from check_adapters({"rag_config_refs": refs}, (), report, self.lookup)
        if isinstance(data.get("extends"), str):
            try:
                inherit({"extends": data["extends"]}, name, self.lookup, kind if kind != "messages" else None)
            except PromptError as error:
                yield broken_base(error, report, Spot(("extends",)))

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
            yield from check_prompt(checked, self.lookup, self.references)

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


def _order(problem: Problem) -> tuple[int, str, int, int]:
    kind = KINDS.index(problem.kind) if problem.kind is not None else -1
    return kind, problem.name or "", problem.line or 0, problem.column or 0


_LISTS: dict[Kind, Callable[[AbstractPromptLibrary], list[str]]] = {
    "system": lambda library: library.list_system_prompts(),
    "user": lambda library: library.list_user_prompts(),
    "messages": lambda library: library.list_message_indexes(),
    "rag": lambda library: library.list_rag_configs(),
}
