"""Conversations from and to files that others write and read."""

from .giving import Exported, export_conversations, export_conversations_sync
from .taking import import_conversations, import_conversations_sync

__all__ = [
    "Exported",
    "export_conversations",
    "export_conversations_sync",
    "import_conversations",
    "import_conversations_sync",
]
