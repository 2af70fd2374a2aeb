"""Errors of recordings and conversations."""

from __future__ import annotations

from .base import DknbError


class RecordingError(DknbError):
    """A recording that cannot be read or written."""


class ReplayMiss(RecordingError):
    """A strict replay was asked for a request that is not recorded."""


class ConversationError(DknbError):
    """Something about a conversation."""


class ConversationNotFound(ConversationError, LookupError):
    """No conversation of that id in the store."""


class NodeNotFound(ConversationError, LookupError):
    """No node of that id in the conversation."""


class BranchError(ConversationError):
    """A branch that is missing, taken, or cannot be changed in this way."""


class StorageError(ConversationError):
    """The store cannot be read or written."""


class SchemaVersionError(ConversationError):
    """A store or document of a newer major version than this dknb knows."""
