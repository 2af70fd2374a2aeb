"""What a scorer is: it gives a trial one or more numbers, each a metric."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..._sync import in_thread
from ...conversations.ledger import CallRecord
from .identity import digest_of, mark_of_seen
from .kinds import MetricKind

if TYPE_CHECKING:
    from pandas import DataFrame, Series  # type: ignore[import-untyped]  # its stubs are a package of their own

    from ..trials import Trial

__all__ = ["FrameMarks", "FrameScorer", "Marks", "NoScore", "PlannedCalls", "Scorer", "checked_values", "number_of"]


class NoScore(Exception):
    """Raised by a scorer that cannot score a trial; the text is the reason, kept beside the missing number."""


@dataclass(slots=True)
class Marks:
    """What a scorer says of a trial.

    Attributes:
        values: The number of each metric; None: no score.
        reasons: Why a metric has no score, or only part of what it should rest on, by metric.
        calls: The model calls that it took.
        failed: Whether it could not have its say, and may another time: a judge that was not to be reached.
        facts: Further numbers that are kept with the score, by name; they are no metrics.
    """

    values: Mapping[str, float | None]
    reasons: dict[str, str] = field(default_factory=dict)
    calls: list[CallRecord] = field(default_factory=list)
    failed: bool = False
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedCalls:
    """Calls that scoring a trial is going to take.

    Attributes:
        provider: Whom they ask.
        settings: Settings of the calls.
        text: What is asked, with nothing in the place of answers that are not there yet.
        count: How many calls.
        answers: How many of the answers that are not there yet it will hold.
    """

    provider: Any
    settings: Mapping[str, Any]
    text: str
    count: int
    answers: int


class Scorer:
    """Gives each trial one or more numbers.

    A scorer of one's own overrides ``score``, as a coroutine or not; what it gives is a number, or None for no score; of
    several metrics, a dict with a number for each. One that makes calls overrides ``marks``.

    Attributes:
        name: What it is called; of a scorer with one metric, the metric too.
        metrics: The metrics it gives.
        kinds: What is known of each metric; a metric that is not in it is any number, and higher is better.
    """

    #: The option that is meant where a specification gives a value and not options.
    shorthand: ClassVar[str | None] = None

    _options: tuple[Any, ...] = ()

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """An object that knows what it was made of."""
        self = super().__new__(cls)
        self._options = (args, options)
        return self

    def __init__(
        self,
        name: str,
        metrics: Sequence[str] | None = None,
        kinds: Mapping[str, MetricKind] | MetricKind | None = None,
    ) -> None:
        self.name = name
        self.metrics: tuple[str, ...] = tuple(metrics) if metrics is not None else (name,)
        self.kinds: Mapping[str, MetricKind] = (
            dict.fromkeys(self.metrics, kinds) if isinstance(kinds, MetricKind) else dict(kinds or {})
        )

    @property
    def higher_is_better(self) -> dict[str, bool]:
        """Which way each metric is better."""
        return {
            metric: self.kinds[metric].higher_is_better if metric in self.kinds else True for metric in self.metrics
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the data that it cannot do without."""
        return ()

    @property
    def identity(self) -> str:
        """What it is, as a short text: another one for other options, another rubric, or another function's code."""
        if (known := vars(self).get("_identity")) is not None:
            return str(known)
        return f"{self.name}:{digest_of(type(self), [self._options, *self.further_facts()])}"

    def __getstate__(self) -> dict[str, Any]:
        # Another process needs what was made of the options, and not the options: a library may be among them.
        return {**vars(self), "_options": (), "_identity": self.identity}

    def further_facts(self) -> Sequence[Any]:
        """What it scores by beside its options, as the text of a rubric."""
        return ()

    def sees(self, trial: Trial) -> Any:
        """What of a trial its say rests on, beside the answer and what was sent: where that is another, it scores anew.

        All that may be otherwise though the same was sent, if a scorer does not say less.
        """
        names = [trial.item, trial.variant, trial.prompt, trial.version, trial.model, trial.repeat]
        return [names, trial.row, trial.parsed]

    def mark(self, trial: Trial, identity: str | None = None) -> str:
        """The mark of its say about a trial, by which it is known that it has had it; ``identity`` is that of before."""
        own = type(self)
        # A class of somebody else's that is made of one of ours may look at more than that.
        knows = own.__module__.startswith("dknb.") or "sees" in vars(own)
        return self.mark_of(self.sees(trial) if knows else Scorer.sees(self, trial), identity)

    def mark_of(self, seen: Any, identity: str | None = None) -> str:
        """The mark of its say about what it sees."""
        return mark_of_seen((*self.metrics, self.name)[0], identity or self.identity, seen)

    def is_of(self, mark: str) -> bool:
        """Whether a mark is one of its own, as it is or as it was."""
        return mark.rpartition(":")[0] == (*self.metrics, self.name)[0]

    async def score(self, trial: Trial) -> Mapping[str, float | None] | float | None:
        """The number of each metric for one trial.

        One that does not await runs in a thread, where a slow one holds up nothing.

        Raises:
            NoScore: It cannot say; the reason is kept.
        """
        return (await self.marks(trial)).values

    async def marks(self, trial: Trial) -> Marks:
        """The numbers, why some are missing, and what they cost."""
        if type(self).score is Scorer.score:
            raise NotImplementedError(f"{type(self).__name__} has neither score nor marks")
        score: Any = self.score
        said = score(trial) if inspect.iscoroutinefunction(score) else await in_thread(score, trial)
        return Marks(checked_values(await said if inspect.isawaitable(said) else said, self.metrics))

    async def planned(self, trial: Trial, baseline: str) -> PlannedCalls | None:
        """The calls that a trial is going to take, which may not have been answered yet; None where it takes none.

        ``baseline`` is the variant that the others are compared with.
        """
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.metrics))})"


