"""Conversations: a tree of messages, a store that loses nothing, and a manager that talks to a model.

Names are imported at first use, so that ``import dknb.conversations`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import exports

if TYPE_CHECKING:
    from .asking import ModelConversation
    from .branches import BranchRecord
    from .context import Fit, Fitted
    from .conversation import Conversation
    from .dataknobs import DataknobsConversationStorage
    from .diff import MessageDiff, PathDiff, PathFigures, WordRun
    from .exchange import (
        Exported,
        export_conversations,
        export_conversations_sync,
        import_conversations,
        import_conversations_sync,
    )
    from .history import History, get_messages_for_llm
    from .ledger import CallRecord
    from .manager import ConversationManager
    from .middleware import (
        BudgetMiddleware,
        CacheMiddleware,
        ContentFilterMiddleware,
        ConversationMiddleware,
        LoggingMiddleware,
        MemoryAnswers,
        MetadataMiddleware,
        RateLimitMiddleware,
        RedactionMiddleware,
        StoredAnswers,
        ValidationMiddleware,
    )
    from .node import ConversationNode
    from .portable import Imported
    from .reader import ConversationReader
    from .search import Hit, Query
    from .sql import SQLConversationStorage
    from .state import SCHEMA_VERSION, Branch, ConversationState
    from .steps import Amendment, Change, Start, Step
    from .storage import ConversationStorage
    from .stores.memory import MemoryConversationStorage
    from .together import CallReply
    from .tree import Tree, calculate_node_id, get_node_by_id

_HOME = {
    "SCHEMA_VERSION": "state",
    "Amendment": "steps",
    "Branch": "state",
    "BranchRecord": "branches",
    "BudgetMiddleware": "middleware",
    "CacheMiddleware": "middleware",
    "CallRecord": "ledger",
    "CallReply": "together",
    "Change": "steps",
    "ContentFilterMiddleware": "middleware",
    "Conversation": "conversation",
    "ConversationManager": "manager",
    "ConversationMiddleware": "middleware",
    "ConversationNode": "node",
    "ConversationReader": "reader",
    "ConversationState": "state",
    "ConversationStorage": "storage",
    "DataknobsConversationStorage": "dataknobs",
    "Exported": "exchange",
    "Fit": "context",
    "Fitted": "context",
    "History": "history",
    "Hit": "search",
    "Imported": "portable",
    "LoggingMiddleware": "middleware",
    "MemoryAnswers": "middleware",
    "MemoryConversationStorage": "stores.memory",
    "MessageDiff": "diff",
    "MetadataMiddleware": "middleware",
    "ModelConversation": "asking",
    "PathDiff": "diff",
    "PathFigures": "diff",
    "Query": "search",
    "RateLimitMiddleware": "middleware",
    "RedactionMiddleware": "middleware",
    "SQLConversationStorage": "sql",
    "Start": "steps",
    "Step": "steps",
    "StoredAnswers": "middleware",
    "Tree": "tree",
    "ValidationMiddleware": "middleware",
    "WordRun": "diff",
    "calculate_node_id": "tree",
    "export_conversations": "exchange",
    "export_conversations_sync": "exchange",
    "get_messages_for_llm": "history",
    "get_node_by_id": "tree",
    "import_conversations": "exchange",
    "import_conversations_sync": "exchange",
}

__all__ = [
    "SCHEMA_VERSION",
    "Amendment",
    "Branch",
    "BranchRecord",
    "BudgetMiddleware",
    "CacheMiddleware",
    "CallRecord",
    "CallReply",
    "Change",
    "ContentFilterMiddleware",
    "Conversation",
    "ConversationManager",
    "ConversationMiddleware",
    "ConversationNode",
    "ConversationReader",
    "ConversationState",
    "ConversationStorage",
    "DataknobsConversationStorage",
    "Exported",
    "Fit",
    "Fitted",
    "History",
    "Hit",
    "Imported",
    "LoggingMiddleware",
    "MemoryAnswers",
    "MemoryConversationStorage",
    "MessageDiff",
    "MetadataMiddleware",
    "ModelConversation",
    "PathDiff",
    "PathFigures",
    "Query",
    "RateLimitMiddleware",
    "RedactionMiddleware",
    "SQLConversationStorage",
    "Start",
    "Step",
    "StoredAnswers",
    "Tree",
    "ValidationMiddleware",
    "WordRun",
    "calculate_node_id",
    "export_conversations",
    "export_conversations_sync",
    "get_messages_for_llm",
    "get_node_by_id",
    "import_conversations",
    "import_conversations_sync",
]

__getattr__, __dir__ = exports(__name__, _HOME)
