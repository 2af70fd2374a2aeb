"""A flow as Mermaid text, which JupyterLab and many viewers of Markdown draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .result import FlowStep
from .ways import Map, map_of, shown_times

if TYPE_CHECKING:
    from .definition import ConversationFlow

__all__ = ["mermaid_of"]

_STYLES = (
    "classDef taken fill:#dbeafe,stroke:#1d4ed8,stroke-width:2px,color:#111827",
    "classDef last fill:#bfdbfe,stroke:#1d4ed8,stroke-width:4px,color:#111827",
)


def mermaid_of(flow: ConversationFlow, steps: Sequence[FlowStep] = (), here: str | None = None) -> str:
    """The flow as a flowchart; the way that ``steps`` took is marked, with how often it was gone, and where a run is.

    States are numbered, and their names are quoted as data: whatever a name holds, it is shown and does nothing.
    """
    return "\n".join(["flowchart TD", *(f"    {line}" for line in _lines(map_of(flow, steps, here)))]) + "\n"


def _lines(drawn: Map) -> Iterator[str]:
    yield 'start(("&nbsp;"))'
    for number, (name, times) in enumerate(zip(drawn.names, drawn.visits, strict=True)):
        left, right = ("([", "])") if number in drawn.ends else ("[", "]")
        yield f's{number}{left}"{_quoted(name)}{shown_times(times)}"{right}'
    yield f"start --> s{drawn.first}"
    for way in drawn.ways:
        label = _quoted(" / ".join(way.names)) + shown_times(way.taken)
        yield f's{way.start} -->|"{label}"| s{way.goal}'
    yield from _STYLES
    for number, times in enumerate(drawn.visits):
        if times or number == drawn.last:
            yield f"class s{number} {'last' if number == drawn.last else 'taken'}"
    if taken := [str(index) for index, way in enumerate(drawn.ways, start=1) if way.taken]:
        yield f"linkStyle {','.join(taken)} stroke:#1d4ed8,stroke-width:3px"


def _quoted(text: str) -> str:
    """``text`` with every character that Mermaid, Markdown or HTML could read as more than itself as a number."""
    return "".join([char if char.isalnum() or char in " _-.,/…" else f"#{ord(char)};" for char in text])
