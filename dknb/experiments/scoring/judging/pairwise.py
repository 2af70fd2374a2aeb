"""A model that says which of two answers is better, asked in both orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ....conversations.ledger import CallRecord
from ....errors import ConfigError, did_you_mean
from ..base import Marks, NoScore, PlannedCalls
from ..calls import all_ended
from ..kinds import MetricKind
from ..rowwise import RowTask, RowwiseScorer
from ..targets import is_missing
from .asking import JudgeCall, JudgeModel
from .rubric import Rubric
from .verdicts import label_in

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]  # its stubs are a package of their own

    from ...trials import Trial

__all__ = ["PairVerdict", "PairwiseJudge", "PairwiseReport"]

_SWAYED = "the two orders led to different verdicts: a tie"
_LABELS = ("A", "B", "NEITHER")
#: What is kept of a pair beside its score: who won in each order, or that nobody said it.
_FACTS = ("first order", "second order")
_NOTHING_SAID = "nothing said"


@dataclass(slots=True)
class PairVerdict:
    """What a judge says of two answers.

    Attributes:
        win: 1 where the first of them is better in both orders, 0 where the second is, 0.5 for a tie; None: no verdict.
        shown_first: In each of the two orders, 1 where the answer that was shown first won, 0 where the other one did,
            0.5 for neither.
        reason: Why there is no verdict.
        calls: The calls that were made.
        failed: Whether the judge could not be asked.
    """

    win: float | None
    shown_first: tuple[float, ...] = ()
    reason: str | None = None
    calls: list[CallRecord] = field(default_factory=list)
    failed: bool = False

    @property
    def disagree(self) -> bool:
        """Whether the two orders led to different verdicts."""
        return len(self.shown_first) == 2 and self.shown_first[0] != 1.0 - self.shown_first[1]


@dataclass(frozen=True, slots=True)
class PairwiseReport:
    """How a judge went about all pairs.

    Attributes:
        pairs: Pairs with two answers.
        identical: Those whose answers are the same text: ties without a call.
        unread: Those without a verdict.
        wins: Those that the variant won against the baseline.
        ties: Those that neither won, the identical and those with different verdicts included.
        losses: Those that the baseline won.
        disagreements: Those with different verdicts in the two orders.
        first: How often, over both orders, the answer that was shown first was said to be better.
        second: The same of the one that was shown second.
    """

    pairs: int
    identical: int
    unread: int
    wins: int
    ties: int
    losses: int
    disagreements: int
    first: int
    second: int

    @property
    def win_rate(self) -> float | None:
        """Wins and half of the ties, of all pairs with a verdict; None where there are none."""
        judged = self.wins + self.ties + self.losses
        return (self.wins + self.ties / 2) / judged if judged else None

    @property
    def position_bias_rate(self) -> float | None:
        """The part of the pairs that were judged in both orders whose verdicts differ; None where there are none."""
        asked = self.pairs - self.identical - self.unread
        return self.disagreements / asked if asked else None

    @property
    def first_rate(self) -> float | None:
        """How often the answer that was shown first won, of all decisions; 0.5 is without bias."""
        decided = self.first + self.second
        return self.first / decided if decided else None


class PairwiseJudge(RowwiseScorer):
    """Has a model compare each answer with the baseline's to the same item, asked twice with the answers swapped.

    The metric ``win`` is 1 where the answer is better in both orders, 0 where the baseline's is, and 0.5 otherwise: a
    judge whose verdict hangs on the order has said nothing, which is kept as the row's reason. The baseline's own rows have
    0.5. ``report`` says how often that happened. Identical answers are a tie without a call.

    Args:
        model: The judge: a spec, or a provider.
        baseline: The variant that others are compared with; else that of the experiment, else the first one of the frame.
        rubric: Name of a user prompt with the parameters ``first`` and ``second``, whose answer ends in ``BETTER: A``,
            ``BETTER: B`` or ``BETTER: NEITHER``.
        library: Where the rubric is looked for first.
        criterion: What "better" means.
        question: The column with the question; else ``question`` where there is one, else ``request``.
        settings: Settings of its calls.
        name: The metric.

    Attributes:
        report: How it went about the pairs of the last frame; None before.
    """

    shorthand = "model"

    def __init__(
        self,
        model: Any,
        *,
        baseline: str | None = None,
        rubric: str = "compare",
        library: Any = None,
        criterion: str | None = None,
        question: str | None = None,
        settings: Mapping[str, Any] | None = None,
        name: str = "win",
    ) -> None:
        super().__init__(name, kinds=MetricKind("ordinal", bounds=(0.0, 1.0)))
        self.model = JudgeModel(model, settings)
        self.rubric = Rubric(rubric, library, ("first", "second"))
        self.baseline = baseline
        self._criterion, self._question = criterion, question
        self.report: PairwiseReport | None = None
        self.rubric.check_fences({"question": "?", "first": "?", "second": "?"})

    def further_facts(self) -> Sequence[Any]:
        """The rubric's text, and what it says where nobody does."""
        return self.rubric.template, self.rubric.default("criteria"), self.rubric.default("criterion")

    @property
    def columns(self) -> tuple[str, ...]:
        """The question's column, where it was named."""
        return () if self._question is None else (self._question,)

    async def compare(self, question: str, one: str, other: str) -> PairVerdict:
        """Which of two answers is better.

        Raises:
            BudgetExceeded: A call may cost more than is left.
        """
        if one == other:
            return PairVerdict(0.5)
        asked = await all_ended([self._ask(question, one, other), self._ask(question, other, one)])
        calls = [each.call for each in asked]
        try:
            shown_first = tuple(_first_of(each.text, each.reason) for each in asked)
        except NoScore as error:
            failed = any(each.text is None for each in asked)
            return PairVerdict(None, reason=str(error), calls=calls, failed=failed)
        verdict = PairVerdict(0.5, shown_first, calls=calls)
        if not verdict.disagree:
            verdict.win = shown_first[0]
        return verdict

    async def _ask(self, question: str, first: str, second: str) -> JudgeCall:
        return await self.model.ask(await self._text(question, first, second))

    async def _text(self, question: str, first: str, second: str) -> str:
        return await self.rubric.text(
            {"question": question, "first": first, "second": second, "criterion": self._criterion}
        )

    async def planned(self, trial: Trial, baseline: str) -> PlannedCalls | None:
        """Two calls for a pair, one in each order; what it is compared with may be as long as it is."""
        if trial.variant == (self.baseline or baseline):
            return None
        output, asked = trial.output or "", trial.row.get(self._question or "question", trial.request)
        text = await self._text(str(asked), output, output)
        return PlannedCalls(self.model.provider, self.model.settings, text, 2, 2 * (trial.output is None))

    def tasks(self, frame: DataFrame) -> list[RowTask]:
        """Compare each row with the baseline's.

        Raises:
            NoScore: There is no such baseline.
            ConfigError: There is no question.
        """
        baseline = self._baseline_of(frame)
        rows = frame.to_dict("records")
        others = {_key(row): row["output"] for row in rows if row["variant"] == baseline}
        question = self._question_of(frame)
        return [self._task(row, question, baseline, others.get(_key(row))) for row in rows]

    def _task(self, row: Mapping[str, Any], question: str, baseline: str, other: Any) -> RowTask:
        """Compare a row with ``other``, the baseline's answer."""

        async def judged() -> Marks:
            if row["variant"] == baseline:
                return Marks({self.name: 0.5})
            if one is None or two is None:
                raise NoScore(f"there are no two answers to compare with {baseline!r}")
            return self._marks(await self.compare(asked, one, two))

        asked = str(row[question])
        one, two = (None if is_missing(each) else str(each) for each in (row["output"], other))
        return RowTask([row["variant"] == baseline, asked, one, two], judged)

    def _marks(self, verdict: PairVerdict) -> Marks:
        reason = _SWAYED if verdict.disagree else verdict.reason
        facts = dict(zip(_FACTS, verdict.shown_first, strict=False)) or {_NOTHING_SAID: 1.0}
        reasons = {} if reason is None else {self.name: reason}
        return Marks({self.name: verdict.win}, reasons, verdict.calls, verdict.failed, facts)

    def report_on(self, marks: Sequence[Marks]) -> None:
        """Say how it went about the pairs."""
        shown = [
            (each.values[self.name], tuple(each.facts.get(name) for name in _FACTS)) for each in marks if each.facts
        ]
        self.report = report_of(
            [PairVerdict(win, tuple(each for each in both if each is not None)) for win, both in shown]
        )

    def _baseline_of(self, frame: DataFrame) -> str:
        variants = list(dict.fromkeys(frame["variant"]))
        if not variants:
            return ""
        baseline = self.baseline or frame.attrs.get("baseline")
        if baseline is None:
            return str(variants[0])
        if baseline not in variants:
            raise NoScore(f"no variant is called {baseline!r}.{did_you_mean(baseline, variants)}")
        return str(baseline)

    def _question_of(self, frame: DataFrame) -> str:
        wanted = [self._question] if self._question is not None else ["question", "request"]
        found = next((each for each in wanted if each in frame), None)
        if found is None:
            raise ConfigError(
                f"The frame has no column {' or '.join(map(repr, wanted))}.",
                hint='Name the one with the question: question="..."',
            )
        return found


def report_of(verdicts: Sequence[PairVerdict]) -> PairwiseReport:
    """The report on pairs."""
    wins = [each.win for each in verdicts]
    shown = [each for verdict in verdicts for each in verdict.shown_first]
    return PairwiseReport(
        pairs=len(verdicts),
        identical=sum(each.win is not None and not each.shown_first for each in verdicts),
        unread=wins.count(None),
        wins=wins.count(1.0),
        ties=wins.count(0.5),
        losses=wins.count(0.0),
        disagreements=sum(each.disagree for each in verdicts),
        first=shown.count(1.0),
        second=shown.count(0.0),
    )


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["item"], row.get("repeat", 0)


def _first_of(text: str | None, reason: str | None) -> float:
    """1 where a judge said A, 0 where it said B, 0.5 for neither."""
    if text is None:
        raise NoScore(reason or "the judge did not answer")
    return {"A": 1.0, "B": 0.0, "NEITHER": 0.5}[label_in(text, "BETTER", _LABELS)]
