"""What the judges of a run are going to be asked, and what that costs, before it is asked."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...errors import DknbError
from ...llm.calls.expected import expected_usage
from ...llm.config import LLMConfig
from ...llm.counting.costs import cost_of
from ...llm.messages import LLMMessage
from ...llm.request import completion_request
from ..scoring.base import PlannedCalls, Scorer
from ..scoring.rowwise import RowwiseScorer
from ..setup import Setup
from ..trials import Trial
from .asking import blank_row
from .scoring import request_text, trial_of
from .standing import StandingTrials

__all__ = ["Judging", "judging_of"]

#: Trials whose judging is looked at; that of the others is taken to be like it.
_LOOKED_AT = 20


class Judging(NamedTuple):
    """What judges are going to be asked.

    Attributes:
        calls: How many calls.
        low: The least that they cost in US dollars; None where a price is not known.
        high: The most, with answers as long as they are taken to be.
        unpriced: The judges whose prices are not known.
    """

    calls: int = 0
    low: float | None = 0.0
    high: float | None = 0.0
    unpriced: tuple[str, ...] = ()

    def with_more(self, other: Judging) -> Judging:
        """Both together."""
        low = None if self.low is None or other.low is None else self.low + other.low
        high = None if self.high is None or other.high is None else self.high + other.high
        return Judging(self.calls + other.calls, low, high, (*self.unpriced, *other.unpriced))


async def judging_of(setup: Setup, standing: StandingTrials, ask: Sequence[int]) -> Judging:
    """What judges are going to be asked about the trials ``ask``, and about those that are not scored yet."""
    whole = Judging()
    for scorer in [*setup.scoring.scorers, *setup.scoring.of_frame]:
        if type(scorer).planned is not Scorer.planned:
            numbers = [*ask, *await _open(setup, standing, scorer, set(ask))]
            whole = whole.with_more(await _judging(setup, standing, scorer, numbers, set(ask)))
    return whole


async def _open(setup: Setup, standing: StandingTrials, scorer: Scorer, ask: set[int]) -> list[int]:
    """The numbers of the trials that are there, and that the scorer has had no say about."""
    return [
        number
        for number, row in standing.rows.items()
        if number not in ask and row.error is None and await _is_open(setup, standing, scorer, number)
    ]


async def _is_open(setup: Setup, standing: StandingTrials, scorer: Scorer, number: int) -> bool:
    row = standing.rows[number]
    if isinstance(scorer, RowwiseScorer):
        return not any(scorer.is_of(mark) for mark in row.scored)
    parsed = await setup.reader.read_again(row.output, row.parsed)
    item = setup.design.items[setup.design.place(number).item]
    return any(each is scorer for each in setup.scoring.missing(row, item.row, parsed))


async def _judging(
    setup: Setup, standing: StandingTrials, scorer: Scorer, numbers: Sequence[int], ask: set[int]
) -> Judging:
    design = setup.design
    baseline = setup.baseline or design.variants[0].label
    step = max(1, math.ceil(len(numbers) / _LOOKED_AT))
    step += len(design.variants) > 1 and step % len(design.variants) == 0  # not always the same variant
    sample = numbers[::step]
    found = []
    for number in sample:
        planned = await scorer.planned(_trial(setup, standing, number, number in ask), baseline)
        if planned is not None:
            found.append((number, planned))
    if not found:
        return Judging()
    judged = await asyncio.to_thread(_judged, setup, numbers, scorer, baseline)
    calls = round(judged * sum(planned.count for _, planned in found) / len(found))
    prices = await asyncio.to_thread(lambda: [_prices(setup, number, planned) for number, planned in found])
    known = [each for each in prices if each is not None]
    if len(known) < len(prices):
        return Judging(calls, None, None, (_name(found[0][1], scorer),))
    low, high = (judged * sum(each) / len(known) for each in zip(*known, strict=True))
    return Judging(calls, low, high)


def _judged(setup: Setup, numbers: Sequence[int], scorer: Scorer, baseline: str) -> int:
    """How many of these trials it is going to judge: of pairs, all but the baseline's."""
    if not isinstance(scorer, RowwiseScorer):
        return len(numbers)
    design, own = setup.design, getattr(scorer, "baseline", None) or baseline
    return sum(design.variants[design.place(number).variant].label != own for number in numbers)


def _trial(setup: Setup, standing: StandingTrials, number: int, is_asked: bool) -> Trial:
    design = setup.design
    row = blank_row(design, number) if is_asked else standing.rows[number]
    item = design.items[design.place(number).item]
    return trial_of(row, item.row, None, request_text(design.request(number).messages), cached=False)


def _prices(setup: Setup, number: int, planned: PlannedCalls) -> tuple[float, float] | None:
    """The least and the most that the calls about a trial cost; None where nobody knows."""
    config: Any = getattr(planned.provider, "config", None)
    if not isinstance(config, LLMConfig):
        return None
    config = config.with_settings(**planned.settings) if planned.settings else config
    request = completion_request(config, [LLMMessage("user", planned.text)])
    try:
        usage = expected_usage(request, config)
        answer = _answer_tokens(setup, number) if planned.answers else 0
    except DknbError:
        return None
    low = cost_of(config.provider, config.model, {**usage, "completion_tokens": 0})
    longest = {**usage, "prompt_tokens": usage["prompt_tokens"] + planned.answers * answer}
    high = cost_of(config.provider, config.model, longest)
    return None if low is None or high is None else (low * planned.count, high * planned.count)


def _answer_tokens(setup: Setup, number: int) -> int:
    """How long the answer of a trial is taken to be at most."""
    design = setup.design
    arm = design.variants[design.place(number).variant].model
    asked = completion_request(arm.config, design.request(number).messages, not_sent=arm.provider.not_sent)
    return expected_usage(asked, arm.config)["completion_tokens"]


def _name(planned: PlannedCalls, scorer: Scorer) -> str:
    config = getattr(planned.provider, "config", None)
    return config.spec if isinstance(config, LLMConfig) else f"the judge of {scorer.name!r}"
