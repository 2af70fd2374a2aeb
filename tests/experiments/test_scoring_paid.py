"""What judges cost is booked, and what they said is kept, however a run ends; a judge that was away is asked again."""

from __future__ import annotations

import asyncio

import pytest
from run_help import Model, experiment

import dknb
from dknb._sync import run as wait_for
from dknb.conversations import MemoryConversationStorage
from dknb.experiments import LLMJudge, PairwiseJudge, load_experiment
from dknb.llm import CostCalculator
from dknb.llm.base import AsyncLLMProvider
from dknb.llm.messages import LLMResponse

_DATA = [{"text": f"t{number}", "question": "q", "answer": "x"} for number in range(12)]


@pytest.fixture(autouse=True)
def _price():
    CostCalculator.set_price("openai-compatible/dear", prompt=1000.0)
    yield
    CostCalculator.set_price("openai-compatible/dear")


class Judge(AsyncLLMProvider):
    """A judge whose calls have a price, that may be slow, or away.

    Attributes:
        asked: How many calls began.
        reached: Set when 12 have begun, where it is given.
    """

    def __init__(self, says: str, *, delay: float = 0.0, at_once: int = 4) -> None:
        config = {"provider": "openai-compatible", "model": "dear", "max_concurrency": at_once, "max_tokens": 10}
        super().__init__(config)
        self.asked, self.delay, self.away, self.says = 0, delay, False, says
        self.reached: asyncio.Event | None = None

    def get_capabilities(self):
        return []

    async def _complete(self, request, config):
        self.asked += 1
        if self.asked == 12 and self.reached is not None:
            self.reached.set()
        await asyncio.sleep(self.delay)
        if self.away:
            raise RuntimeError("away")
        tokens = len(list(request.messages)[-1].content) // 4
        usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
        return LLMResponse(self.says, "dear", usage=usage)

    async def _stream(self, request, config):
        raise NotImplementedError
        yield


def _booked(store):
    """The judge's calls in the ledger, by how they ended, and what they cost."""
    calls = [call for call in wait_for(store.list_calls("few")) if call.kind == "judge"]
    ended = {outcome: sum(call.outcome == outcome for call in calls) for outcome in {call.outcome for call in calls}}
    return ended, sum(call.cost_usd or 0.0 for call in calls)


@pytest.fixture
def store():
    """A store that stays open."""
    return MemoryConversationStorage()


def _scored(result, metric):
    return int(result.frame[metric].notna().sum())


def test_a_judge_that_was_away_is_asked_again(store):
    """The run says so, and why; when it is there again, each answer is judged, once."""
    judge = Judge('{"scores": {"c": 4}}')
    judge.away = True
    scorers = [LLMJudge(judge, criteria={"c": "Is it?"})]
    result = experiment(Model(), store, scorers=scorers).run()
    assert _scored(result, "judge") == 0
    assert "judge could not score 6 trials: the judge did not answer: RuntimeError: away; run() tries" in result.note
    told = result.score_errors
    assert told["metric"].unique().tolist() == ["judge"]
    assert len(told) == 6
    assert load_experiment("few", store=store).score_errors.equals(told)
    judge.away = False
    again = result.retry_errors()
    assert (_scored(again, "judge"), again.note, judge.asked, len(again.score_errors)) == (6, None, 12, 0)
    experiment(Model(), store, scorers=scorers).run()
    assert judge.asked == 12


def test_a_judge_of_pairs_that_was_away_is_asked_again(store):
    """As one that scores."""
    judge = Judge("BETTER: NEITHER")
    judge.away = True
    scorers = [PairwiseJudge(judge)]
    result = experiment(Model(), store, scorers=scorers).run()
    assert _scored(result, "win") == 3
    assert "win could not score 3 trials: the judge did not answer: RuntimeError: away" in result.note
    judge.away = False
    again = experiment(Model(), store, scorers=scorers).run()
    assert (_scored(again, "win"), again.note, judge.asked) == (6, None, 12)


def test_what_is_no_verdict_is_told_and_not_paid_for_again(store):
    """A judge that answered, and gave no verdict, has had its say."""
    judge = Judge("?")
    result = experiment(Model(), store, scorers=[LLMJudge(judge, criteria={"c": "Is it?"})]).run()
    assert result.note == "judge has no score for 6 trials; score_errors says why."
    result.experiment.run()
    assert judge.asked == 6


