"""A document of the peer as a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ....errors import BranchError, SchemaVersionError
from ...branches import check_name
from ...ledger import CallRecord
from ...node import OPEN, ConversationNode
from ...state import MAIN, SCHEMA_VERSION, Branch, ConversationState
from ...stores._halts import without_halts
from ...tree import Tree
from ..checks import told, typed, typed_or, utc_time
from .exact import with_true_text
from .growing import grow, number
from .messages import read_message
from .ours import DOCUMENT_KEYS, NODE_KEYS, apply_node, gather, read_call, split

__all__ = ["ReadDocument", "read_document"]

NodeTree = Tree[ConversationNode]


class ReadDocument(NamedTuple):
    """What a document holds.

    Attributes:
        state: The conversation, in no store yet.
        order: Its nodes in the order of their numbers, parents before children.
        calls: Rows of the ledger.
        is_ours: Whether dknb wrote it, with all that others have no place for.
    """

    state: ConversationState
    order: list[NodeTree]
    calls: list[CallRecord]
    is_ours: bool = False


def read_document(data: Any, where: str = "The document", *, writing: bool = False) -> ReadDocument:
    """The conversation of a document, schema 1.0.0 or 1.1.0. Nothing in it is trusted.

    Keys that are unknown here are kept in the metadata under ``"document_extra"``, and written again.

    Args:
        data: The document as plain data; it is not changed.
        where: What messages call it.
        writing: Whether answers that are still being written stay so; otherwise they are incomplete.

    Raises:
        SchemaVersionError: It is of a higher major version.
        StorageError: It is broken.
    """
    hint = "A document has nodes, and edges that make one tree of them."
    with told(where, hint), without_halts():
        if not isinstance(data, Mapping):
            raise TypeError(f"it is {data!r:.60}, not an object")
        data = with_true_text(data)
        _check_version(data, where)
        metadata, ours = split(typed_or(data, "metadata", dict) or {})
        nodes, seqs = _nodes(typed(data, "nodes", list), where)
        trees = grow({node_id: Tree(node) for node_id, node in nodes.items()}, typed(data, "edges", list))
        current = typed(data, "current_node_id", str)
        if current not in trees:
            raise ValueError(f"'current_node_id' is {current!r:.60}, and there is no such node")
        order = number(trees, seqs)
        state = _state(data, gather(data, metadata, DOCUMENT_KEYS), order[0], trees[current])
        named = {seq: trees[node_id] for node_id, seq in seqs.items()}
        _take_branches(state, ours, named)
        state.revision = typed_or(ours, "revision", int) or 0
        if not writing:
            for tree in order:
                tree.data.state = "incomplete" if tree.data.state == OPEN else tree.data.state
        calls = [read_call(call) for call in typed_or(ours, "calls", list) or []]
        return ReadDocument(state, order, calls, bool(ours))


def _check_version(data: Mapping[str, Any], where: str) -> None:
    version = data.get("schema_version", "1.0.0")
    parts = version.split(".") if isinstance(version, str) else []
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 6 for part in parts):
        raise ValueError(f"'schema_version' is {version!r:.60}, not a version such as {SCHEMA_VERSION}")
    if int(parts[0]) > int(SCHEMA_VERSION.split(".", 1)[0]):
        raise SchemaVersionError(
            f"{where} has schema version {version}; this dknb reads 1.x.", hint="Update dknb (pip install -U dknb)."
        )


def _state(data: Mapping[str, Any], metadata: dict[str, Any], root: NodeTree, current: NodeTree) -> ConversationState:
    identity = typed(data, "conversation_id", str)
    if not identity:
        raise ValueError("'conversation_id' is empty")
    state = ConversationState(
        identity,
        root,
        created_at=utc_time(data, "created_at"),
        updated_at=utc_time(data, "updated_at"),
        metadata=metadata,
        branches={},
    )
    state.current = current
    return state


def _nodes(given: list[Any], where: str) -> tuple[dict[str, ConversationNode], dict[str, int]]:
    """The nodes by id, and the numbers of those that dknb wrote."""
    nodes: dict[str, ConversationNode] = {}
    seqs: dict[str, int] = {}
    taken: set[int] = set()
    for place, data in enumerate(given):
        with told(f"{where}, node {place}"):
            if not isinstance(data, dict):
                raise TypeError(f"it is {data!r:.60}, not an object")
            node_id = typed(data, "node_id", str)
            if node_id in nodes:
                raise ValueError(f"there are two nodes {node_id!r:.60}")
            nodes[node_id], seq = _node(data)
            if seq is not None and seq not in taken:
                seqs[node_id] = seq
                taken.add(seq)
    if not nodes:
        raise ValueError("it has no nodes")
    return nodes, seqs


def _node(data: Mapping[str, Any]) -> tuple[ConversationNode, int | None]:
    data = with_true_text(data)
    metadata, ours = split(typed_or(data, "metadata", dict) or {})
    said = dict(typed(data, "message", dict))
    for key in ("tool_calls", "function_call"):  # schema 1.0.0 kept them in the metadata alone
        if key not in said and metadata.get(key):
            said[key] = metadata[key]
    node = ConversationNode(
        read_message(said, typed_or(ours, "message", dict)),
        timestamp=utc_time(data, "timestamp"),
        prompt_name=typed_or(data, "prompt_name", str),
        branch_name=typed_or(data, "branch_name", str),
        metadata=gather(data, metadata, NODE_KEYS),
    )
    if ours:
        apply_node(node, ours)
    return node, typed_or(ours, "seq", int)


def _take_branches(state: ConversationState, ours: Mapping[str, Any], named: Mapping[int, NodeTree]) -> None:
    """Make the branches that dknb wrote, or, in a document of others, those that its nodes were named for."""
    branches = [_branch(entry, named) for entry in typed_or(ours, "branches", list) or []]
    if not ours:
        branches = [*_named_in_nodes(state), Branch(MAIN, state.current, state.updated_at)]
    state.branches = {branch.name: branch for branch in branches}
    if not ours:
        at = [branch.name for branch in branches if branch.head is state.current]
        state.current_branch = at[0]
        return
    name = typed_or(ours, "current_branch", str)
    if name is None or name not in state.branches:
        return
    head, before = state.branches[name].head, named.get(typed(ours, "current", int))
    if state.current is before:
        state.current_branch = name
    elif head is before and any(above is head for above in state.current.upward()):
        # Somebody else went on from the end of the branch, and knows nothing of branches.
        state.move(state.current, name)


def _branch(entry: Any, named: Mapping[int, NodeTree]) -> Branch:
    if not (isinstance(entry, list) and len(entry) == 4 and isinstance(entry[0], str) and entry[1] in named):
        raise ValueError(f"a branch is {entry!r:.80}")
    name, head, _, deletion = entry
    at = utc_time({"updated_at": entry[2]}, "updated_at")
    return Branch(name, named[head], at, typed({"deletion": deletion}, "deletion", int))


def _named_in_nodes(state: ConversationState) -> list[Branch]:
    """A branch for each name in the nodes, to the end of what was said last below the last node of that name."""
    named: dict[str, NodeTree] = {}
    for tree in state.message_tree.walk():
        name = tree.data.branch_name
        if name is not None and name != MAIN and _is_name(name):
            named[name] = tree
    ends = {name: _last_below(tree) for name, tree in named.items()}
    return [Branch(name, end, end.data.timestamp) for name, end in ends.items()]


def _last_below(tree: NodeTree) -> NodeTree:
    while tree.children:
        tree = tree.children[-1]
    return tree


def _is_name(name: str) -> bool:
    try:
        check_name(name)
    except BranchError:
        return False
    return True
