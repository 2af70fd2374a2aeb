"""The tree: places, ids, and depth without limits."""

from __future__ import annotations

import copy
import gc
import pickle

import pytest
from anytree import RenderTree
from conversations_help import chain
from hypothesis import given
from hypothesis import strategies as st

from dknb.conversations import Tree, calculate_node_id, get_node_by_id

DEEP = 100_000


def test_ids_name_the_way_from_the_root() -> None:
    """The root is "", its children "0" and "1", and "0.1" is the second child of the first."""
    root = Tree("root")
    first = root.add_child("first")
    second = root.add_child(Tree("second"))
    below = [first.add_child(name) for name in ("a", "b")]
    ids = [calculate_node_id(node) for node in (root, first, second, *below)]
    assert ids == ["", "0", "1", "0.0", "0.1"]
    assert get_node_by_id(root, "0.1") is below[1]
    assert get_node_by_id(root, "") is root


@pytest.mark.parametrize(
    "node_id",
    ["-1", "0.-1", "2", "0.9", "x", "0.", ".0", "0..0", "00", "0.01", " 0", "+1", "1e1", "\u0660", "0" * 5000],
)
def test_what_is_no_id_finds_nothing(node_id: str) -> None:
    """A malformed, negative or missing id gives None, not an error and not another node."""
    root = Tree("root")
    root.add_child("first").add_child("below")
    root.add_child("second")
    assert get_node_by_id(root, node_id) is None


@given(st.lists(st.integers(0, 10**6), max_size=60))
def test_an_id_finds_the_node_that_it_was_computed_from(parents: list[int]) -> None:
    """In a tree of any shape, ``get_node_by_id`` inverts ``calculate_node_id``."""
    nodes = [Tree(0)]
    for number, parent in enumerate(parents, start=1):
        nodes.append(nodes[parent % len(nodes)].add_child(number))
    assert [get_node_by_id(nodes[0], calculate_node_id(node)) for node in nodes] == nodes
    assert [node.depth for node in nodes] == [len(node.path()) - 1 for node in nodes]


def test_a_node_hangs_in_one_place() -> None:
    """A node that hangs in a tree, or above the new parent, is refused."""
    root = Tree("root")
    child = root.add_child("child")
    with pytest.raises(ValueError, match="already hangs"):
        root.add_child(child)
    with pytest.raises(ValueError, match="below itself"):
        child.add_child(root)
    with pytest.raises(ValueError, match="below itself"):
        root.add_child(root)


def test_a_whole_tree_can_be_hung_into_another() -> None:
    """Depths below the place follow, and so do the ids."""
    branch = Tree("branch")
    leaf = branch.add_child("twig").add_child("leaf")
    root = Tree("root")
    root.add_child("first")
    root.add_child(branch)
    assert leaf.depth == 3
    assert calculate_node_id(leaf) == "1.0.0"


def test_placing_and_removing_renumbers_the_siblings() -> None:
    """Siblings keep the order of their ordinals whichever way they come and go."""
    root = Tree("root")
    late = root.add_child("late")
    early = root.place(Tree("early"), 0)
    assert [(node.data, node.ordinal) for node in root.children] == [("early", 0), ("late", 1)]
    root.remove_child(early)
    assert calculate_node_id(late) == "0"
    assert early.parent is None


def test_walking_goes_parents_first_and_siblings_in_order() -> None:
    """A walk is in preorder."""
    root = Tree("r")
    a = root.add_child("a")
    root.add_child("b").add_child("b0")
    a.add_child("a0")
    a.add_child("a1")
    assert [node.data for node in root.walk()] == ["r", "a", "a0", "a1", "b", "b0"]


def deep_chain() -> Tree[str]:
    tip = Tree("0")
    for depth in range(1, DEEP + 1):
        tip = tip.add_child(str(depth))
    return tip


def test_a_chain_of_a_hundred_thousand_breaks_nothing() -> None:
    """Ids, walking, copying, pickling, printing and freeing work at any depth."""
    tip = deep_chain()
    root = tip.root
    node_id = calculate_node_id(tip)
    assert node_id == ".".join(["0"] * DEEP)
    assert get_node_by_id(root, node_id) is tip
    assert sum(1 for _ in root.walk()) == DEEP + 1
    for twin in (copy.copy(tip), copy.deepcopy(tip), pickle.loads(pickle.dumps(tip))):
        assert twin is not tip
        assert (twin.depth, twin.data, twin.root.data) == (DEEP, str(DEEP), "0")
    assert len(repr(tip)) < 200
    del tip, twin
    root.children.clear()
    assert gc.collect() > DEEP


def test_data_that_know_their_place_are_copied_with_the_tree() -> None:
    """The nodes of a copied conversation hang in the copy."""
    tip = chain(2_000)
    for twin in (copy.copy(tip), copy.deepcopy(tip), pickle.loads(pickle.dumps(tip))):
        assert twin.data is not tip.data
        assert twin.data.tree is twin
        assert twin.data.message == tip.data.message
        assert twin.data.node_id == tip.data.node_id
    assert tip.data.tree is tip


def test_copies_share_nothing_that_moves() -> None:
    """A deep copy has its own data; a copy shares it; both have their own nodes, seen from the same place."""
    root = Tree(["root"])
    child = root.add_child(["child"])
    shallow, deep = copy.copy(child), copy.deepcopy(child)
    child.data.append("changed")
    assert shallow.data == ["child", "changed"]
    assert deep.data == ["child"]
    assert shallow.root is not root
    assert calculate_node_id(shallow) == calculate_node_id(deep) == "0"


def test_nodes_pickled_together_stay_in_one_tree() -> None:
    """Two nodes of one tree in one pickle come back as two nodes of one tree."""
    root = Tree("root")
    pair = (root.add_child("a"), root.add_child("b"))
    a, b = pickle.loads(pickle.dumps(pair))
    assert (a.data, b.data) == ("a", "b")
    assert a.root is b.root


def test_the_anytree_view_has_the_same_shape() -> None:
    """anytree's renderer draws the tree, siblings in order."""
    root = Tree("root")
    first = root.add_child("first")
    root.add_child("second")
    first.add_child("below")
    drawn = [line.pre + line.node.name for line in RenderTree(root.to_anytree())]
    assert drawn == ["root", "├── first", "│   └── below", "└── second"]


def test_the_anytree_view_of_a_deep_chain_is_made() -> None:
    """Making the view neither recurses nor takes quadratic time (anytree's own append would take minutes)."""
    view = chain(20_000).root.to_anytree()
    depth = 0
    while view.children:
        view = view.children[0]
        depth += 1
    assert depth == 20_000
