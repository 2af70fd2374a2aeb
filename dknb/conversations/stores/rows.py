"""A conversation as rows: what is stored of a node, a branch and a conversation, and how a node becomes a row."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple, Protocol, overload

from ...llm.messages import LLMMessage
from ..ledger import CallRecord
from ..node import OPEN, ConversationNode, with_zone
from ..search import Query, Said
from .json_text import as_json_data, is_soon_written, to_json

__all__ = [
    "AMENDED",
    "BranchRow",
    "Claim",
    "HeadRow",
    "NodeRow",
    "Rows",
    "pack",
    "pack_whatever",
    "storable",
    "takes_long",
    "to_iso",
    "to_json",
    "unpack",
]

log = logging.getLogger("dknb.conversations")

#: Characters that are looked at in one go, without other threads having their turn.
PIECE = 262_144


class NodeRow(NamedTuple):
    """A node. ``message`` is what the message has beyond role and text (JSON, or None); times are ISO 8601 in UTC."""

    seq: int
    parent_seq: int | None
    ordinal: int
    role: str
    content: str
    message: str | None
    prompt_name: str | None
    branch_name: str | None
    cell: str | None
    state: str
    metadata: str
    hidden: int
    created_at: str
    session: str | None


#: What of a node changes while it is still being written.
AMENDED = ("content", "message", "metadata", "state", "created_at")


class BranchRow(NamedTuple):
    """A branch; ``hidden`` is the number of the deletion that hid it, or 0."""

    name: str
    head_seq: int
    hidden: int
    updated_at: str


class HeadRow(NamedTuple):
    """A conversation without its nodes."""

    conversation_id: str
    metadata: str
    next_seq: int
    revision: int
    current_seq: int
    current_branch: str | None
    created_at: str
    updated_at: str


class Claim(NamedTuple):
    """A conversation after a claim: the numbers claimed are the last ones below ``next_seq``.

    The rest tells whether it is the one that is meant: when it was made, and role and time of the node of a given number
    (None of one that is still being written).
    """

    next_seq: int
    revision: int
    created_at: str
    role: str | None
    said_at: str | None


class Rows(Protocol):
    """What an engine can do within one transaction on its rows.

    One that changes a conversation begins with `claim` or `advance`, which makes any other that does wait.
    """

    def head(self, conversation_id: str) -> HeadRow | None:
        """The conversation's own row."""

    def heads(self) -> list[HeadRow]:
        """The rows of all conversations, newest first."""

    def add_head(self, row: HeadRow) -> bool:
        """Add a conversation; False if there is one of that id."""

    def claim(self, conversation_id: str, nodes: int, revisions: int, at: str, last: int) -> Claim | None:
        """Reserve numbers for that many nodes and revisions, and tell of node ``last``; None if there is no such one."""

    def advance(self, conversation_id: str, nodes: int, branch: str | None, at: str, last: int) -> Claim | None:
        """`claim` that many nodes, at least one, and be at the last of them, on ``branch``."""

    def set_metadata(self, conversation_id: str, metadata: str) -> None:
        """Replace the conversation's metadata."""

    def move(self, conversation_id: str, seq: int, branch: str | None) -> None:
        """Set the current position."""

    def add_nodes(self, conversation_id: str, rows: Sequence[NodeRow]) -> list[int]:
        """Add nodes, each below its parent after the siblings that are there; the ordinals that they got."""

    def fill(self, conversation_id: str, rows: Iterable[NodeRow]) -> None:
        """Add the nodes of a new conversation, which have their ordinals."""

    def replace_nodes(self, conversation_id: str, rows: Iterable[NodeRow]) -> None:
        """Write stored nodes anew, but for those that are still being written."""

    def amend(self, conversation_id: str, row: NodeRow) -> bool:
        """Write anew what a node of ``row.session`` says that is still being written; False if there is no such."""

    def nodes(self, conversation_id: str, first: int, end: int | None) -> Iterable[NodeRow]:
        """The nodes with ``first <= seq < end``, in the order of their numbers."""

    def node_at(self, conversation_id: str, seq: int) -> NodeRow | None:
        """One node."""

    def path(self, conversation_id: str, seq: int) -> list[NodeRow]:
        """The nodes from the root to one; none if there is no such."""

    def candidates(self, query: Query) -> list[Said]:
        """The newest messages that ``query`` asks for."""

    def hidden(self, conversation_id: str) -> list[tuple[int, int]]:
        """Number and deletion of each hidden node."""

    def hide(self, conversation_id: str, seqs: Sequence[int], deletion: int) -> None:
        """Set the deletion of nodes."""

    def labels(self, conversation_id: str) -> list[tuple[int, str]]:
        """Number and label of each labelled node, once for each of its labels."""

    def label(self, conversation_id: str, pairs: Sequence[tuple[int, str]]) -> None:
        """Give labels to nodes, by number."""

    def unlabel(self, conversation_id: str, pairs: Sequence[tuple[int, str]]) -> None:
        """Take labels from nodes, by number."""

    def branches(self, conversation_id: str) -> list[BranchRow]:
        """The branches, in the order in which they were made."""

    def add_branch(self, conversation_id: str, row: BranchRow) -> bool:
        """Add a branch; False if there is one of that name."""

    def set_branch(self, conversation_id: str, row: BranchRow, was: int | None = None) -> bool:
        """Replace a branch; False if there is none of that name, or its head is not ``was``, or it is hidden then."""

    def rename_branch(self, conversation_id: str, old: str, new: str) -> bool:
        """Rename a branch, which keeps its place; False if the new name is taken."""

    def remove(self, conversation_id: str) -> bool:
        """Remove a conversation with its nodes and branches; whether there was one."""

    def add_call(self, call: CallRecord) -> None:
        """Add a row to the ledger."""

    def calls(self, conversation_id: str | None) -> list[CallRecord]:
        """The ledger, oldest first."""


