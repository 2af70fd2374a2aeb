"""Making one tree of nodes and edges, in whatever order they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...node import ConversationNode
from ...tree import Tree

__all__ = ["grow", "number"]

NodeTree = Tree[ConversationNode]


def grow(trees: dict[str, NodeTree], edges: list[Any]) -> dict[str, NodeTree]:
    """Hang the nodes together.

    Siblings are ordered by the last number of their ids where the ids are dotted paths, otherwise as the edges come.

    Raises:
        ValueError: The edges do not make one tree of all nodes.
    """
    below = _children(trees, edges)
    hung = {child for children in below.values() for child in children}
    roots = [node_id for node_id in trees if node_id not in hung]
    if not roots:
        raise ValueError("each node has one above it, so there is no root: the edges go in a circle")
    if len(roots) > 1:
        raise ValueError(f"{len(roots)} nodes have none above them, such as {roots[0]!r:.60} and {roots[1]!r:.60}")
    waiting, reached = [roots[0]], 0
    while waiting:
        parent = waiting.pop()
        reached += 1
        children = _in_order(parent, below.get(parent, []))
        for child in children:
            trees[parent].add_child(trees[child])
        waiting += children
    if reached != len(trees):
        raise ValueError(f"{len(trees) - reached} nodes are not below the root: the edges go in a circle")
    return trees


def _children(trees: Mapping[str, NodeTree], edges: list[Any]) -> dict[str, list[str]]:
    below: dict[str, list[str]] = {}
    above: dict[str, str] = {}
    for edge in edges:
        if not (isinstance(edge, (list, tuple)) and len(edge) == 2 and all(isinstance(end, str) for end in edge)):
            raise ValueError(f"an edge is {edge!r:.80}, not a pair of node ids")
        parent, child = edge
        for end in (parent, child):
            if end not in trees:
                raise ValueError(f"an edge names the node {end!r:.60}, and there is none")
        if child in above:
            raise ValueError(f"two edges lead to the node {child!r:.60}")
        above[child] = parent
        below.setdefault(parent, []).append(child)
    return below


def _in_order(parent: str, children: list[str]) -> list[str]:
    prefix = f"{parent}." if parent else ""
    numbers = [_last_number(child, prefix) for child in children]
    if None in numbers or len(set(numbers)) < len(numbers):
        return children
    pairs = sorted((number, child) for number, child in zip(numbers, children, strict=True) if number is not None)
    return [child for _, child in pairs]


def _last_number(node_id: str, prefix: str) -> int | None:
    last = node_id[len(prefix) :]
    if not node_id.startswith(prefix) or not (last.isascii() and last.isdecimal() and len(last) < 10):
        return None
    return int(last)


def number(trees: Mapping[str, NodeTree], seqs: Mapping[str, int]) -> list[NodeTree]:
    """The nodes in the order of their numbers, those without one after the others, parents before children."""
    root = next(iter(trees.values())).root
    numbers = {id(trees[node_id]): seq for node_id, seq in seqs.items()}
    walked = list(root.walk())
    order = sorted(walked, key=lambda tree: numbers.get(id(tree), len(walked) + len(numbers)))
    place = {id(tree): index for index, tree in enumerate(order)}
    if all(tree.parent is None or place[id(tree.parent)] < place[id(tree)] for tree in order):
        return order
    return walked
