"""Whether a parsed template can wait to be turned into Python until it is first rendered.

Turning it takes longer than all that comes before. A library of prompts is checked, listed and searched much more often
than all of it is rendered, so a template waits if nothing in it can fail on the way.
"""

from __future__ import annotations

from jinja2 import nodes

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
#: Nesting that Python reads whatever it is made of.
_DEPTH = 25
_LOOPS = 8


def surely_compiles(tree: nodes.Template, environment: Sandbox) -> bool:
    """Whether Jinja2 and Python accept the tree, as far as can be said without asking them."""
    waiting: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    while waiting:
        node, depth, loops = waiting.pop()
        if depth > _DEPTH or loops > _LOOPS or not _is_sure(node, environment):
            return False
        inner = loops + isinstance(node, nodes.For)
        waiting += [(child, depth + 1, inner) for child in node.iter_child_nodes()]
    return True


def _is_sure(node: nodes.Node, environment: Sandbox) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in environment.filters
    if isinstance(node, nodes.Test):
        return node.name in environment.tests
    if isinstance(node, nodes.Name):
        return node.ctx == "load" or node.name != "loop"
    return isinstance(node, _SURE)
