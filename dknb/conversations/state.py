"""A conversation in memory: its tree, its branches, and where one is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..errors import NodeNotFound
from ..llm.messages import utc_now
from .node import ConversationNode
from .tree import Tree, calculate_node_id, get_node_by_id

if TYPE_CHECKING:
    from .steps import Amendment, Step

__all__ = ["GROWING", "MAIN", "SCHEMA_VERSION", "Branch", "ConversationState", "still_growing"]

#: The branch of a new conversation.
MAIN = "main"

#: An answer that has not grown for so long is cut, for all that others can tell: whoever writes it waits, or died.
GROWING = timedelta(seconds=5)

#: Version of a conversation as a document: a higher major version cannot be read by this dknb, a higher minor one can.
SCHEMA_VERSION = "1.1.0"


@dataclass(frozen=True, slots=True)
class Branch:
    """A name that moves with the conversation.

    Attributes:
        name: What the user calls it.
        head: The node it points at.
        updated_at: When it was made or last moved (UTC).
        deletion: 0, or the number of the deletion that hid it.
    """

    name: str
    head: Tree[ConversationNode]
    updated_at: datetime
    deletion: int = 0


class ConversationState:
    """A conversation: the seed's fields, the branches, and the bookkeeping of its store.

    Attributes:
        conversation_id: Its name in the store.
        message_tree: The root of its tree.
        current: The node where the next message goes.
        current_branch: The branch that moves along, or None.
        branches: All branches by name, deleted ones included. Replaced as a whole, never changed in place.
        created_at: When it was made (UTC).
        updated_at: When it was last written to (UTC).
        metadata: What the caller keeps with it.
        stored: The stored nodes, each at the index that is its ``seq``.
        revision: Counts the changes to what is already stored (branches made, renamed, deleted; nodes hidden or
            labelled; metadata).
        open: Numbers of the nodes that were still being written when they were read, by another process or one that died.
        owed: What a failing store refused and that must not be lost, in order (see `ConversationStorage.write_owed`).
    """

    __slots__ = (
        "_hides",
        "branches",
        "conversation_id",
        "created_at",
        "current",
        "current_branch",
        "message_tree",
        "metadata",
        "open",
        "owed",
        "revision",
        "stored",
        "updated_at",
    )

    def __init__(
        self,
        conversation_id: str,
        message_tree: Tree[ConversationNode],
        current_node_id: str = "",
        created_at: datetime | None = None,
        updated_at: datetime | None = None,
        metadata: dict[str, Any] | None = None,
        *,
        branches: dict[str, Branch] | None = None,
        current_branch: str | None = None,
    ) -> None:
        self.conversation_id = conversation_id
        self.message_tree = message_tree
        self.created_at = created_at or utc_now()
        self.updated_at = updated_at or self.created_at
        self.metadata: dict[str, Any] = {} if metadata is None else metadata
        self.current = message_tree
        self.current_node_id = current_node_id
        if branches is None:
            branches = {MAIN: Branch(MAIN, self.current, self.updated_at)}
            current_branch = MAIN
        self.branches = branches
        self.current_branch = current_branch
        self.stored: list[Tree[ConversationNode]] = []
        self.revision = 0
        self.open: set[int] = set()
        self.owed: list[Step | Amendment] = []
        self._hides: tuple[int, bool] | None = None

    @property
    def current_node_id(self) -> str:
        """The id of the current node, computed on demand; setting it moves there."""
        return calculate_node_id(self.current)

    @current_node_id.setter
    def current_node_id(self, node_id: str) -> None:
        node = get_node_by_id(self.message_tree, node_id)
        if node is None:
            raise NodeNotFound(f"The conversation has no node {node_id!r}.")
        self.current = node

    @property
    def has_system_prompt(self) -> bool:
        """Whether the root says something."""
        return not self.message_tree.data.is_empty

    def set_branch(self, branch: Branch) -> None:
        """Add ``branch``, or put it in the place of the one of that name."""
        self.branches = {**self.branches, branch.name: branch}

    def move(self, node: Tree[ConversationNode], branch: str | None) -> None:
        """Be at ``node``, on ``branch`` (whose head is moved there) or on none."""
        self.current = node
        self.current_branch = branch
        if branch is not None:
            self.move_head(branch, node)

    def move_head(self, branch: str, node: Tree[ConversationNode]) -> None:
        """Point ``branch`` at ``node``; it is made when there is none of that name."""
        known = self.branches.get(branch)
        now = utc_now()
        self.set_branch(replace(known, head=node, updated_at=now) if known else Branch(branch, node, now))

    def hides_anything(self) -> bool:
        """Whether any node is deleted; looked up anew after a change to what is stored only."""
        if self._hides is None or self._hides[0] != self.revision:
            self._hides = (self.revision, any(node.data.deletion for node in self.message_tree.walk()))
        return self._hides[1]

    @property
    def known_to_hide(self) -> bool | None:
        """What `hides_anything` says, if it need not look; can be set by who knows it."""
        return self._hides[1] if self._hides is not None and self._hides[0] == self.revision else None

    @known_to_hide.setter
    def known_to_hide(self, hides: bool | None) -> None:
        self._hides = None if hides is None else (self.revision, hides)

    def unsaved(self) -> Iterator[Tree[ConversationNode]]:
        """The nodes that are in the tree but not in the store, parents first."""
        return (node for node in self.message_tree.walk() if node.data.seq is None)

    def to_dict(self) -> dict[str, Any]:
        """The conversation as the document that dataknobs-llm writes (schema version 1.1.0), JSON data."""
        from .exchange.documents import write_document

        return write_document(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ConversationState:
        """The conversation of such a document, of version 1.0.0 or 1.1.0.

        Raises:
            SchemaVersionError: It has a higher major version.
            StorageError: It is broken.
        """
        from .exchange.documents import read_document

        return read_document(data).state

    def __repr__(self) -> str:
        on = f" on {self.current_branch!r}" if self.current_branch is not None else ""
        return f"<ConversationState {self.conversation_id!r} at {self.current.data!r}{on}, {len(self.stored)} stored>"

    def __getstate__(self) -> dict[str, Any]:
        # A list of all nodes would be pickled node by node, each by its path from the root: the seqs rebuild it.
        state = {name: getattr(self, name) for name in self.__slots__ if name != "stored"}
        return state | {"seqs": [node.data.seq for node in self.message_tree.walk()]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        seqs = state.pop("seqs")
        for name, value in state.items():
            setattr(self, name, value)
        numbered = zip(seqs, self.message_tree.walk(), strict=True)
        self.stored = [
            node for _, node in sorted(((s, n) for s, n in numbered if s is not None), key=lambda pair: pair[0])
        ]


def still_growing(state: ConversationState, node: Tree[ConversationNode]) -> Tree[ConversationNode] | None:
    """The answer at or above ``node`` that another process is still writing, as far as ``state`` knows."""
    now = utc_now()
    for seq in state.open:
        tree = state.stored[seq]
        young = now - tree.data.timestamp < GROWING
        if young and next((each for each in node.upward() if each.depth <= tree.depth), None) is tree:
            return tree
    return None
