"""What workers are given, and what they give back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...conversations.storage import ConversationStorage
from ...errors import DknbError
from ..design.design import Design
from ..design.items import Item
from ..design.models import ModelArm
from ..design.prompts import PromptArm
from ..design.requests import Request
from ..running.parsing import AnswerReader
from ..running.scoring import Scoring
from ..store.claims import this_host
from ..store.rows import Asked, TrialRow

__all__ = ["Job", "Parcel", "Returned", "ShareLimits", "bare", "this_host"]


@dataclass(frozen=True)
class Job:
    """What is the same for all parts of a run.

    Attributes:
        run: Names the run.
        name: The experiment's name.
        prompts: The prompts' names; what they send is in the parcels.
        models: The models.
        repeats: How often each item is asked of each variant.
        reader: Reads answers.
        scoring: Scores trials.
        storage: The store.
        host: The machine on which alone the store is reached; None for all.
    """

    run: str
    name: str
    prompts: Sequence[PromptArm]
    models: Sequence[ModelArm]
    repeats: int
    reader: AnswerReader
    scoring: Scoring
    storage: ConversationStorage
    host: str | None


@dataclass(frozen=True)
class ShareLimits:
    """What a part of a run may take of a model's limits.

    Attributes:
        places: Most calls at a time.
        rates: Most ``requests`` and ``tokens`` in 60 seconds.
    """

    places: int | None = None
    rates: Mapping[str, float] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a provider that keeps to them."""
        told: dict[str, Any] = {} if self.places is None else {"max_concurrency": self.places}
        return {**told, "rate_limit": dict(self.rates)} if self.rates else told


@dataclass(frozen=True)
class Parcel:
    """A part of a run; trials are numbered as in a design of its items alone.

    Attributes:
        shard: Names the part.
        items: Its items.
        requests: What is sent, for each item of each variant; nothing where nothing is asked.
        ask: The trials that are to be asked.
        score: Those that are to be scored.
        failed: Those of ``ask`` that were errors before, as they are stored.
        leading: The nodes of what stands before the last messages.
        limits: What it may take of each provider's limits.
        dollars: What it may spend.
        allows_unknown: Whether it may make calls whose price nobody knows.
    """

    shard: str
    items: Sequence[Item]
    requests: Sequence[Request]
    ask: Sequence[int]
    score: Sequence[int]
    failed: Mapping[int, TrialRow]
    leading: Sequence[Asked]
    limits: Sequence[ShareLimits]
    dollars: float
    allows_unknown: bool


@dataclass
class Returned:
    """What came of a part of a run.

    Attributes:
        rows: The trials that are done, by their numbers in the parcel.
        asked: Which of them were asked, also by somebody who worked at it before.
        reason: Why it ended before its end, as that of a run.
        why: What a budget said.
        given_up: Models that were not asked on, by label, with the error.
        missed: How many trials a recording does not have.
        recent: What counts for the rates of each provider, see `AsyncLLMProvider.recent`.
        unpriced: How many calls were made whose price is not known.
        fault: What kept it from being worked at.
    """

    rows: dict[int, TrialRow] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)
    reason: str | None = None
    why: DknbError | None = None
    given_up: dict[str, DknbError] = field(default_factory=dict)
    missed: int = 0
    recent: Sequence[Mapping[str, Sequence[tuple[float, float]]]] = ()
    unpriced: int = 0
    fault: Exception | None = None


def bare(prompt: PromptArm) -> PromptArm:
    """A prompt by its names alone: it was rendered before."""
    nothing: Any = None
    return PromptArm(prompt.label, prompt.name, prompt.version, nothing, nothing)


def design_of(job: Job, parcel: Parcel, models: Sequence[ModelArm]) -> Design:
    """The design of a part of a run."""
    return Design(job.name, parcel.items, job.prompts, models, job.repeats, _requests=list(parcel.requests))
