"""Conversations: a tree of messages, a store that loses nothing, and a manager that talks to a model.

Names are imported at first use, so that ``import dknb.conversations`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .branches import BranchRecord
    from .conversation import Conversation
    from .diff import MessageDiff, PathDiff, WordRun
    from .history import History, get_messages_for_llm
    from .ledger import CallRecord
    from .manager import ConversationManager
    from .memory import MemoryConversationStorage
    from .middleware import ConversationMiddleware, LoggingMiddleware, MetadataMiddleware
    from .node import ConversationNode
    from .sql import SQLConversationStorage
    from .state import SCHEMA_VERSION, Branch, ConversationState
    from .steps import Change, Start, Step
    from .storage import ConversationStorage
    from .tree import Tree, calculate_node_id, get_node_by_id

_HOME = {
    "SCHEMA_VERSION": "state",
    "Branch": "state",
    "BranchRecord": "branches",
    "CallRecord": "ledger",
    "Change": "steps",
    "Conversation": "conversation",
    "ConversationManager": "manager",
    "ConversationMiddleware": "middleware",
    "ConversationNode": "node",
    "ConversationState": "state",
    "ConversationStorage": "storage",
    "History": "history",
    "LoggingMiddleware": "middleware",
    "MemoryConversationStorage": "memory",
    "MessageDiff": "diff",
    "MetadataMiddleware": "middleware",
    "PathDiff": "diff",
    "SQLConversationStorage": "sql",
    "Start": "steps",
    "Step": "steps",
    "Tree": "tree",
    "WordRun": "diff",
    "calculate_node_id": "tree",
    "get_messages_for_llm": "history",
    "get_node_by_id": "tree",
}

__all__ = [
    "SCHEMA_VERSION",
    "Branch",
    "BranchRecord",
    "CallRecord",
    "Change",
    "Conversation",
    "ConversationManager",
    "ConversationMiddleware",
    "ConversationNode",
    "ConversationState",
    "ConversationStorage",
    "History",
    "LoggingMiddleware",
    "MemoryConversationStorage",
    "MessageDiff",
    "MetadataMiddleware",
    "PathDiff",
    "SQLConversationStorage",
    "Start",
    "Step",
    "Tree",
    "WordRun",
    "calculate_node_id",
    "get_messages_for_llm",
    "get_node_by_id",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
