"""What is imported, and the conversations that are one row of messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...llm.messages import LLMMessage
from ..ledger import CallRecord
from ..node import ConversationNode
from ..state import MAIN, Branch, ConversationState
from ..tree import Tree

__all__ = ["TOLD", "ImportedTalk", "new_talk", "talk_in_a_row"]

NodeTree = Tree[ConversationNode]

#: What a file may tell of a conversation beside what was said: those of others only the first.
TOLD = ("metadata", "position", "details of messages", "labels", "branches", "deletions")


@dataclass(slots=True)
class ImportedTalk:
    """A conversation of a file.

    Attributes:
        state: The conversation, in no store yet.
        calls: Rows of the ledger.
        tells: What the file tells of it beside what was said, out of `TOLD`.
        has_identity: Whether others know it by its name, so that nothing but the caller may give it another.
    """

    state: ConversationState
    calls: Sequence[CallRecord] = field(default=())
    tells: Sequence[str] = ("metadata",)
    has_identity: bool = False


def new_talk(name: str, root: NodeTree, end: NodeTree, at: datetime, metadata: dict[str, Any]) -> ConversationState:
    """A conversation of a tree; one is at ``end``, on ``main``."""
    state = ConversationState(name, root, created_at=at, metadata=metadata, branches={}, current_branch=MAIN)
    state.branches = {MAIN: Branch(MAIN, end, at)}
    state.current, state.updated_at = end, max(at, end.data.timestamp)
    return state


def talk_in_a_row(
    name: str, messages: Iterable[LLMMessage], at: datetime, metadata: dict[str, Any]
) -> ConversationState:
    """A conversation of messages, one below the other. A system prompt is its root; without one the root is empty."""
    end: NodeTree | None = None
    for message in messages:
        node = Tree(ConversationNode(message, timestamp=at))
        if end is None and message.role == "system":
            end = node
            continue
        end = (Tree(ConversationNode(LLMMessage("system", ""), timestamp=at)) if end is None else end).add_child(node)
    if end is None:
        raise ValueError("it has no messages")
    return new_talk(name, end.root, end, at, metadata)
