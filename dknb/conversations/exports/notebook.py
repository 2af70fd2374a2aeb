"""A path as a notebook whose cells ask the same questions again."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import groupby
from typing import Any

from ...llm.parts import DocumentPart, ImagePart
from ..node import ConversationNode
from ..tree import Tree
from .defused import writable

__all__ = ["path_as_notebook"]

NodeTree = Tree[ConversationNode]
Cell = dict[str, Any]

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def path_as_notebook(conversation_id: str, nodes: Iterable[NodeTree]) -> dict[str, Any]:
    """A notebook (format 4.5, as JSON data); see `ConversationReader.to_notebook`."""
    cells = [_code("dknb-setup", f"%load_ext dknb\n%dknb conversation {_word(conversation_id)}")]
    cells += _cells(list(nodes))
    return {"cells": cells, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}


def _word(name: str) -> str:
    """A name as a word of a magic's line."""
    if re.fullmatch(r"\w[\w.:/@+-]*", name):
        return name
    before = "-- " if name.startswith("-") else ""
    # In a quote of the one kind there is none of this kind; so a name with both is several quotes, one after the other.
    pieces = re.findall(r"[^\"]+|\"+", name)
    return before + "".join(f"'{piece}'" if '"' in piece else f'"{piece}"' for piece in pieces)


def _cells(nodes: list[NodeTree]) -> Iterator[Cell]:
    system = None
    if nodes and nodes[0].parent is None and nodes[0].data.role == "system":
        system = nodes.pop(0).data.message.content
    cell: Cell | None = None
    calls: NodeTree | None = None
    for kind, group in groupby(nodes, lambda node: node.data.role):
        together = list(group)
        if kind == "tool" and calls is not None:
            cell = _code(_id(together[0]), f"%%chat --result\n{_results(calls, together)}")
            yield cell
            continue
        for node in together:
            if kind == "assistant" and cell is not None:
                cell["outputs"] += _outputs(node.data)
                calls = node if node.data.message.tool_calls else None
                continue
            cell = _question(node, system) if kind == "user" and node.data.message.content.strip() else None
            system = None if cell is not None else system
            yield cell or _raw(node)


def _question(node: NodeTree, system: str | None) -> Cell:
    text = node.data.message.content
    attached = [part for part in node.data.message.parts if isinstance(part, ImagePart | DocumentPart)]
    if system is None and not attached:
        return _code(_id(node), f"%%chat\n{text}")
    # A magic's line holds no line breaks, and no data of images: so they are given in Python.
    given = [repr(text)] if system is None else [repr(text), f"system={system!r}"]
    imports = "from dknb import chat\n"
    if attached:
        imports += f"from dknb.llm import {', '.join(sorted({type(part).__name__ for part in attached}))}\n"
        given.append(f"attach=[{', '.join(map(_written, attached))}]")
    return _code(_id(node), f"{imports}\nchat({', '.join(given)})")


def _written(part: ImagePart | DocumentPart) -> str:
    """A part as Python."""
    told = {each.name: getattr(part, each.name) for each in fields(part)}
    return f"{type(part).__name__}({', '.join(f'{name}={value!r}' for name, value in told.items() if value)})"


def _results(calls: NodeTree, results: list[NodeTree]) -> str:
    """What tools answered, as ``%%chat --result`` takes it: the text, or where there are several, a JSON object."""
    if len(results) == 1:
        return results[0].data.message.content
    asked = {call.id: call.name for call in calls.data.message.tool_calls}
    times = Counter(asked.values())
    told: dict[str, str] = {}
    for node in results:
        identity = node.data.message.tool_call_id
        name = asked.get(identity) or node.data.message.name or ""
        told[name if times[name] <= 1 else identity or name] = node.data.message.content
    return json.dumps(told, ensure_ascii=False, indent=1)


def _outputs(node: ConversationNode) -> list[dict[str, Any]]:
    # As text alone: what a model says is not rendered in a page before dknb has looked at it, which a run does.
    said = {"output_type": "display_data", "data": {"text/plain": writable(node.message.content)}, "metadata": {}}
    if node.state == "complete":
        return [said]
    return [said, {"output_type": "stream", "name": "stderr", "text": "The answer was cut.\n"}]


def _code(identity: str, source: str) -> Cell:
    return {
        "cell_type": "code",
        "id": identity,
        "metadata": {},
        "source": writable(source),
        "execution_count": None,
        "outputs": [],
    }


def _raw(node: NodeTree) -> Cell:
    parts = [part for part in node.data.message.parts if isinstance(part, ImagePart | DocumentPart)]
    source = "\n".join([f"{node.data.role}: {node.data.message.content}", *map(_written, parts)])
    return {"cell_type": "raw", "id": _id(node), "metadata": {}, "source": writable(source)}


def _id(node: NodeTree) -> str:
    """The id of a node's cell, the same in each export."""
    return f"node-{node.data.seq}" if node.data.seq is not None else f"node-at-{node.depth}"
