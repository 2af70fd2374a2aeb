"""A long template cut into several, which run one after the other.

Jinja2 makes one Python function of a template, and copies the names of all of it at each of its blocks: twice the text
takes four times as long. So a long template is cut where nothing that was bound before counts any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

__all__ = ["chunks"]

_LENGTH = 3_000  # characters of the source, at least about
_BINDING = (nodes.Assign, nodes.AssignBlock, nodes.Block, nodes.CallBlock, nodes.Macro)
"""What makes names that count further down, or that are looked for from anywhere."""


def chunks(tree: nodes.Template) -> list[nodes.Template]:
    """The parts of a template; the whole of it where its parts need each other."""
    if next(tree.find_all(_BINDING), None) is not None:
        return [tree]
    parts: list[list[nodes.Node]] = []
    end = -1
    for node in _pieces(tree.body):
        if not parts or node.lineno > end:
            parts.append([])
            end = node.lineno + _LENGTH
        parts[-1].append(node)
    return [nodes.Template(part, lineno=tree.lineno) for part in parts] or [tree]


def _pieces(body: list[nodes.Node]) -> Iterator[nodes.Node]:
    """The statements, those that print cut into prints of one thing each."""
    for node in body:
        if isinstance(node, nodes.Output):
            for child in node.nodes:
                yield nodes.Output([child], lineno=child.lineno)
        else:
            yield node
