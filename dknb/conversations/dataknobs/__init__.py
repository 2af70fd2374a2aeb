"""Conversations as documents in a database of the package dataknobs-data."""

from .storage import DataknobsConversationStorage

__all__ = ["DataknobsConversationStorage"]