class FrameScorer(Scorer):
    """Scores all trials at once, when the run has ended: it sees the frame of trials and the columns of the data."""

    async def score_frame(self, frame: DataFrame) -> Series | DataFrame:
        """The numbers of each row, with the frame's index; of several metrics, a column for each."""
        return (await self.frame_marks(frame)).values

    async def frame_marks(self, frame: DataFrame) -> FrameMarks:
        """The numbers, why some are missing, and what they cost."""
        if type(self).score_frame is FrameScorer.score_frame:
            raise NotImplementedError(f"{type(self).__name__} has neither score_frame nor frame_marks")
        return FrameMarks(await self.score_frame(frame))

    async def marks(self, trial: Trial) -> Marks:
        """Nothing yet: the frame is scored at the end."""
        return Marks(dict.fromkeys(self.metrics))


@dataclass(slots=True)
class FrameMarks:
    """What a scorer says of all trials.

    Attributes:
        values: A Series, or a DataFrame with a column for each metric, with the frame's index.
        reasons: Why rows have no score, or only such a one, by the row's place in the frame.
        calls: The model calls that it took.
        failed: As of `Marks`.
    """

    values: Any
    reasons: dict[int, str] = field(default_factory=dict)
    calls: list[CallRecord] = field(default_factory=list)
    failed: bool = False


def checked_values(said: Any, metrics: Sequence[str]) -> dict[str, float | None]:
    """What a scorer gave as a number for each of its metrics: of one metric, the number alone will do.

    Raises:
        NoScore: It is none, not finite, or of other metrics.
    """
    if not isinstance(said, Mapping):
        if len(metrics) > 1:
            raise NoScore(f"it gave {said!r:.100}, not a dict with {', '.join(metrics)}")
        return {metrics[0]: number_of(said)}
    if said.keys() != dict.fromkeys(metrics).keys():
        raise NoScore(f"it gave {', '.join(map(str, said)) or 'nothing'} and not {', '.join(metrics)}")
    return {metric: number_of(value) for metric, value in said.items()}


def number_of(value: Any) -> float | None:
    """What a function gave as a number: truth is 1 or 0, None and NaN are no score.

    Raises:
        NoScore: It is none, or not finite.
    """
    if value is None:
        return None
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:  # a number of numpy
        value = value.item()
    if not isinstance(value, bool | int | float):
        if type(value).__name__ in ("NAType", "NaTType"):
            return None
        raise NoScore(f"it gave {value!r:.100}, which is no number")
    number = float(value)
    if math.isinf(number):
        raise NoScore(f"it gave {number}, which is not finite")
    return None if math.isnan(number) else number
