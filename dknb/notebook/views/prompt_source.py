"""The picture of a prompt as its author wrote it, and of how two of them differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...conversations.diff import WordRun
from .table import table_bundle
from .text import chip, escape, note, printable, verbatim
from .words import words_as_html, words_as_text

__all__ = ["Difference", "ParameterLine", "PromptSource", "difference_bundle", "source_bundle"]

_MUTED = "color:var(--jp-ui-font-color2, #616161)"
_CODE = (
    "white-space:pre-wrap;overflow-wrap:anywhere;font-family:var(--jp-code-font-family, monospace);"
    "border-left:3px solid var(--jp-border-color1, #bdbdbd);padding:4px 10px;margin:4px 0"
)
#: What a reader looks for in a template: variables, blocks, comments, and the brackets of optional parts.
_MARKS = re.compile(r"(\{\{[^{}]*\}\})|(\{%[^{}]*%\})|(\{#[^{}]*#\})|(\(\(|\)\))")  # linear in the text
_STYLES = (
    "color:var(--jp-brand-color1, #1976d2);font-weight:bold",
    "color:var(--jp-info-color0, #00695c)",
    f"{_MUTED};font-style:italic",
    "color:var(--jp-warn-color0, #a35200);font-weight:bold",
)
#: Versions that are listed; %prompts diff takes all of them.
_VERSIONS = 12
_HEAD = ("parameter", "type", "required", "default", "description")


@dataclass(frozen=True)
class ParameterLine:
    """A parameter: its name, its type ("" where none is declared), and what is said about it; ``default`` as Python."""

    name: str
    type: str
    required: bool
    default: str | None
    description: str


@dataclass(frozen=True)
class PromptSource:
    """A prompt as it was written.

    Attributes:
        name: Its name.
        kind: ``user`` or ``system``.
        version: The version that its metadata tell.
        description: What it is for.
        file: Where it lies.
        bases: What it extends, the nearest first.
        template: Its own template; None where it is inherited.
        sections: Its own sections.
        parameters: Its parameters, those of its bases included.
        more: Its other keys, as YAML.
        variants: How many prompts have this name.
        when_to_use: When to use it.
        versions: The numbers of its versions, the newest first.
        messages: Who says what, in a sequence of messages.
    """

    name: str
    kind: str
    version: str | None = None
    description: str = ""
    file: str | None = None
    bases: Sequence[str] = ()
    template: str | None = None
    sections: Mapping[str, str] = field(default_factory=dict)
    parameters: Sequence[ParameterLine] = ()
    more: str = ""
    variants: int = 1
    when_to_use: str = ""
    versions: Sequence[str] = ()
    messages: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Difference:
    """A key in which two prompts differ, and the words that do."""

    key: str
    words: Sequence[WordRun]


def source_bundle(source: PromptSource) -> dict[str, str]:
    """A prompt's source as a MIME bundle: HTML and text."""
    texts = [("template", source.template), *((f"section {name}", text) for name, text in source.sections.items())]
    pieces = [*source.messages, *((title, text) for title, text in texts if text is not None)]
    if source.more:
        pieces.append(("other keys", source.more))
    table = _parameters(source)
    plain = [*_facts(source), *(f"\n{title}\n{text}" for title, text in pieces)]
    return {
        "text/plain": printable("\n".join(plain)) + (f"\n\n{table['text/plain']}" if table else ""),
        "text/html": verbatim(_heading(source) + "".join(_piece(*piece) for piece in pieces))
        + (table["text/html"] if table else ""),
    }


def _facts(source: PromptSource) -> list[str]:
    facts = [source.kind, f"version {source.version}" if source.version else "", source.file or ""]
    lines = [f"{source.name} · {' · '.join(fact for fact in facts if fact)}"]
    if source.description:
        lines.append(source.description)
    if source.when_to_use:
        lines.append(f"when to use: {source.when_to_use}")
    if source.bases:
        lines.append(f"extends {' → '.join(source.bases)}")
    if source.versions:
        lines.append(f"versions: {_some(source.versions)}")
    if source.variants > 1:
        lines.append(f"variant 0 of {source.variants}; the file has them all")
    return lines


def _some(versions: Sequence[str]) -> str:
    left = len(versions) - _VERSIONS
    return ", ".join(versions[:_VERSIONS]) + (f" and {left} older" if left > 0 else "")


def _heading(source: PromptSource) -> str:
    chips = [chip(source.kind, strong=True), *([chip(f"version {source.version}")] if source.version else [])]
    file = f'<span style="{_MUTED}">{escape(source.file)}</span>' if source.file else ""
    rest = "".join(f'<div style="{_MUTED}">{escape(line)}</div>' for line in _facts(source)[1:])
    return f"<div><b>{escape(source.name)}</b> {' '.join([*chips, file])}</div>{rest}"


def _piece(title: str, text: str) -> str:
    label = f'<div style="{_MUTED};font-size:90%;margin-top:6px">{escape(title)}</div>' if title != "template" else ""
    return f'{label}<div style="{_CODE}">{_marked(text)}</div>'


def _marked(text: str) -> str:
    """A template as HTML, with what is not plain text coloured."""
    pieces, at = [], 0
    for match in _MARKS.finditer(text):
        style = _STYLES[(match.lastindex or 1) - 1]
        pieces += [escape(text[at : match.start()]), f'<span style="{style}">{escape(match[0])}</span>']
        at = match.end()
    return "".join([*pieces, escape(text[at:])])


def _parameters(source: PromptSource) -> dict[str, str] | None:
    if not source.parameters:
        return None
    rows = [
        (line.name, line.type, "yes" if line.required else "", line.default or "", line.description)
        for line in source.parameters
    ]
    used = [0, *(column for column in range(1, len(_HEAD)) if any(row[column] for row in rows))]
    return table_bundle(
        [_HEAD[column] for column in used], [[row[column] for column in used] for row in rows], title="parameters"
    )


def difference_bundle(title: str, differences: Sequence[Difference]) -> dict[str, str]:
    """How two prompts differ as a MIME bundle: HTML and text."""
    if not differences:
        return note(f"{title}: no difference")
    plain = "\n".join([title, *(words_as_text(each.key, each.words) for each in differences)])
    markup = "".join(words_as_html(each.key, each.words) for each in differences)
    return {"text/plain": printable(plain), "text/html": verbatim(f"<b>{escape(title)}</b>{markup}")}
