# ruff: noqa: D102, N802, N815 - Jinja calls a visitor's methods by these names, each for one kind of node
"""Which names a template reads, and by which of them each of its sections is decided.

Names follow Jinja's scopes: what a loop, a macro or ``set`` binds is not a parameter where it is bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from jinja2 import nodes
from jinja2.visitor import NodeVisitor

SECTION = "(("
"""Name of the test that decides a section; no template can write it."""

PLAIN = "(plain)"
"""Name of the filter around a variable in a section: without a value it prints nothing."""

_JINJA_OWN = frozenset({"self", "super"})
_IN_MACRO = ("caller", "kwargs", "varargs")


def section(body: list[nodes.Node], lineno: int) -> nodes.If:
    """An optional section; `Scopes` fills in the names that decide it."""
    names = nodes.Tuple([], "load", lineno=lineno)
    test = nodes.Test(names, SECTION, [], [], None, None, lineno=lineno)
    return nodes.If(test, body, [], [], lineno=lineno)


def is_section(node: nodes.If) -> bool:
    """Whether this is what `section` made."""
    return isinstance(node.test, nodes.Test) and node.test.name == SECTION


@dataclass
class _Binding:
    """When a name was bound, and whether to what is no value: a macro, or ``loop``."""

    moment: int
    callable: bool = False


@dataclass
class _Open:
    """A section that is being read: when it began and the names that decide it."""

    moment: int
    names: dict[str, int] = field(default_factory=dict)


class Scopes(NodeVisitor):
    """Walks a template once; then `reads` tells its free names and its sections know theirs."""

    def __init__(self, functions: Iterable[str]) -> None:
        self._functions = frozenset(functions)
        self._bound: dict[str, _Binding] = {}
        self._sections: list[_Open] = []
        self._moment = 0
        self._reads: dict[str, int] = {}

    def reads(self) -> list[str]:
        """The names that the template takes from outside, in order of first appearance."""
        return sorted(self._reads, key=self._reads.__getitem__)

    def _now(self) -> int:
        self._moment += 1
        return self._moment

    def _bind(self, name: str, *, is_callable: bool = False) -> None:
        self._bound[name] = _Binding(self._now(), is_callable)

    def _read(self, node: nodes.Name) -> None:
        binding = self._bound.get(node.name)
        if binding is None and node.name not in _JINJA_OWN:
            self._reads[node.name] = min(node.lineno, self._reads.get(node.name, node.lineno))
        for open_section in reversed(self._sections):
            if binding is not None and (binding.callable or binding.moment > open_section.moment):
                return
            open_section.names.setdefault(node.name, node.lineno)

    @contextmanager
    def _scope(self) -> Iterator[None]:
        outside = self._bound
        self._bound = dict(outside)
        try:
            yield
        finally:
            self._bound = outside

    def _all(self, children: Iterable[nodes.Node]) -> None:
        for child in children:
            self.visit(child)

    def visit_Name(self, node: nodes.Name) -> None:
        if node.ctx == "load":
            self._read(node)
        else:
            self._bind(node.name)

    def visit_Call(self, node: nodes.Call) -> None:
        """A macro or a function that is called is no variable; whatever else is called is one."""
        children = node.iter_child_nodes()
        if isinstance(node.node, nodes.Name):
            name = node.node.name
            binding = self._bound.get(name)
            if binding.callable if binding else name in self._functions:
                children = node.iter_child_nodes(exclude=("node",))
        self._all(children)

    def visit_Assign(self, node: nodes.Assign) -> None:
        self.visit(node.node)
        self.visit(node.target)

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> None:
        with self._scope():
            self._all(node.iter_child_nodes(exclude=("target",)))
        self.visit(node.target)

    def visit_For(self, node: nodes.For) -> None:
        self.visit(node.iter)
        with self._scope():
            self.visit(node.target)
            self._bind("loop", is_callable=True)
            if node.test is not None:
                self.visit(node.test)
            self._all(node.body)
        with self._scope():
            self._all(node.else_)

    def visit_If(self, node: nodes.If) -> None:
        if is_section(node):
            self._visit_section(node)
            return
        self.visit(node.test)
        branches: list[Callable[[], None]] = [lambda: self._all(node.body)]
        branches += [lambda other=other: self.visit(other) for other in node.elif_]  # type: ignore[misc]
        self._either([*branches, lambda: self._all(node.else_)])

    def _either(self, branches: list[Callable[[], None]]) -> None:
        """Only what all branches bind is bound after them."""
        results = []
        for branch in branches:
            with self._scope():
                branch()
                results.append(self._bound)
        common = set(results[0]).intersection(*results[1:])
        self._bound.update((name, results[0][name]) for name in common)

    def _visit_section(self, node: nodes.If) -> None:
        opened = _Open(self._now())
        self._sections.append(opened)
        self._either([lambda: self._all(node.body), lambda: None])
        self._sections.pop()
        if opened.names:
            assert isinstance(node.test, nodes.Test)
            names: list[nodes.Expr] = [nodes.Name(name, "load", lineno=at) for name, at in opened.names.items()]
            node.test.node = nodes.Tuple(names, "load", lineno=node.lineno)
        else:
            node.test = nodes.Const(True, lineno=node.lineno)

    def visit_Output(self, node: nodes.Output) -> None:
        self._all(node.nodes)
        node.nodes = [self._quiet(child) if isinstance(child, nodes.Name) else child for child in node.nodes]

    def _quiet(self, name: nodes.Name) -> nodes.Expr:
        """A plain variable of a section prints nothing when it has no value."""
        binding = self._bound.get(name.name)
        if not self._sections or (binding is not None and binding.moment > self._sections[-1].moment):
            return name
        return nodes.Filter(name, PLAIN, [], [], None, None, lineno=name.lineno)

    def visit_Macro(self, node: nodes.Macro) -> None:
        self._bind(node.name, is_callable=True)
        self._visit_callable(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> None:
        self.visit(node.call)
        self._visit_callable(node)

    def _visit_callable(self, node: nodes.Macro | nodes.CallBlock) -> None:
        with self._scope():
            self._all(node.args)
            for name in _IN_MACRO:
                self._bind(name, is_callable=True)
            self._all(node.defaults)
            self._all(node.body)

    def visit_With(self, node: nodes.With) -> None:
        self._all(node.values)
        with self._scope():
            self._all(node.targets)
            self._all(node.body)

    def _visit_inner_scope(self, node: nodes.Node) -> None:
        with self._scope():
            self.generic_visit(node)

    visit_Block = visit_FilterBlock = visit_Scope = _visit_inner_scope
