"""Whether a parsed template can wait to be turned into Python until it is first rendered.

Turning it takes longer than all that comes before. A library of prompts is checked, listed and searched much more often
than all of it is rendered, so a template waits if nothing in it can fail on the way.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from ...errors import did_you_mean
from .environment import Sandbox

#: Nodes for which Jinja2 always has code; macros, calls of them and blocks have rules of their own.
_SURE = (
    nodes.Template,
    nodes.Output,
    nodes.If,
    nodes.For,
    nodes.Assign,
    nodes.ExprStmt,
    nodes.Literal,
    nodes.BinExpr,
    nodes.UnaryExpr,
    nodes.Name,
    nodes.Pair,
    nodes.Keyword,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Test,
    nodes.Call,
    nodes.Getitem,
    nodes.Getattr,
    nodes.Slice,
    nodes.Concat,
    nodes.Compare,
    nodes.Operand,
)
#: Nodes with nothing below them.
_LEAVES = (nodes.TemplateData, nodes.Name, nodes.Const)
#: Nesting that Python reads whatever it is made of, also when the guards have doubled it.
_DEPTH = 16
_LOOPS = 8


def surely_compiles(tree: nodes.Template, environment: Sandbox) -> bool:
    """Whether Jinja2 and Python accept the tree, as far as can be said without asking them; it has no guards yet."""
    level: list[tuple[nodes.Node, int]] = [(tree, 0)]
    for _ in range(_DEPTH):
        below: list[tuple[nodes.Node, int]] = []
        for node, loops in level:
            if loops > _LOOPS or not _is_sure(node, environment):
                return False
            if not isinstance(node, _LEAVES):
                inner = loops + isinstance(node, nodes.For)
                below += [(child, inner) for child in node.iter_child_nodes()]
        level = below
    return not level


def unknown_names(tree: nodes.Template, environment: Sandbox) -> Iterator[tuple[str, int]]:
    """Filters and tests that there are not, with their offsets: Jinja2 forgives them until their branch is taken."""
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        what, known = ("filter", environment.filters) if isinstance(node, nodes.Filter) else ("test", environment.tests)
        if node.name not in known:
            yield f"No {what} named {node.name!r}.{did_you_mean(node.name, known)}", node.lineno - 1


def _is_sure(node: nodes.Node, environment: Sandbox) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in environment.filters
    if isinstance(node, nodes.Test):
        return node.name in environment.tests
    if isinstance(node, nodes.Name):
        return node.ctx == "load" or node.name != "loop"
    return isinstance(node, _SURE)
