"""A model that scores each answer by a rubric."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError
from ..base import Marks, NoScore, PlannedCalls, Scorer
from ..calls import all_ended
from ..kinds import PASS_FAIL, MetricKind
from ..targets import cell, is_missing, texts_of
from .asking import JudgeCall, JudgeModel
from .rubric import Rubric
from .verdicts import label_in, scores_in

if TYPE_CHECKING:
    from ...trials import Trial

__all__ = ["LLMJudge"]

_USUAL_SCALE = 5
_MOST_VOTES = 25
_USUAL_TARGET = "answer"


class LLMJudge(Scorer):
    """Has a model score each answer by a rubric of the prompt library.

    It gives whole numbers from 1 to ``scale`` for each criterion; the metric ``judge`` is their mean, and with several
    criteria each is a metric too (``judge_correct``). With ``labels`` it puts the answer into one of some classes instead.
    A verdict that cannot be read strictly is no score, with the reason; several votes are averaged, of classes that pass
    or fail the majority counts. The answer stands in the rubric as data, between tags that it cannot close.

    Args:
        model: The judge: a spec, or a provider.
        rubric: Name of a user prompt: ``"judge"``, with labels ``"verdict"``, or one of the library. It gets ``question``,
            ``answer``, ``reference``, ``criteria``, ``scale``, ``labels``, and columns of the data by their names.
        library: Where the rubric is looked for first; a library, or the path of its folder.
        criteria: What is scored: a dict from names to lines that say what a perfect score means, or one such line.
        scale: The best score, from 2 to 10; the worst is 1. 5 if it is not given.
        labels: Classes and their numbers, ``{"VALID": 1, "INVALID": 0}``; or True for these.
        votes: How often each answer is judged, each a call.
        question: The column with the question; else ``question`` where there is one, else what was sent to the model.
        target: The column with the right answer, which the judge is told; None to tell it nothing.
        settings: Settings of its calls, ``{"temperature": 0}``.
        name: The metric.
    """

    shorthand = "model"

    def __init__(
        self,
        model: Any,
        *,
        rubric: str | None = None,
        library: Any = None,
        criteria: Mapping[str, str] | str | None = None,
        scale: int | None = None,
        labels: Mapping[str, float] | bool | None = None,
        votes: int = 1,
        question: str | None = None,
        target: str | None = _USUAL_TARGET,
        settings: Mapping[str, Any] | None = None,
        name: str = "judge",
    ) -> None:
        self.model = JudgeModel(model, settings)
        self.votes = _whole("votes", votes, 1, _MOST_VOTES)
        self.labels = _labels(labels)
        self.rubric = Rubric(rubric or ("verdict" if self.labels else "judge"), library, ("answer",))
        self._question, self._target = question, target
        self.criteria = self._criteria(criteria, name)
        self.scale = self._scale(scale)
        metrics = [name]
        if self.labels is None and len(self.criteria) > 1:
            metrics += [f"{name}_{each}" for each in self.criteria]
        super().__init__(name, metrics, self._kinds(metrics))
        self.rubric.check_fences({**self._asked(), "question": "?"})

    def further_facts(self) -> Sequence[Any]:
        """The rubric's text, and what it says where nobody does."""
        return self.rubric.template, self.rubric.default("criteria"), self.rubric.default("criterion")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that were named."""
        target = self._target if self._target != _USUAL_TARGET else None
        return tuple(each for each in (self._question, target) if each is not None)

    def _criteria(self, given: Mapping[str, str] | str | None, name: str) -> dict[str, str]:
        if self.labels is not None:
            if given is not None and not isinstance(given, str):
                raise ConfigError("With labels there is one criterion, not a dict of them.", hint='criteria="one line"')
            return {} if given is None else {"criterion": given}
        if isinstance(given, str):
            return {name: given}
        whole = self.rubric.default("criteria") if given is None else given
        if not isinstance(whole, Mapping) or not whole:
            raise ConfigError(
                f"The rubric {self.rubric.name!r} does not say what is scored.", hint='criteria={"polite": "It is ..."}'
            )
        return {str(key): str(value) for key, value in whole.items()}

    def _scale(self, given: int | None) -> int:
        default = self.rubric.default("scale")
        return _whole("scale", given if given is not None else default or _USUAL_SCALE, 2, 10)

    def _kinds(self, metrics: Sequence[str]) -> dict[str, MetricKind]:
        if self.labels is not None:
            numbers = self.labels.values()
            if self._passes_or_fails():
                return {metrics[0]: PASS_FAIL}
            return {metrics[0]: MetricKind("ordinal", bounds=(min(numbers), max(numbers)))}
        bounds = (1.0, float(self.scale))
        kinds = dict.fromkeys(metrics, MetricKind("ordinal" if self.votes == 1 else "continuous", bounds=bounds))
        if len(metrics) > 1:
            kinds[metrics[0]] = MetricKind("continuous", bounds=bounds)
        return kinds

    def _passes_or_fails(self) -> bool:
        return self.labels is not None and set(self.labels.values()) == {0.0, 1.0}

    def _asked(self) -> dict[str, Any]:
        """What the rubric is told that is the same for all answers."""
        if self.labels is None:
            return {"criteria": self.criteria, "scale": self.scale}
        usual = self.rubric.default("labels") or {}
        labels = {label: usual.get(label, "") for label in self.labels}
        return {"criterion": self.criteria.get("criterion"), "labels": labels}

    def sees(self, trial: Trial) -> Any:
        """The columns that the rubric is told."""
        named = {self._question or "question", self._target}
        return {
            name: value for name, value in trial.row.items() if name in named or str(name) in self.rubric.parameters
        }

    async def question_text(self, trial: Trial) -> str:
        """What the judge is asked about a trial."""
        question = trial.row.get("question") if self._question is None else cell(trial.row, self._question)
        reference = None if self._target is None else trial.row.get(self._target)
        given = {
            **{str(name): _plain(value) for name, value in trial.row.items() if not is_missing(value)},
            **self._asked(),
            "question": trial.request if is_missing(question) else str(question),
            "answer": trial.output or "",
            "reference": None if is_missing(reference) else _reference(reference),
        }
        return await self.rubric.text(given)

    async def planned(self, trial: Trial, baseline: str) -> PlannedCalls:
        """A call for each vote."""
        text = await self.question_text(trial)
        return PlannedCalls(self.model.provider, self.model.settings, text, self.votes, int(trial.output is None))

    async def marks(self, trial: Trial) -> Marks:
        """The scores of all votes together.

        Raises:
            BudgetExceeded: A vote may cost more than is left.
        """
        text = await self.question_text(trial)
        asked = await all_ended(self.model.ask(text) for _ in range(self.votes))
        votes, problems = [], []
        for each in asked:
            try:
                votes.append(self._vote(each))
            except NoScore as error:
                problems.append(str(error))
        calls = [each.call for each in asked]
        try:
            values = self._together(votes)
        except NoScore as error:
            return Marks(dict.fromkeys(self.metrics), dict.fromkeys(self.metrics, str(error)), calls)
        if not votes:
            failed = any(each.text is None for each in asked)
            return Marks(values, dict.fromkeys(self.metrics, problems[0]), calls, failed)
        told = f"{len(problems)} of {self.votes} votes do not count: {problems[0]}" if problems else None
        return Marks(values, {self.name: told} if told else {}, calls)

    def _vote(self, asked: JudgeCall) -> dict[str, float]:
        """What one call says, by metric.

        Raises:
            NoScore: It gave no verdict.
        """
        if asked.text is None:
            raise NoScore(asked.reason or "the judge did not answer")
        if self.labels is not None:
            return {self.name: self.labels[label_in(asked.text, "VERDICT", self.labels)]}
        scores = scores_in(asked.text, list(self.criteria), self.scale)
        whole = {self.name: statistics.fmean(scores.values())}
        return (
            whole if len(scores) == 1 else whole | {f"{self.name}_{key}": float(each) for key, each in scores.items()}
        )

    def _together(self, votes: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
        if not votes:
            return dict.fromkeys(self.metrics)
        if self._passes_or_fails():
            counted = Counter(vote[self.name] for vote in votes)
            if counted[0.0] == counted[1.0]:
                raise NoScore(f"the votes are split: {counted[1.0]} of {len(votes)} pass it")
            return {self.name: float(counted[1.0] > counted[0.0])}
        return {metric: statistics.fmean(vote[metric] for vote in votes) for metric in self.metrics}


def _plain(value: Any) -> Any:
    """A cell without numpy."""
    return value.tolist() if hasattr(value, "tolist") else value


def _reference(value: Any) -> str:
    """The right answer as text; each of several on a line."""
    several = value if isinstance(value, list | tuple) else [value]
    return "\n".join(texts_of(each)[0] for each in several if not is_missing(each))


def _labels(given: Any) -> dict[str, float] | None:
    if given is None or given is False:
        return None
    whole = {"VALID": 1.0, "INVALID": 0.0} if given is True else given
    if not isinstance(whole, Mapping) or len(set(whole.values())) < 2:
        raise ConfigError(f"{given!r:.100} are no labels.", hint='labels={"PASS": 1, "FAIL": 0}')
    if len({str(label).casefold() for label in whole}) < len(whole):
        raise ConfigError("Two labels differ in nothing but capitals.", hint="Call one of them something else")
    return {str(label): float(number) for label, number in whole.items()}


def _whole(option: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigError(f"{option} cannot be {value!r}.", hint=f"Give a whole number from {least} to {most}")
    return value