def pack(node: ConversationNode, *, session: str) -> NodeRow:
    """The row of a node, as a root: its number, parent and ordinal are the store's to give.

    Raises:
        StorageError: Its message or metadata cannot be written as JSON.
    """
    rest = _rest(node.message)
    metadata = to_json(node.metadata, "metadata of the message") if node.metadata else "{}"
    return _packed(node, None if rest is None else to_json(rest, "message"), metadata, session)


def pack_whatever(node: ConversationNode, *, session: str) -> NodeRow:
    """`pack` for what must not be lost: what is no JSON of it becomes text, in the node too, and its log tells of it."""
    changed: list[str] = []
    rest = as_json_data(_rest(node.message), changed, "message")
    metadata = as_json_data(node.metadata, changed, "metadata")
    if changed:
        log.warning("an answer holds what is no JSON; it is kept as text: %s", ", ".join(changed[:5]))
        node.metadata.clear()
        node.metadata.update(metadata)
    return _packed(node, None if rest is None else to_json(rest, "message"), to_json(metadata, "metadata"), session)


def _packed(node: ConversationNode, rest: str | None, metadata: str, session: str) -> NodeRow:
    message = node.message
    content = message.content
    if not _storable(content):
        # A database refuses NUL or half of a surrogate pair, JSON escapes them: the true text goes into the rest.
        if not message.parts:
            rest = to_json({**(json.loads(rest) if rest else {}), "content": content}, "message")
        content = storable(content)
    return NodeRow(
        seq=0,
        parent_seq=None,
        ordinal=0,
        role=message.role,
        content=content,
        message=rest,
        prompt_name=storable(node.prompt_name),
        branch_name=storable(node.branch_name),
        cell=storable(node.cell),
        state=node.state,
        metadata=metadata,
        hidden=node.deletion,
        created_at=to_iso(node.timestamp),
        session=node.session or session,
    )


def takes_long(node: ConversationNode) -> bool:
    """Whether `pack` may take so long that an event loop must not wait for it."""
    message = node.message
    return len(message.content) > PIECE or bool(message.parts) or not is_soon_written(node.metadata)


def unpack(row: NodeRow) -> ConversationNode:
    """The node of a row; message and metadata are decoded when somebody looks."""
    node = ConversationNode.unpacked_later(
        (row.role, row.content, row.message, row.metadata),
        datetime.fromisoformat(row.created_at),
        prompt_name=row.prompt_name,
        branch_name=row.branch_name,
        cell=row.cell,
        state="incomplete" if row.state == OPEN else row.state,
    )
    node.seq, node.deletion, node.session = row.seq, row.hidden, row.session
    return node


def to_iso(at: datetime) -> str:
    """A time as it is stored: ISO 8601, in UTC."""
    return with_zone(at).astimezone(timezone.utc).isoformat()


def _rest(message: LLMMessage) -> dict[str, Any] | None:
    """What the message has beyond role and text; None for the usual message, which has no more."""
    if not (
        message.parts
        or message.metadata
        or message.tool_calls
        or message.name
        or message.tool_call_id
        or message.function_call
        or message.reasoning
        or message.extra
    ):
        return None
    data = message.to_dict()
    del data["role"]
    if not message.parts:
        del data["content"]
    return data


@overload
def storable(text: str) -> str: ...
@overload
def storable(text: None) -> None: ...
@overload
def storable(text: str | None) -> str | None: ...
def storable(text: str | None) -> str | None:
    """``text`` as any database takes it: without NUL and halves of surrogate pairs."""
    if text is None or _storable(text):
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _storable(text: str) -> bool:
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        for at in range(0, len(text), PIECE):  # in pieces: other threads may run in between
            text[at : at + PIECE].encode()
    except UnicodeEncodeError:
        return False
    return True
