"""Tables of prompts (``.csv``, ``.tsv``): a row each, with its name and its text."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...errors import PromptFileError, TemplateError
from ...templates import compile_template
from .._disk import MAX_BYTES
from ..types import Kind
from .imported import ImportedPrompt

__all__ = ["read_table"]

_NAMES = ("name", "act", "title", "id")
_TEXTS = ("template", "prompt", "text", "content")
_KINDS = ("kind", "prompt_type", "type", "role")
#: What collections of prompts write for a value to be filled in: ``${Position:Software Developer}``. A shell's
#: ``${x:-y}`` is none.
_FILLED_IN = re.compile(r"\$\{([^\W\d][\w ]*):(?![-=?+])([^{}]*)\}")
_SECTION = re.compile(r"\(\(.*?\{\{.*?\}\}.*?\)\)", re.DOTALL)


def read_table(text: str, file: str) -> list[ImportedPrompt | PromptFileError]:
    """The prompts of a table, and errors in place of rows that are none.

    Its first row names the columns; those that mean nothing here become metadata. ``${Name:value}`` becomes a parameter
    with a default.

    Raises:
        PromptFileError: A column is missing, or it is no table.
    """
    before = csv.field_size_limit(MAX_BYTES)  # its own bound is a hundredth of what a prompt may be
    try:
        return list(_rows(text, file))
    except csv.Error as error:
        raise PromptFileError(f"It cannot be read as a table: {error}.", file=file) from error
    finally:
        csv.field_size_limit(before)


def _rows(text: str, file: str) -> Iterator[ImportedPrompt | PromptFileError]:
    lines = csv.reader(io.StringIO(text), delimiter="\t" if file.endswith(".tsv") else ",", strict=True)
    header = [column.strip().lower() for column in next(lines, [])]
    columns = _Columns(
        header,
        _column(header, _NAMES, "name", file),
        _column(header, _TEXTS, "template", file),
        next((header.index(each) for each in _KINDS if each in header), None),
    )
    seen: dict[str, int] = {}
    start = lines.line_num + 1
    for row in lines:
        at, start = start, lines.line_num + 1
        if not any(row):
            continue
        try:
            prompt = _row(row, columns, file, at, seen)
        except PromptFileError as error:
            yield error
            continue
        seen[prompt.name] = at
        yield prompt


class _Columns(NamedTuple):
    """The names of the columns, and which of them hold what."""

    header: list[str]
    name: int
    text: int
    kind: int | None


def _row(row: list[str], columns: _Columns, file: str, at: int, seen: Mapping[str, int]) -> ImportedPrompt:
    header, name_at, text_at, kind_at = columns
    if len(row) != len(header):
        message = f"The row has {len(row)} fields, the first one {len(header)}."
        raise PromptFileError(message, file=file, line=at, column=1)
    name = _slug(row[name_at])
    if not name or not row[text_at].strip():
        raise PromptFileError("The row has no name, or no text.", file=file, line=at, column=1)
    if name in seen:
        message = f"The name {name!r} is in line {seen[name]} already."
        raise PromptFileError(message, file=file, line=at, column=1)
    kind: Kind = "system" if kind_at is not None and row[kind_at].strip().lower() == "system" else "user"
    others = {column: row[index] for index, column in enumerate(header) if index not in (name_at, text_at)}
    return _prompt(name, kind, row[name_at], row[text_at], others, f"{file}, line {at}")


def _prompt(name: str, kind: Kind, title: str, text: str, others: Mapping[str, str], source: str) -> ImportedPrompt:
    metadata = {**({"title": title} if title != name else {}), **{key: value for key, value in others.items() if value}}
    text, defaults = _with_parameters(text)
    # Parentheses that hold no variable are text; only MIXED would take them for an optional section.
    mode = "mixed" if _SECTION.search(text) or "((" not in text else "jinja2"
    data = {"metadata": metadata, "defaults": defaults, "template_mode": mode, "template": text}
    try:
        compile_template(text, mode)
    except TemplateError as error:
        raise PromptFileError(f"The text is no template: {error}", file=source, hint=error.hint) from error
    notes = [f"{source}: ${{{each}:...}} is the parameter {each!r} now." for each in defaults]
    return ImportedPrompt(name, kind, {key: value for key, value in data.items() if value}, source, notes)


def _with_parameters(text: str) -> tuple[str, dict[str, str]]:
    """The text with parameters for what is to be filled in, and the values that stand there."""
    defaults: dict[str, str] = {}
    for name, value in _FILLED_IN.findall(text):
        defaults.setdefault(_identifier(name), value)
    text = _FILLED_IN.sub(lambda found: f"{{{{{_identifier(found[1])}}}}}", text)
    for name in defaults:
        text = text.replace(f"${{{name}}}", f"{{{{{name}}}}}")
    return text, defaults


def _identifier(name: str) -> str:
    return re.sub(r"\s+", "_", name.strip())


def _column(header: list[str], wanted: tuple[str, ...], noun: str, file: str) -> int:
    for each in wanted:
        if each in header:
            return header.index(each)
    raise PromptFileError(
        f"The table has no column {noun!r}.", file=file, line=1, column=1, hint=f"One of: {', '.join(wanted)}"
    )


def _slug(title: str) -> str:
    """A name of a file: ``Linux Terminal`` is ``linux-terminal``."""
    plain = unicodedata.normalize("NFKC", title).strip().lower()
    return re.sub(r"[^\w/]+", "-", plain).strip("-/")
