"""What is measured of the versions of prompts in use: events, and what many of them come to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ...errors import VersioningError
from .plain import check_storable, is_number, is_text, is_whole
from .times import as_utc, now_utc, read_time, time_text

__all__ = ["MetricEvent", "PromptMetrics", "checked_event", "metrics_of"]


@dataclass(frozen=True)
class MetricEvent:
    """One use of a version.

    Attributes:
        version_id: What was used: the id of a version, or its number.
        timestamp: When, in UTC.
        success: Whether it did what it should.
        response_time: How long it took, in seconds; None if that is not known.
        tokens: How many tokens it took; None if that is not known.
        user_rating: What the user thought, from 1 to 5; None if he did not say.
        metadata: Anything else, as data that JSON holds.
    """

    version_id: str = ""
    timestamp: datetime = field(default_factory=now_utc)
    success: bool = True
    response_time: float | None = None
    tokens: int | None = None
    user_rating: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "timestamp", as_utc(self.timestamp))

    def to_dict(self) -> dict[str, Any]:
        """The event as data that JSON holds."""
        return {**vars(self), "timestamp": time_text(self.timestamp)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MetricEvent:
        """The event that ``to_dict`` made data of."""
        return cls(**{**data, **({"timestamp": read_time(data["timestamp"])} if "timestamp" in data else {})})


@dataclass(frozen=True)
class PromptMetrics:
    """What many events come to. An average is over the events that have the value, and 0.0 where none has.

    Attributes:
        version_id: What they are of.
        total_uses: How many there are.
        success_count: How many did what they should.
        error_count: How many did not.
        total_response_time: Seconds, of all that tell them.
        total_tokens: Tokens, of all that tell them.
        user_ratings: The ratings.
        last_used: When the last of them was.
        metadata: Anything else.
        timed_uses: How many tell their seconds; all, if it is not given.
        counted_uses: How many tell their tokens; all, if it is not given.
    """

    version_id: str
    total_uses: int = 0
    success_count: int = 0
    error_count: int = 0
    total_response_time: float = 0.0
    total_tokens: int = 0
    user_ratings: list[float] = field(default_factory=list)
    last_used: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    timed_uses: int | None = None
    counted_uses: int | None = None

    @property
    def success_rate(self) -> float:
        """The share of uses that did what they should."""
        return self.success_count / self.total_uses if self.total_uses else 0.0

    @property
    def avg_response_time(self) -> float:
        """Seconds of a use that tells them."""
        uses = self.uses_with("avg_response_time")
        return self.total_response_time / uses if uses else 0.0

    @property
    def avg_tokens(self) -> float:
        """Tokens of a use that tells them."""
        uses = self.uses_with("avg_tokens")
        return self.total_tokens / uses if uses else 0.0

    @property
    def avg_rating(self) -> float:
        """The mean of the ratings."""
        return math.fsum(self.user_ratings) / len(self.user_ratings) if self.user_ratings else 0.0

    def uses_with(self, metric: str) -> int:
        """How many uses have a value for ``success_rate``, ``avg_response_time``, ``avg_tokens`` or ``avg_rating``."""
        told = {
            "avg_response_time": self.timed_uses,
            "avg_tokens": self.counted_uses,
            "avg_rating": len(self.user_ratings),
        }.get(metric)
        return self.total_uses if told is None else told

    def to_dict(self) -> dict[str, Any]:
        """The metrics as data that JSON holds, averages included."""
        return {
            **vars(self),
            "last_used": None if self.last_used is None else time_text(self.last_used),
            **{name: getattr(self, name) for name in _COMPUTED},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PromptMetrics:
        """The metrics that ``to_dict`` made data of."""
        told = {key: value for key, value in data.items() if key not in _COMPUTED}
        if told.get("last_used") is not None:
            told["last_used"] = read_time(told["last_used"])
        return cls(**told)


#: What fits into a column of whole numbers.
_MOST_TOKENS = 2**63

_COMPUTED = ("success_rate", "avg_response_time", "avg_tokens", "avg_rating")


def metrics_of(version_id: str, events: Iterable[MetricEvent]) -> PromptMetrics:
    """What events come to."""
    listed = list(events)
    seconds = [event.response_time for event in listed if event.response_time is not None]
    tokens = [event.tokens for event in listed if event.tokens is not None]
    successes = sum(event.success for event in listed)
    return PromptMetrics(
        version_id,
        total_uses=len(listed),
        success_count=successes,
        error_count=len(listed) - successes,
        total_response_time=math.fsum(seconds),
        total_tokens=sum(tokens),
        user_ratings=[event.user_rating for event in listed if event.user_rating is not None],
        last_used=max((event.timestamp for event in listed), default=None),
        timed_uses=len(seconds),
        counted_uses=len(tokens),
    )


def checked_event(event: MetricEvent) -> MetricEvent:
    """The event with plain numbers, if every store can keep it and sums can be made of it.

    Raises:
        VersioningError: It is none, or a value of it is not what it must be.
    """
    if type(event) is not MetricEvent:
        raise VersioningError(
            f"What is recorded is a MetricEvent, not {event!r}.", hint='MetricEvent("1.0.0", success=True)'
        )
    if not is_text(event.version_id):
        raise VersioningError(f"An event is of a version, not of {event.version_id!r}.", hint="Give the version's id.")
    if event.success not in (True, False):
        raise VersioningError(f"success is true or false, not {event.success!r}.")
    seconds, tokens, rating = event.response_time, event.tokens, event.user_rating
    if seconds is not None and not (is_number(seconds) and seconds >= 0):
        raise VersioningError(f"response_time is seconds from 0, or None, not {seconds!r}.")
    if tokens is not None and not (is_whole(tokens) and 0 <= tokens < _MOST_TOKENS):
        raise VersioningError(f"tokens is a whole number from 0, or None, not {tokens!r}.")
    if rating is not None and not (is_number(rating) and 1 <= rating <= 5):
        raise VersioningError(f"User rating must be between 1.0 and 5.0, got {rating!r}.")
    check_storable(event.metadata, "an event")
    return replace(
        event,
        success=bool(event.success),
        response_time=None if seconds is None else float(seconds),
        tokens=None if tokens is None else int(tokens),
        user_rating=None if rating is None else float(rating),
    )
