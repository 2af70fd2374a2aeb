"""Conversations in an SQL database, SQLite or PostgreSQL: one schema, one row a node."""

from .store import SQLConversationStorage

__all__ = ["SQLConversationStorage"]
