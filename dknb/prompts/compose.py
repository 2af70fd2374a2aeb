"""Prompts made of others: ``extends`` takes the keys of a base, ``sections`` place named pieces of template.

Both work on templates before any value is known, so a value is never read as template. The text that comes out
remembers where each piece came from, so an error names the section and the line in it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, cast

from ..errors import PromptError, PromptNotFound, TemplateError, did_you_mean
from .library import AbstractPromptLibrary
from .types import PromptTemplateDict, PromptType

__all__ = ["Composed", "compose", "inherit", "metadata_of"]

#: Characters that sections may make of a template; pieces that place each other twice double it each time.
MAX_LENGTH = 5_000_000
#: Sections that may be placed in one template.
MAX_PLACED = 10_000
#: Bases below one prompt, and sections within sections.
MAX_DEPTH = 50

# The parts of Jinja's grammar that may hold what looks like a placement, and is none.
_OPENING = re.compile(r"\{(?=\{\{)|\{\{|\{%|\{#")
_PLACEMENT = re.compile(r"\{\{([-+]?)\s*(\w+)\s*([-+]?)\}\}")
_RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}")
_END_RAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_STRINGS = r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+\""""
_TAG = re.compile(rf"\{{%(?:[^'\"%]|%(?!\}})|{_STRINGS})*+%\}}", re.DOTALL)
_EXPRESSION = re.compile(rf"\{{\{{(?:[^'\"}}]|\}}(?!\}})|{_STRINGS})*+\}}\}}", re.DOTALL)


#: What metadata say about one prompt, and not about those that extend it.
_IDENTITY = frozenset({"description", "id", "name", "title", "use", "version", "when_to_use"})

#: The type and name of a prompt that was looked up, and what was found.
Lookup = tuple[PromptType, str, PromptTemplateDict | None]


class Inherited(NamedTuple):
    """A prompt with all that it inherits, and the bases that were looked up for it."""

    prompt: PromptTemplateDict
    lookups: tuple[Lookup, ...]


def inherit(
    prompt: PromptTemplateDict, name: str, library: AbstractPromptLibrary, prompt_type: PromptType | None = None
) -> Inherited:
    """The prompt with the keys that it inherits: system prompts are looked up first, then user prompts.

    ``sections``, ``defaults`` and ``metadata`` are merged name by name, RAG configurations joined; every other key of
    the prompt replaces the one of its base. ``prompt_type`` is None for a prompt that is not in the library: it may
    extend a prompt of its own name.

    Raises:
        PromptNotFound: A base does not exist; the message has the chain that leads there.
        PromptError: The chain comes back to where it was.
    """
    lineage, chain = [prompt], [name]
    lookups: list[Lookup] = []
    seen: set[tuple[PromptType | None, str]] = {(prompt_type, name)}
    while (base_name := lineage[-1].get("extends")) is not None:
        chain.append(base_name)
        kind, base = _base(base_name, chain, library, lookups)
        if (kind, base_name) in seen or len(seen) > MAX_DEPTH:
            raise PromptError(
                f"Prompt {name!r} inherits without end: {' -> '.join(chain)}.",
                hint="Take the 'extends' out of one of them.",
            )
        seen.add((kind, base_name))
        lineage.append(base)
    merged = lineage.pop()
    while lineage:
        merged = _merge(merged, lineage.pop())
    return Inherited(merged, tuple(lookups))