def test_only_pairs_that_changed_are_judged_again(store):
    """One answer that was asked again, one more item: two calls each; the report is on all pairs."""
    judge = Judge("BETTER: A")
    model = Model(fail=lambda text: text == "B t3")
    scorer = PairwiseJudge(judge)
    result = experiment(model, store, scorers=[scorer], data=_DATA).run()
    assert judge.asked == 22
    model.fail = lambda text: False
    result.retry_errors()
    assert judge.asked == 24
    more = PairwiseJudge(judge)
    experiment(Model(), store, scorers=[more], data=[*_DATA, {"text": "new", "question": "q", "answer": "x"}]).run()
    assert judge.asked == 26
    report = more.report
    assert (report.pairs, report.ties, report.disagreements, report.first_rate) == (13, 13, 13, 1.0)


def test_an_exhausted_budget_keeps_pairs_and_books_all_calls(store):
    """Run again, it asks no call twice, and stops before the first; with more money it goes on from there."""
    judge = Judge("BETTER: A")
    told = {"scorers": [PairwiseJudge(judge)], "data": _DATA}
    first = experiment(Model(), store, budget=1.0, **told).run()
    asked = judge.asked
    ended, spent = _booked(store)
    assert ended == {"complete": asked}
    assert 0 < spent <= 1.0
    assert first.experiment.plan().spent == pytest.approx(spent)
    assert _scored(first, "win") == 12 + asked // 2
    assert "not scored by win yet; run() with a larger budget goes on" in first.note
    experiment(Model(), store, budget=1.0, **told).run()
    assert judge.asked == asked
    last = experiment(Model(), store, budget=100.0, **told).run()
    assert _scored(last, "win") == 24
    assert judge.asked <= 24 + 1  # of at most one pair half was paid for


def test_votes_that_a_budget_cuts_are_booked(store):
    """Those that were answered are paid for, also where the others were not to be asked."""
    judge = Judge('{"scores": {"c": 4}}', at_once=1)
    told = {"scorers": [LLMJudge(judge, criteria={"c": "Is it?"}, votes=5)], "data": _DATA[:4], "prompts": ["{{text}}"]}
    for _ in range(3):
        result = experiment(Model(), store, budget=1.0, **told).run()
    ended, spent = _booked(store)
    assert ended == {"complete": judge.asked}
    assert spent <= 1.0
    assert result.experiment.plan().spent == pytest.approx(spent)


def test_judges_wait_for_what_others_have_reserved(store):
    """A budget that is enough for all, one after the other, is enough when many are asked at a time."""
    judge = Judge('{"scores": {"c": 4}}', delay=0.01, at_once=50)
    alone = experiment(Model(), scorers=[LLMJudge(judge, criteria={"c": "Is it?"})], data=_DATA, store=store)
    alone.run()
    spent = _booked(store)[1]
    again = {"scorers": [LLMJudge(judge, criteria={"c": "Is it?"})], "data": _DATA, "budget": spent * 1.2}
    result = experiment(Model(), MemoryConversationStorage(), **again).run()
    assert (_scored(result, "judge"), result.note) == (24, None)


@pytest.mark.parametrize("kind", ["pairs", "scores"])
def test_an_interrupt_keeps_what_was_judged(store, kind):
    """Calls that ended are booked and their scores kept; those that ran are booked as broken off."""
    judge = Judge("BETTER: A" if kind == "pairs" else '{"scores": {"c": 4}}', delay=0.02)
    scorer = PairwiseJudge(judge) if kind == "pairs" else LLMJudge(judge, criteria={"c": "Is it?"})
    made = experiment(Model(), store, scorers=[scorer], data=_DATA)

    async def interrupted():
        judge.reached = asyncio.Event()
        task = asyncio.create_task(made.arun())
        await asyncio.wait_for(judge.reached.wait(), 30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(interrupted())
    ended, _ = _booked(store)
    kept = _scored(made.result, scorer.name)
    assert kept >= 2
    assert ended["complete"] >= 8
    assert ended["cancelled"] >= 1
    asked = judge.asked
    again = experiment(Model(), store, scorers=[scorer], data=_DATA).run()
    assert _scored(again, scorer.name) == 24
    assert judge.asked - asked <= 24 - ended["complete"] + 4
    assert dknb.load_experiment("few", store=store).frame[scorer.name].notna().all()
