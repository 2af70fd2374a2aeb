"""What a store was asked for, checked; and what it lists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...errors import ConfigError
from .rows import AMENDED, HeadRow, NodeRow, storable

__all__ = ["checked_filters", "is_name", "listed", "matches", "says"]


def checked_filters(filters: Any) -> dict[str, Any]:
    """``filters`` of a list of conversations; `ConfigError` if they are none."""
    if not isinstance(filters, Mapping | None):
        raise ConfigError(f"{filters!r:.60} are no filters.", hint='Give a dict: {"topic": "tea"}')
    return dict(filters or {})


def is_name(conversation_id: Any) -> bool:
    """Whether a conversation may be called so; `ConfigError` if it is no text at all."""
    if not isinstance(conversation_id, str):
        raise ConfigError(f"{conversation_id!r:.60} is no name of a conversation.", hint="Give a text.")
    return storable(conversation_id) == conversation_id


def says(there: NodeRow | None, row: NodeRow) -> bool:
    """Whether what is there says what ``row`` says already: a connection broke just after it was written."""
    return there is not None and all(getattr(there, name) == getattr(row, name) for name in (*AMENDED, "session"))


def listed(head: HeadRow) -> dict[str, Any]:
    return {
        "conversation_id": head.conversation_id,
        "created_at": datetime.fromisoformat(head.created_at),
        "updated_at": datetime.fromisoformat(head.updated_at),
        "metadata": json.loads(head.metadata),
        "nodes": head.next_seq,
        "current_branch": head.current_branch,
    }


def matches(listed: dict[str, Any], key: str, value: Any) -> bool:
    if key == "conversation_id":
        return bool(listed[key] == value)
    return key in listed["metadata"] and bool(listed["metadata"][key] == value)
