"""What dknb knows of a conversation and the documents have no place for: it lies in their metadata, under one key."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import asdict
from typing import Any

from ...ledger import CallRecord
from ...node import OPEN, ConversationNode
from ...stores.rows import to_iso
from ..checks import typed, typed_or, utc_time

__all__ = [
    "DOCUMENT_KEYS",
    "EXTRA",
    "NODE_KEYS",
    "OURS",
    "apply_node",
    "gather",
    "join",
    "read_call",
    "split",
    "spread",
    "write_call",
    "write_node",
]

#: The key in the metadata of a document and of its nodes.
OURS = "dknb"

#: The key in our metadata for what an imported document said under keys that are unknown here.
EXTRA = "document_extra"

#: The keys of a document, and of its nodes.
DOCUMENT_KEYS = frozenset(
    {
        "schema_version",
        "conversation_id",
        "nodes",
        "edges",
        "current_node_id",
        "metadata",
        "created_at",
        "updated_at",
    }
)
NODE_KEYS = frozenset({"message", "node_id", "timestamp", "prompt_name", "branch_name", "metadata"})

VERSION = 1
_STATES = ("complete", "incomplete", OPEN)


def join(metadata: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata with what is ours; a caller's own entry of that key is kept inside."""
    mark: dict[str, Any] = {"version": VERSION, **ours}
    if OURS in metadata:
        mark["own"] = metadata[OURS]
    return {**metadata, OURS: mark}


def split(metadata: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metadata as they were before `join`, and what is ours; nothing if they were not joined."""
    mark, rest = metadata.get(OURS), dict(metadata)
    if not (isinstance(mark, dict) and mark.get("version") == VERSION):
        return rest, {}
    del rest[OURS]
    if "own" in mark:
        rest[OURS] = mark["own"]
    return rest, mark


def gather(data: Mapping[str, Any], metadata: dict[str, Any], known: Set[str]) -> dict[str, Any]:
    """The metadata with what ``data`` says under keys that are unknown here."""
    extra = {key: value for key, value in data.items() if key not in known}
    return {**metadata, EXTRA: extra} if extra else metadata


def spread(metadata: Mapping[str, Any], known: Set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metadata as they were before `gather`, and what was gathered."""
    rest, extra = dict(metadata), metadata.get(EXTRA)
    if not (isinstance(extra, dict) and extra and known.isdisjoint(extra)):
        return rest, {}
    del rest[EXTRA]
    return rest, extra


def write_node(node: ConversationNode, seq: int, message: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is ours of a node: its number, and what differs from the usual."""
    found = {
        "state": None if node.state == "complete" else node.state,
        "cell": node.cell,
        "labels": sorted(node.labels),
        "deletion": node.deletion,
        "session": node.session,
        "message": message,
    }
    return {"seq": seq, **{key: value for key, value in found.items() if value}}


def apply_node(node: ConversationNode, ours: Mapping[str, Any]) -> None:
    """Give a node what is ours of it.

    Raises:
        TypeError: Something in it is of another kind.
        ValueError: Its state is none.
    """
    node.state = typed_or(ours, "state", str) or "complete"
    if node.state not in _STATES:
        raise ValueError(f"'state' is {node.state!r:.60}")
    node.cell = typed_or(ours, "cell", str)
    node.session = typed_or(ours, "session", str)
    node.deletion = typed_or(ours, "deletion", int) or 0
    labels = typed_or(ours, "labels", list) or []
    if not all(isinstance(label, str) for label in labels):
        raise TypeError("a label is no text")
    node.labels = frozenset(labels)


def write_call(call: CallRecord) -> dict[str, Any]:
    """A row of the ledger as plain data."""
    given = {key: value for key, value in asdict(call).items() if value is not None}
    return {**given, "at": to_iso(call.at)}


_TEXTS = ("conversation_id", "cell", "kind", "provider", "model", "outcome")
_COUNTS = ("node_seq", "prompt_tokens", "completion_tokens", "cached_tokens")
_AMOUNTS = ("cost_usd", "duration_s")


def read_call(data: Any) -> CallRecord:
    """A row of the ledger from what `write_call` gave.

    Raises:
        TypeError: It is none, or something in it is of another kind.
        ValueError: Something is missing.
    """
    if not isinstance(data, dict):
        raise TypeError(f"a row of the ledger is {data!r:.60}")
    given: dict[str, Any] = {key: typed(data, key, str) for key in _TEXTS if key in data}
    given |= {key: typed(data, key, int) for key in _COUNTS if key in data}
    given |= {key: float(data[key]) for key in _AMOUNTS if key in data}
    return CallRecord(**given, at=utc_time(data, "at"))