def metadata_of(prompt: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be told of a prompt in lists and of its versions: its own metadata, and what it inherits of use to it.

    What a base is called, what it is for and which version it is say nothing about the prompt.

    Args:
        prompt: Its own keys.
        whole: The same with those of its bases.
    """
    own = prompt.get("metadata", {})
    return {key: value for key, value in whole.get("metadata", {}).items() if key in own or key not in _IDENTITY}


def _base(
    name: str, chain: list[str], library: AbstractPromptLibrary, lookups: list[Lookup]
) -> tuple[PromptType, PromptTemplateDict]:
    kinds: tuple[PromptType, PromptType] = ("system", "user")
    for kind in kinds:
        base = library.find_prompt(name, kind)
        lookups.append((kind, name, base))
        if base is not None:
            return kind, base
    known = [*library.list_system_prompts(), *library.list_user_prompts()]
    raise PromptNotFound(
        f"Prompt {chain[-2]!r} extends {name!r}, which does not exist "
        f"({' -> '.join(chain)}).{did_you_mean(name, known)}",
        hint="Correct its 'extends', or write the base.",
    )


def _merge(base_prompt: PromptTemplateDict, child_prompt: PromptTemplateDict) -> PromptTemplateDict:
    base, child = cast(dict[str, Any], base_prompt), cast(dict[str, Any], child_prompt)
    merged = {**base, **child}
    merged.pop("extends", None)
    for key in ("sections", "parameters", "defaults", "metadata"):
        if key in base and key in child:
            merged[key] = {**base[key], **child[key]}
    for key in ("rag_config_refs", "rag_configs"):
        if key in base and key in child:
            own = [item for item in child[key] if item not in base[key]]
            merged[key] = [*base[key], *own]
    return cast(PromptTemplateDict, merged)


@dataclass(frozen=True)
class Composed:
    """A template with its sections in place.

    Attributes:
        text: The template.
        origins: Where each piece of it came from: its offset in ``text``, the section's name (None: the template
            itself), the text of that section, and the offset there.
    """

    text: str
    origins: tuple[tuple[int, str | None, str, int], ...]

    def placed(self, error: TemplateError, prompt_name: str) -> TemplateError:
        """The error with the place where its author finds it: the section, its line and column."""
        if error.line is None or len(self.origins) < 2:
            return error.named(prompt_name)
        lines = self.text.split("\n")
        offset = sum(len(line) + 1 for line in lines[: error.line - 1]) + (error.column or 1) - 1
        index = bisect_right(self.origins, offset, key=lambda origin: origin[0]) - 1
        start, section, source, inside = self.origins[max(index, 0)]
        position = min(inside + offset - start, len(source))
        line = source.count("\n", 0, position) + 1
        begin = source.rfind("\n", 0, position) + 1
        where = f" (in its section {section!r})" if section is not None else ""
        return TemplateError(
            error.message + where,
            prompt_name=prompt_name,
            line=line,
            column=position - begin + 1 if error.column is not None else None,
            source_line=source[begin:].split("\n", 1)[0],
            hint=error.hint,
        )


@lru_cache(maxsize=256)
def compose(template: str, sections: tuple[tuple[str, str], ...]) -> Composed:
    """The template with each ``{{NAME}}`` of a section replaced by that section, and so on inside it.

    A section is there before any parameter of its name. ``{{-NAME-}}`` takes the white space around it away, as in
    Jinja. Comments, raw blocks and strings of expressions are left alone.

    Raises:
        TemplateError: A section contains itself, or what comes out is too long.
    """
    builder = _Pieces(dict(sections))
    builder.place(template, [])
    return Composed("".join(builder.pieces), tuple(builder.origins))


class _Pieces:
    """The pieces of a template that is being composed."""

    def __init__(self, sections: Mapping[str, str]) -> None:
        self.sections = sections
        self.pieces: list[str] = []
        self.origins: list[tuple[int, str | None, str, int]] = []
        self.length = self.placed = 0

    def place(self, source: str, path: list[str]) -> None:
        """Add ``source``, which is the section at the end of ``path``, or the template itself."""
        section = path[-1] if path else None
        done = 0
        for start, end, name, trims_before, trims_after in _placements(source, self.sections):
            self._add(source[done:start], section, source, done)
            self._refuse_traps(name, path, source, start)
            self._add('{{- "" }}' if trims_before else "", section, source, start)
            self.place(self.sections[name], [*path, name])
            self._add('{{ "" -}}' if trims_after else "", section, source, start)
            done = end
        self._add(source[done:], section, source, done)

    def _add(self, text: str, section: str | None, source: str, offset: int) -> None:
        if text:
            self.origins.append((self.length, section, source, offset))
            self.pieces.append(text)
            self.length += len(text)

    def _refuse_traps(self, name: str, path: list[str], source: str, start: int) -> None:
        if name in path:
            problem = f"Section {name!r} contains itself: {' -> '.join([*path[path.index(name) :], name])}."
        elif len(path) >= MAX_DEPTH or self.length > MAX_LENGTH or self.placed >= MAX_PLACED:
            problem = "Its sections make a template that is too long."
        else:
            self.placed += 1
            return
        begin = source.rfind("\n", 0, start) + 1
        raise TemplateError(
            problem,
            line=source.count("\n", 0, start) + 1,
            column=start - begin + 1,
            source_line=source[begin:].split("\n", 1)[0],
        )


def _placements(source: str, sections: Mapping[str, str]) -> Iterator[tuple[int, int, str, bool, bool]]:
    """Start, end, name and the two trims of each placement. A tag that does not end, ends the search."""
    at = 0
    while (opening := _OPENING.search(source, at)) is not None:
        start, at = opening.span()
        placement = _PLACEMENT.match(source, start)
        if placement is not None and placement[2] in sections:
            at = placement.end()
            yield start, at, placement[2], placement[1] == "-", placement[3] == "-"
        elif opening[0] != "{":
            at = _end_of_tag(source, start, opening[0])
            if at < 0:
                return


def _end_of_tag(source: str, start: int, opening: str) -> int:
    """Where the tag, comment or raw block that begins at ``start`` ends; -1 when it does not."""
    if opening == "{#":
        end = source.find("#}", start + 2)
        return end + 2 if end >= 0 else -1
    if opening == "{{":
        found = _EXPRESSION.match(source, start)
    elif (raw := _RAW.match(source, start)) is not None:
        found = _END_RAW.search(source, raw.end())
    else:
        found = _TAG.match(source, start)
    return found.end() if found is not None else -1
