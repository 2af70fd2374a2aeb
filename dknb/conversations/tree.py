"""A tree in which a node knows its parent and its place among its siblings, and nothing longer.

Ids (``"0.1.2"``) are computed when asked for. No function here recurses, so depth is limited by memory alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

__all__ = ["Placed", "Tree", "calculate_node_id", "get_node_by_id", "parse_node_id"]

T = TypeVar("T")


class Placed:
    """Data that know which node of a tree they hang in (``tree``; None while they hang in none)."""

    __slots__ = ("tree",)

    def __init__(self) -> None:
        self.tree: Tree[Any] | None = None

    def detached(self) -> Placed:
        """A copy that hangs in no tree."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it is copied")


class Tree(Generic[T]):
    """A node, with everything below it.

    Attributes:
        data: What hangs here.
        parent: The node above, None for the root.
        children: The nodes below; a child's index is its ordinal, for good.
        ordinal: Place among the siblings, from 0.
        depth: Steps from the root.
        folds: Sums over the path to here, by name (see `History.fold`).
    """

    __slots__ = ("children", "data", "depth", "folds", "ordinal", "parent")

    def __init__(self, data: T) -> None:
        self.data = data
        self.parent: Tree[T] | None = None
        self.children: list[Tree[T]] = []
        self.ordinal = 0
        self.depth = 0
        self.folds: dict[str, Any] | None = None
        if isinstance(data, Placed):
            data.tree = self

    def add_child(self, child: Tree[T] | T) -> Tree[T]:
        """Hang ``child`` (a tree, or data for a new node) below this node, after the others.

        Raises:
            ValueError: ``child`` already hangs in a tree, or this node hangs below it.
        """
        return self.place(child if isinstance(child, Tree) else Tree(child), len(self.children))

    def place(self, child: Tree[T], ordinal: int) -> Tree[T]:
        """Hang ``child`` at ``ordinal``; siblings from there on move up by one."""
        if child.parent is not None:
            raise ValueError(f"{child!r} already hangs in a tree")
        if child is self or (child.children and child is self.root):
            raise ValueError(f"{child!r} cannot hang below itself")
        child.parent = self
        self.children.insert(ordinal, child)
        self._number(ordinal)
        if child.children:
            for node in child.walk():
                node.depth = node.parent.depth + 1 if node.parent else 0
                node.folds = None
        else:
            child.depth = self.depth + 1
            child.folds = None
        return child

    def remove_child(self, child: Tree[T]) -> None:
        """Take ``child`` out, with what is below it; later siblings move down by one."""
        self.children.remove(child)
        self._number(child.ordinal)
        child.parent = None
        for node in child.walk():
            node.depth = node.parent.depth + 1 if node.parent else 0
            node.folds = None
        child.ordinal = 0

    def _number(self, first: int) -> None:
        for ordinal in range(first, len(self.children)):
            self.children[ordinal].ordinal = ordinal

    @property
    def root(self) -> Tree[T]:
        """The node that has no parent."""
        node = self
        while node.parent is not None:
            node = node.parent
        return node

    def path(self) -> list[Tree[T]]:
        """The nodes from the root to this one, both included."""
        nodes = list(self.upward())
        nodes.reverse()
        return nodes

    def upward(self) -> Iterator[Tree[T]]:
        """This node, its parent, and so on to the root."""
        node: Tree[T] | None = self
        while node is not None:
            yield node
            node = node.parent

    def walk(self) -> Iterator[Tree[T]]:
        """This node and all below it: parents before children, siblings in order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def to_anytree(self) -> Any:
        """This node and all below it as anytree nodes (``name``, ``ordinal``, ``data``), for its renderers and exporters.

        Those recurse: beyond a depth of about 900 they fail, while this method does not.
        """
        from anytree import Node  # type: ignore[import-untyped]  # it carries no types

        nodes = list(self.walk())
        views = {id(node): Node(str(node.data), ordinal=node.ordinal, data=node.data) for node in nodes}
        # Bottom up: anytree looks for loops above the new parent, and a parent that hangs nowhere yet has nothing above.
        for node in reversed(nodes):
            for child in node.children:
                views[id(child)].parent = views[id(node)]
        return views[id(self)]

    def __repr__(self) -> str:
        return f"<Tree {self.data!r}, depth {self.depth}, {len(self.children)} below>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self.parent is None:
            return _build, _flatten(self)
        # By the way from a node above it, whose depth has one bit less: so a chain of them is short, and the ways of all
        # nodes together are not longer than a few steps for each. By the ways from the root they would be quadratic.
        above: Tree[T] = self
        ordinals: list[int] = []
        while above.parent is not None and above.depth != self.depth & (self.depth - 1):
            ordinals.append(above.ordinal)
            above = above.parent
        return _descend, (above, ordinals[::-1])

    def __copy__(self) -> Tree[T]:
        """A copy of the whole tree (data copied one level deep), seen from this node."""
        whole: Tree[T] = _build(*_flatten(self.root))
        return _descend(whole, _ordinals(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Tree[T]:
        root = self.root
        data, parents = _flatten(root)
        whole: Tree[T] = _build(copy.deepcopy(data, memo), parents)
        memo.update((id(old), new) for old, new in zip(root.walk(), whole.walk(), strict=True))
        return _descend(whole, _ordinals(self))


def _ordinals(tree: Tree[T]) -> list[int]:
    ordinals = [node.ordinal for node in tree.upward()]
    ordinals.pop()
    ordinals.reverse()
    return ordinals


def _descend(tree: Tree[T], ordinals: list[int]) -> Tree[T]:
    for ordinal in ordinals:
        tree = tree.children[ordinal]
    return tree


def _flatten(root: Tree[Any]) -> tuple[list[Any], list[int]]:
    """The data in walking order, and for each the index of its parent (-1 for the root)."""
    index: dict[int, int] = {}
    data: list[Any] = []
    parents: list[int] = []
    for number, node in enumerate(root.walk()):
        index[id(node)] = number
        data.append(node.data.detached() if isinstance(node.data, Placed) else node.data)
        parents.append(-1 if node is root else index[id(node.parent)])
    return data, parents


def _build(data: list[Any], parents: list[int]) -> Tree[Any]:
    nodes: list[Tree[Any]] = []
    for item, parent in zip(data, parents, strict=True):
        node = Tree(item)
        nodes.append(nodes[parent].add_child(node) if parent >= 0 else node)
    return nodes[0]


def calculate_node_id(tree: Tree[Any]) -> str:
    """The dotted path of a node: ``""`` for the root, ``"0.1"`` for the second child of its first child."""
    return ".".join(map(str, _ordinals(tree)))


def parse_node_id(node_id: str) -> list[int] | None:
    """The ordinals that a node id is made of; None for text that is no node id (``"-1"``, ``"0..1"``, ``"01"``)."""
    if node_id == "":
        return []
    steps = node_id.split(".")
    if all(
        step.isascii() and step.isdecimal() and len(step) < 10 and (step == "0" or step[0] != "0") for step in steps
    ):
        return [int(step) for step in steps]
    return None


def get_node_by_id(tree: Tree[T], node_id: str) -> Tree[T] | None:
    """The node at ``node_id`` below ``tree``, or None when there is none."""
    ordinals = parse_node_id(node_id)
    if ordinals is None:
        return None
    for ordinal in ordinals:
        if ordinal >= len(tree.children):
            return None
        tree = tree.children[ordinal]
    return tree
