"""Times of versions, experiments and events: UTC, with their zone."""

from __future__ import annotations

from datetime import datetime, timezone

__all__ = ["as_utc", "now_utc", "read_time", "time_text"]


def now_utc() -> datetime:
    """Now."""
    return datetime.now(timezone.utc)


def as_utc(at: datetime) -> datetime:
    """The time in UTC; one without a zone is UTC already."""
    return at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at.astimezone(timezone.utc)


def time_text(at: datetime) -> str:
    """The time as text that sorts as times do."""
    return as_utc(at).isoformat(timespec="microseconds")


def read_time(given: str | datetime) -> datetime:
    """The time that a text or a time says."""
    return as_utc(datetime.fromisoformat(given) if isinstance(given, str) else given)
