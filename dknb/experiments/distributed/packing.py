"""Making up what goes to workers: what is the same for all parts of a run once, and each part."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ...conversations.storage import ConversationStorage
from ...errors import ConfigError
from ...llm.base import AsyncLLMProvider
from ...llm.calls.expected import expected_usage
from ...llm.recordings.recording import active
from ...llm.request import ModelRequest, completion_request
from ..design.models import ModelArm
from ..design.requests import Request
from ..setup import Setup
from ..store.nodes import TrialNodes
from ..store.rows import TrialRow
from .parcels import Job, Parcel, ShareLimits, bare, this_host
from .sealing import Sealed, seal, seal_providers
from .shares import ModelShares, Shares

__all__ = ["Numbering", "Packed", "Packer", "Portion"]

_NOT_SENT = Request((), "", 0)


@dataclass(frozen=True)
class Numbering:
    """How the trials of some items are numbered among themselves.

    Attributes:
        items: The numbers of the items, in their order.
        each: How many trials an item has.
    """

    items: Sequence[int]
    each: int
    _places: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._places.update({item: place for place, item in enumerate(self.items)})

    def own(self, number: int) -> int:
        """The number here of a trial of the design."""
        item, rest = divmod(number, self.each)
        return self._places[item] * self.each + rest

    def whole(self, own: int) -> int:
        """The number in the design of a trial here."""
        place, rest = divmod(own, self.each)
        return self.items[place] * self.each + rest


@dataclass(frozen=True)
class Packed:
    """What is the same for all parts of a run.

    Attributes:
        job: The job.
        providers: The providers in it.
        shares: Their limits.
    """

    job: Sealed
    providers: Sealed
    shares: Shares


@dataclass(frozen=True)
class Portion:
    """A part of a run, before it is made up.

    Attributes:
        shard: Names it.
        numbers: Its trials.
        limits: What it may take of each provider's limits.
        dollars: What it may spend.
        allows_unknown: Whether it may make calls whose price nobody knows.
    """

    shard: str
    numbers: Sequence[int]
    limits: Sequence[ShareLimits]
    dollars: float
    allows_unknown: bool


class Packer:
    """Makes up what goes to workers. What it does takes time.

    Args:
        setup: The experiment.
        run: Names the run.
    """

    def __init__(self, setup: Setup, run: str) -> None:
        self._setup, self._design, self._run = setup, setup.design, run
        self._each = len(self._design.variants) * self._design.repeats

    def refuse(self, storage: ConversationStorage) -> None:
        """Refuse what workers cannot do.

        Raises:
            ConfigError: The store is in memory, or a recording is in use.
        """
        from ...conversations.sql import SQLConversationStorage

        if not isinstance(storage, SQLConversationStorage) or storage.in_memory:
            raise ConfigError(
                "The store of the experiment is in the memory of this process, which workers do not reach.",
                hint="store='postgresql://...', or the path of an SQLite file if all workers are on this machine",
            )
        if active() is not None and any(arm.provider.recorded for arm in self._design.models):
            raise ConfigError(
                "A recording is in use, which workers do not have.", hint="Run it here, without executor=..."
            )

    def packed(self, storage: ConversationStorage, ask: Sequence[int]) -> Packed:
        """What is the same for all parts.

        Raises:
            ConfigError: Something of the experiment cannot be sent.
        """
        from ...conversations.sql import SQLConversationStorage

        design, path = self._design, getattr(storage, "path", None)
        job = Job(
            run=self._run,
            name=design.name,
            prompts=[bare(prompt) for prompt in design.prompts],
            models=design.models,
            repeats=design.repeats,
            reader=self._setup.reader,
            scoring=self._setup.scoring.of_trials(),
            storage=storage if path is None else SQLConversationStorage(path.absolute()),
            host=None if path is None else this_host(),
        )
        sealed, providers = seal(job, "The experiment")
        shares = Shares(
            [self._limits_of(provider) for provider in providers],
            [self._most_tokens(provider, ask) for provider in providers],
        )
        return Packed(sealed, seal_providers(providers), shares)

    def _limits_of(self, provider: AsyncLLMProvider) -> ModelShares:
        is_asked = any(arm.provider is provider for arm in self._design.models)
        return ModelShares.of(provider.config, self._setup.concurrency if is_asked else None)

    def _most_tokens(self, provider: AsyncLLMProvider, ask: Sequence[int]) -> int:
        """Tokens that the largest call may take, where they are limited."""
        limit = provider.config.rate_limit
        if not isinstance(limit, Mapping) or "tokens" not in limit:
            return 1
        own = [number for number in ask if self._arm(number).provider is provider]
        usages = [expected_usage(self.request(number), provider.config) for number in own[:: self._design.repeats]]
        return max((sum(usage.values()) for usage in usages), default=1)

    def _arm(self, number: int) -> ModelArm:
        return self._design.variants[self._design.place(number).variant].model

    def request(self, number: int) -> ModelRequest:
        """What a trial sends, as a budget looks at it."""
        arm = self._arm(number)
        return completion_request(arm.config, self._design.request(number).messages, not_sent=arm.provider.not_sent)

    def numbering(self, numbers: Sequence[int]) -> Numbering:
        """How these trials are numbered among themselves."""
        return Numbering(list(dict.fromkeys(number // self._each for number in numbers)), self._each)

    def parcel(self, portion: Portion, ask: Collection[int], rows: Mapping[int, TrialRow], nodes: TrialNodes) -> Sealed:
        """A part of the run.

        Args:
            portion: Which, and what it may take.
            ask: The trials that are to be asked; the others are to be scored.
            rows: What there is of the trials.
            nodes: The conversation.

        Raises:
            ConfigError: The data of an item cannot be sent.
        """
        numbers = portion.numbers
        design, here = self._design, self.numbering(numbers)
        wanted = {number // design.repeats for number in numbers}
        variants = len(design.variants)
        places = [item * variants + variant for item in here.items for variant in range(variants)]
        requests = [design.requests[place] if place in wanted else _NOT_SENT for place in places]
        whole = Parcel(
            shard=portion.shard,
            items=[design.items[item] for item in here.items],
            requests=requests,
            ask=[here.own(number) for number in numbers if number in ask],
            score=[here.own(number) for number in numbers if number not in ask],
            failed={here.own(number): rows[number] for number in numbers if number in ask and number in rows},
            leading=nodes.leading([request.messages for request in requests if request.messages]),
            limits=portion.limits,
            dollars=portion.dollars,
            allows_unknown=portion.allows_unknown,
        )
        return seal(whole, "A part of the data")[0]
