# ruff: noqa: D102, N802, N815 - Jinja calls a visitor's methods by these names, each for one kind of node
"""Changes to a parsed template that make the running one count, weigh and name what it does."""

from __future__ import annotations

from collections.abc import Iterable

from jinja2 import TemplateSyntaxError, nodes
from jinja2.visitor import NodeTransformer

from .scopes import SECTION

STEP = "(step)"
"""Filter at the start of a loop's body, and around its condition: counts one pass."""
TICK = "(tick)"
"""Filter around a comparison: looks at the clock."""
WATCH = "(watch)"
"""Filter around what is gone through: puts a bound on what may have no end."""
CONCAT = "(concat)"
"""Filter in place of ``~``: joins after looking at the lengths."""
MADE = "(made)"
"""Filter around a list, tuple or dict that the template makes: weighs it."""
CUT = "(cut)"
"""Filter around a slice: accounts for the copy."""
PATH = "(path)"
"""Filter around ``x.y``: an undefined one learns that its name is ``x.y``."""

_Chain = nodes.Getattr | nodes.Getitem


def _filter(node: nodes.Node, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)


class Guards(NodeTransformer):
    """Puts the filters above where they belong."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        step = _filter(nodes.Const(None, lineno=node.lineno), STEP)
        node.body.insert(0, nodes.ExprStmt(step, lineno=node.lineno))
        node.iter = _filter(node.iter, WATCH)
        if node.test is not None:
            node.test = _filter(node.test, STEP)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Expr:
        """A comparison takes as long as its sides are; one with a constant takes no time."""
        if all(isinstance(operand.expr, nodes.Const) for operand in node.ops):
            self.generic_visit(node)
            return node
        self.generic_visit(node)
        for operand in node.ops:
            if operand.op in ("in", "notin"):
                operand.expr = _filter(operand.expr, WATCH)
        return _filter(node, TICK)

    def visit_Call(self, node: nodes.Call) -> nodes.Call:
        self._spread(node)
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Filter:
        self._spread(node)
        return node

    def visit_FilterBlock(self, node: nodes.FilterBlock) -> nodes.FilterBlock:
        """What the filter gives is printed, so it becomes text: ``{% filter list %}``."""
        self.generic_visit(node)
        node.filter = _filter(node.filter, "string")
        return node

    def _spread(self, node: nodes.Call | nodes.Filter | nodes.Test) -> None:
        """``f(*items)`` goes through its items."""
        self.generic_visit(node)
        if node.dyn_args is not None:
            node.dyn_args = _filter(node.dyn_args, WATCH)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:
        self.generic_visit(node)
        return _filter(nodes.Tuple(node.nodes, "load", lineno=node.lineno), CONCAT)

    def visit_List(self, node: nodes.List) -> nodes.Expr:
        return self._weighed(node, node.items)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:
        return self._weighed(node, node.items) if node.ctx == "load" else node

    def visit_Dict(self, node: nodes.Dict) -> nodes.Expr:
        return self._weighed(node, [pair.value for pair in node.items])

    def _weighed(self, node: nodes.Expr, items: Iterable[nodes.Expr]) -> nodes.Expr:
        constant = all(isinstance(item, nodes.Const) for item in items)
        self.generic_visit(node)
        return node if constant else _filter(node, MADE)

    def visit_Test(self, node: nodes.Test) -> nodes.Test:
        if node.name != SECTION:
            self._spread(node)
        return node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Expr:
        return self._named(node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:
        return self._named(node)

    def _named(self, outermost: _Chain) -> nodes.Expr:
        """Give a whole chain ``x.y[z]`` its name; a chain that begins with no variable keeps its last part's."""
        path = ""
        link: _Chain = outermost
        while True:
            path = _step(link) + path
            if isinstance(link, nodes.Getitem):
                link.arg = self.visit(link.arg)
            if not isinstance(link.node, _Chain):
                break
            below = link.node
            link.node = _accounted(below)
            link = below
        whole = _accounted(outermost)
        if not isinstance(link.node, nodes.Name):
            link.node = self.visit(link.node)
            return whole
        name = nodes.Const(link.node.name + path, lineno=outermost.lineno)
        return _filter(whole, PATH, name)

    def _refuse(self, node: nodes.Stmt) -> nodes.Node:
        tag = "from" if isinstance(node, nodes.FromImport) else type(node).__name__.lower()
        raise TemplateSyntaxError(f"{{% {tag} %}} has nothing to load from: a template is one text here", node.lineno)

    visit_Extends = visit_Include = visit_Import = visit_FromImport = _refuse


def _accounted(link: _Chain) -> nodes.Expr:
    """The link, with an account kept of it if it is a slice."""
    return _filter(link, CUT) if isinstance(link, nodes.Getitem) and isinstance(link.arg, nodes.Slice) else link


def _step(link: _Chain) -> str:
    """How one step of a chain is written: ``.y`` for names, ``[0]`` or ``[key]`` for the rest."""
    if isinstance(link, nodes.Getattr):
        return f".{link.attr}"
    if isinstance(link.arg, nodes.Const):
        key = link.arg.value
        return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"
    return f"[{link.arg.name}]" if isinstance(link.arg, nodes.Name) else "[...]"
