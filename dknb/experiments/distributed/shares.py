"""What the parts of a run may take of the limits of its models: together never more than there is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...llm.config import LLMConfig
from .parcels import ShareLimits

__all__ = ["ModelShares", "Shares"]


class CallPlaces:
    """Calls at a time."""

    def __init__(self, most: int) -> None:
        self.left = most

    def take(self, share: float) -> int:
        """A share of those that are left, at least one; 0 if there is none."""
        taken = min(self.left, max(1, int(self.left * share)))
        self.left -= taken
        return taken

    def give_back(self, taken: int) -> None:
        """Let others have them."""
        self.left += taken


class Minute:
    """At most so much in any 60 seconds; of less than one, one in a longer time.

    What is leased out counts as long as it is; then what was made of it, from when it was.

    Args:
        per_minute: How much.
        now: The clock.
    """

    def __init__(self, per_minute: float, now: Callable[[], float] = time.monotonic) -> None:
        self._most = max(1, int(per_minute))
        self._seconds = 60.0 * self._most / per_minute
        self._now = now
        self._leased = 0
        self._made: deque[tuple[float, float]] = deque()

    @property
    def left(self) -> int:
        """What nobody has."""
        while self._made and self._made[0][0] + self._seconds <= self._now():
            self._made.popleft()
        return max(0, int(self._most - self._leased - sum(amount for _, amount in self._made)))

    @property
    def pause(self) -> float:
        """Seconds until there is more; 0 if nothing is to come back by itself."""
        return max(0.01, self._made[0][0] + self._seconds - self._now()) if self._made else 0.0

    def take(self, share: float, least: int = 1) -> int:
        """A share of what is left, at least ``least``; 0 if there is not so much."""
        left = self.left
        taken = min(left, max(min(least, self._most), int(left * share)))
        if taken < min(least, self._most):
            return 0
        self._leased += taken
        return taken

    def give_back(self, taken: int, recent: Iterable[tuple[float, float]]) -> None:
        """Let others have it, except for what was made of it: how many seconds ago, and how much."""
        self._leased -= taken
        now = self._now()
        self._made = deque(sorted([*self._made, *((now - ago, amount) for ago, amount in recent)]))

    def rate(self, taken: int) -> float:
        """What is ``taken``, as a number for 60 seconds."""
        return 60.0 * taken / self._seconds


@dataclass
class ModelShares:
    """The limits of one provider.

    Attributes:
        places: Calls at a time; None for no limit.
        minutes: ``requests`` and ``tokens`` in a minute, as far as they are limited.
    """

    places: CallPlaces | None = None
    minutes: Mapping[str, Minute] = field(default_factory=dict)

    @classmethod
    def of(cls, config: LLMConfig, most: int | None) -> ModelShares:
        """The limits that a config has.

        Args:
            config: The config.
            most: Most calls at a time, as far as the run is concerned; None for no limit.
        """
        told = [each for each in (config.max_concurrency, most) if each is not None]
        limit = config.rate_limit
        rates = limit if isinstance(limit, Mapping) else {} if limit is None else {"requests": limit}
        return cls(CallPlaces(min(told)) if told else None, {name: Minute(rate) for name, rate in rates.items()})


@dataclass
class Taken:
    """What a part of a run has taken, for each provider."""

    places: list[int]
    minutes: list[dict[str, int]]


class Shares:
    """The limits of all providers of a run.

    Args:
        models: The limits of each.
        least_tokens: Tokens that the largest call of each may take, where tokens are limited.
    """

    def __init__(self, models: Sequence[ModelShares], least_tokens: Sequence[int]) -> None:
        self._models, self._least_tokens = models, least_tokens

    def take(self, share: float) -> tuple[Taken, list[ShareLimits]] | None:
        """A share of everything; None while something is all taken."""
        taken = Taken([], [])
        limits: list[ShareLimits] = []
        for model, tokens in zip(self._models, self._least_tokens, strict=True):
            places = None if model.places is None else model.places.take(share)
            least = {"requests": 1, "tokens": tokens}
            minutes = {name: minute.take(share, least[name]) for name, minute in model.minutes.items()}
            taken.places.append(places or 0)
            taken.minutes.append(minutes)
            rates = {name: minute.rate(minutes[name]) for name, minute in model.minutes.items()}
            limits.append(ShareLimits(places, rates))
            if places == 0 or 0 in minutes.values():
                self.give_back(taken, ())
                return None
        return taken, limits

    def give_back(self, taken: Taken, recent: Sequence[Mapping[str, Sequence[tuple[float, float]]]]) -> None:
        """Let others have it.

        Args:
            taken: What was taken.
            recent: What was made of it lately, for each provider; see `AsyncLLMProvider.recent`.
        """
        for place, (places, minutes) in enumerate(zip(taken.places, taken.minutes, strict=True)):
            model = self._models[place]
            if model.places is not None:
                model.places.give_back(places)
            made = recent[place] if place < len(recent) else {}
            for name, amount in minutes.items():
                model.minutes[name].give_back(amount, made.get(name, ()))

    @property
    def pause(self) -> float | None:
        """Seconds until more may be had, without anybody's giving back; None if that will not be."""
        pauses = [minute.pause for model in self._models for minute in model.minutes.values()]
        return min((pause for pause in pauses if pause), default=None)
