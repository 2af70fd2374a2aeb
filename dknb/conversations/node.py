"""What hangs in the tree of a conversation: a message and what is known about it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from ..llm.messages import LLMMessage, utc_now
from .tree import Placed, Tree, calculate_node_id

__all__ = ["MARK", "NO_LABELS", "OPEN", "ROLES", "STAR", "ConversationNode", "Packed", "preview"]

#: The state of an answer that is still coming: its store may amend it, until it is complete or cut.
OPEN = "streaming"

#: The metadata of a summary's node that tell it from an answer (see `context.marks`).
MARK = "summarises"

#: Who can speak.
ROLES = ("system", "user", "assistant", "tool", "function", "developer")

#: The label that is a star.
STAR = "\N{BLACK STAR}"

#: The labels of most nodes: one object for all.
NO_LABELS: frozenset[str] = frozenset()

#: A message and its metadata as they lie in a store: role, text, rest of the message (JSON or None), metadata (JSON).
Packed = tuple[str, str, str | None, str]


class ConversationNode(Placed):
    """A message in a conversation.

    Attributes:
        message: The message. To say something else, add a sibling: what was said is never changed.
        node_id: Its dotted path, computed from the tree it hangs in; what was given, while it hangs in none.
        timestamp: When it was made (UTC, where no other zone is given).
        prompt_name: The prompt that it was rendered from.
        branch_name: The name that it was given with ``complete(branch_name=...)``.
        metadata: Of an answer: ``usage``, ``model``, ``provider``, ``finish_reason``, ``cost_usd``, ``duration_s``.
        cell: The notebook cell that made it.
        state: ``"complete"``, ``"incomplete"`` for an answer that was cut, or `OPEN` for one that this process is writing
            (to others, and after a crash, it is incomplete).
        labels: The labels that it was given; `STAR` among them is its star.
        deletion: 0, or the number of the deletion that hid it.
        seq: Its number in the conversation's store, in the order of writing; None while it is not stored.
        session: The process that wrote it.
    """

    __slots__ = (
        "_given_id",
        "_message",
        "_metadata",
        "_packed",
        "branch_name",
        "cell",
        "deletion",
        "labels",
        "prompt_name",
        "seq",
        "session",
        "state",
        "timestamp",
    )

    def __init__(
        self,
        message: LLMMessage,
        node_id: str = "",
        timestamp: datetime | None = None,
        prompt_name: str | None = None,
        branch_name: str | None = None,
        metadata: dict[str, Any] | None = None,
        *,
        cell: str | None = None,
        state: str = "complete",
        hidden: bool = False,
    ) -> None:
        super().__init__()
        self._message: LLMMessage | None = message
        self._metadata: dict[str, Any] | None = {} if metadata is None else metadata
        self._packed: Packed | None = None
        self._given_id = node_id
        self.timestamp = with_zone(timestamp or utc_now())
        self.prompt_name = prompt_name
        self.branch_name = branch_name
        self.cell = cell
        self.state = state
        self.deletion = int(hidden)
        self.labels = NO_LABELS
        self.seq: int | None = None
        self.session: str | None = None

    @classmethod
    def unpacked_later(
        cls,
        packed: Packed,
        timestamp: datetime,
        *,
        prompt_name: str | None,
        branch_name: str | None,
        cell: str | None,
        state: str,
    ) -> ConversationNode:
        """A node out of a store, whose message and metadata are decoded when somebody looks."""
        node = cls.__new__(cls)
        node.tree = None
        node._message = node._metadata = None
        node._packed = packed
        node._given_id = ""
        node.timestamp = timestamp
        node.prompt_name = prompt_name
        node.branch_name = branch_name
        node.cell = cell
        node.state = state
        node.deletion = 0
        node.labels = NO_LABELS
        node.seq = node.session = None
        return node

    @property
    def message(self) -> LLMMessage:  # noqa: D102 - described in the class
        if self._message is None:
            self._message = _unpack_message(self._packed)
        return self._message

    def glance(self) -> LLMMessage:
        """The message, to look at now: one that was not decoded before is not kept."""
        return _unpack_message(self._packed) if self._message is None else self._message

    @property
    def metadata(self) -> dict[str, Any]:  # noqa: D102 - described in the class
        if self._metadata is None:
            assert self._packed is not None
            self._metadata = json.loads(self._packed[3])
        return self._metadata

    @property
    def node_id(self) -> str:  # noqa: D102 - described in the class
        return self._given_id if self.tree is None else calculate_node_id(self.tree)

    @property
    def role(self) -> str:
        """Who speaks; known without decoding the message."""
        return self.message.role if self._packed is None else self._packed[0]

    @property
    def hidden(self) -> bool:
        """Whether it was deleted: it keeps its place and its id, and is not shown."""
        return self.deletion != 0

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing: the root of a conversation without a system prompt."""
        if self._packed is not None and self._packed[1]:
            return False
        message = self.message
        return message.role == "system" and not message.content and not message.parts

    @property
    def starred(self) -> bool:
        """Whether it has a star."""
        return STAR in self.labels

    def take(self, other: ConversationNode) -> None:
        """Say what ``other`` says, which hangs in no tree: for a store that amends an answer that is still coming."""
        self._message, self._metadata, self._packed = other._message, other._metadata, other._packed
        self.timestamp, self.state = other.timestamp, other.state
        for node in self.tree.walk() if self.tree is not None else ():
            node.folds = None  # sums over what it said before

    def detached(self) -> ConversationNode:
        """A copy that hangs in no tree and has no id; message and metadata are shared with this node."""
        twin = type(self).__new__(type(self))
        for name in _SLOTS:
            setattr(twin, name, getattr(self, name))
        twin.tree = None
        twin._given_id = ""
        return twin

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _SLOTS} | {"_given_id": self.node_id}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.tree = None
        for name, value in state.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return f"{self.role}: {preview(self.message.content, 60)}"

    def __repr__(self) -> str:
        return f"<ConversationNode {place_of(self.tree, self._given_id)} {self}>"


_SLOTS = ConversationNode.__slots__


def with_zone(at: datetime) -> datetime:
    """The time with its zone: one that has none is taken to be UTC."""
    return at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at


def place_of(tree: Tree[Any] | None, given: str = "") -> str:
    """The node id for a person to read: that of a deep node is given by its depth and its last steps."""
    if tree is None:
        return repr(given)
    if tree.depth <= 12:
        return repr(calculate_node_id(tree))
    last = [str(node.ordinal) for node, _ in zip(tree.upward(), range(4), strict=False)]
    return f"'…{'.'.join(reversed(last))}' (depth {tree.depth})"


def preview(text: str, most: int = 100) -> str:
    """The beginning of a text, on one line, at most ``most`` characters."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _unpack_message(packed: Packed | None) -> LLMMessage:
    assert packed is not None
    role, content, rest, _ = packed
    if rest is None:
        return LLMMessage(role, content)
    return LLMMessage.from_dict({"role": role, "content": content, **json.loads(rest)})
