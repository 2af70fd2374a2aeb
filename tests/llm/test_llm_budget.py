"""What calls may cost."""

from __future__ import annotations

import asyncio

import pytest
from llm_scripted import Scripted, streamed

from dknb.errors import BudgetExceeded, ConfigError, ConnectionFailed, ServerError, StructuredOutputError
from dknb.llm import Budget, LLMConfig, LLMResponse
from dknb.llm.calls.budget import process_budget, reserve
from dknb.llm.counting.costs import cost_of
from dknb.llm.recordings.recording import Recording, use
from dknb.llm.request import ModelRequest

MODEL = {"provider": "openai", "model": "gpt-4o", "max_tokens": 1_000}
USAGE = {"prompt_tokens": 10, "completion_tokens": 100, "total_tokens": 110}
COST = cost_of("openai", "gpt-4o", USAGE)
#: The most that a call with a short prompt is taken to cost: its answer's 1,000 tokens, and a little for the prompt.
MOST = cost_of("openai", "gpt-4o", {"prompt_tokens": 20, "completion_tokens": 1_000})


class Priced(Scripted):
    """A provider whose answers have usage, and so a price."""

    def __init__(self, *script, **settings):
        super().__init__(*script, **{**MODEL, **settings})

    async def _complete(self, request, config):
        response = await super()._complete(request, config)
        return LLMResponse(response.content, model=request.model, usage=dict(USAGE))

    async def _stream(self, request, config):
        async for piece in super()._stream(request, config):
            if piece is not None and piece.response is not None:
                piece.response.usage = dict(USAGE)
            yield piece


@pytest.fixture(autouse=True)
def process():
    """The budget of the process, as it was afterwards."""
    budget = process_budget()
    before = budget.spent, budget.unpriced
    yield budget
    budget.set(float("inf"), unknown="allow")
    budget.spent, budget.unpriced = before


async def test_what_calls_cost_is_booked():
    """Those inside `with`, streams too; nothing stays reserved."""
    with Budget(1.0) as budget:
        await Priced("a").complete("hi")
        await streamed(Priced("a", "b"))
    await Priced("a").complete("hi")
    assert budget.spent == pytest.approx(2 * COST)
    assert (budget.reserved, budget.left) == (0.0, pytest.approx(1.0 - 2 * COST))


async def test_a_call_that_may_cost_too_much_does_not_start():
    """The error has the numbers, and the call was not made."""
    provider = Priced("a", "b")
    with Budget(MOST / 2) as budget, pytest.raises(BudgetExceeded, match="may cost") as caught:
        await provider.complete("hi")
    assert (provider.requests, budget.spent, budget.reserved) == ([], 0.0, 0.0)
    assert (caught.value.limit, caught.value.spent) == (MOST / 2, 0.0)
    assert caught.value.limit < caught.value.estimate <= MOST
    assert (caught.value.provider, caught.value.model) == ("openai", "gpt-4o")
    assert "max_tokens" in caught.value.hint
    with Budget(MOST / 2):
        assert (await provider.complete("hi", max_tokens=100)).content == "a"


async def test_a_stream_that_may_cost_too_much_does_not_start():
    """As a call of one piece."""
    with Budget(0.0), pytest.raises(BudgetExceeded):
        await streamed(provider := Priced("a"))
    assert provider.requests == []


async def test_many_calls_at_a_time_cannot_spend_more():
    """Each reserves its estimate: of 50 that begin together, only as many run as would fit at their dearest."""
    provider = Priced(*[0.01, "a"] * 50)
    provider.script = ["a"] * 50
    with Budget(MOST * 5) as budget:
        answers = await asyncio.gather(*(provider.complete("hi") for _ in range(50)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, BudgetExceeded)]
    assert len(provider.requests) + len(refused) == 50
    assert budget.spent == pytest.approx(COST * len(provider.requests))
    assert budget.spent <= budget.limit
    assert 5 <= len(provider.requests) < 50


async def test_budgets_may_be_nested():
    """All count; the tightest refuses, and gives back what the others had reserved."""
    with Budget(1.0) as outer, Budget(MOST * 1.5) as inner:
        await Priced("a").complete("hi")
        inner.set(0.0)
        with pytest.raises(BudgetExceeded):
            await Priced("a").complete("hi")
    assert outer.spent == inner.spent == pytest.approx(COST)
    assert (outer.reserved, inner.reserved) == (0.0, 0.0)


async def test_tasks_may_enter_one_budget_at_the_same_time():
    """They leave it in any order, and all of their calls count."""

    async def spend(budget, seconds):
        with budget:
            await asyncio.sleep(seconds)
            await Priced("a").complete("hi")

    budget = Budget(1.0)
    await asyncio.gather(spend(budget, 0.02), spend(budget, 0.01), spend(budget, 0.0))
    await Priced("a").complete("hi")
    assert budget.spent == pytest.approx(3 * COST)


async def test_tasks_and_threads_inherit_it():
    """Of asyncio, and the sync face of a provider."""
    from dknb.llm import SyncLLMProvider

    with Budget(1.0) as budget:
        await asyncio.create_task(Priced("a").complete("hi"))
        await asyncio.to_thread(SyncLLMProvider(Priced("a")).complete, "hi")
    assert budget.spent == pytest.approx(2 * COST)


async def test_a_call_may_have_its_own():
    """As a setting of the provider, or for one call."""
    provider = Priced("a", "b", budget=MOST)
    assert (await provider.complete("hi")).content == "a"
    with pytest.raises(BudgetExceeded):
        await provider.complete("hi", budget=MOST / 10)
    assert len(provider.requests) == 1


async def test_the_process_has_one(process):
    """Without a limit it counts; with one it refuses, and what was spent before counts."""
    before = process.spent
    await Priced("a").complete("hi")
    assert process.spent - before == pytest.approx(COST)
    process.set(process.spent + MOST / 2)
    with pytest.raises(BudgetExceeded):
        await Priced("a").complete("hi")


async def test_an_unknown_price_is_refused_or_allowed():
    """A budget cannot hold what it cannot count, unless it is told to let such calls pass."""
    with Budget(1.0), pytest.raises(BudgetExceeded, match="price of openai/nobodys-model is not known") as caught:
        await Priced("a", model="nobodys-model").complete("hi")
    assert (caught.value.estimate, "allow" in caught.value.hint) == (None, True)
    with Budget(1.0, unknown="allow") as budget:
        await Priced("a", model="nobodys-model").complete("hi")
    assert (budget.spent, budget.unpriced) == (0.0, 1)


async def test_what_is_free_always_runs():
    """Models on one's own machine, even when nothing is left."""
    with Budget(0.0) as budget:
        assert (await Scripted("a").complete("hi")).content == "a"
    assert (budget.spent, budget.reserved) == (0.0, 0.0)


async def test_a_failed_call_costs_nothing():
    """Its reservation is given back."""
    with Budget(1.0) as budget, pytest.raises(ServerError):
        await Priced(ServerError("", status=500), retry_count=0).complete("hi")
    assert (budget.spent, budget.reserved) == (0.0, 0.0)


async def test_a_broken_answer_costs_what_arrived():
    """By an estimate of prompt and text, where no usage came; by the usage where it did."""
    text = "word " * 50
    with Budget(1.0) as budget, pytest.raises(ConnectionFailed):
        await streamed(Priced(text, ConnectionFailed("broke")))
    assert cost_of("openai", "gpt-4o", {"completion_tokens": 40}) < budget.spent < MOST
    error = ConnectionFailed("broke")
    error.partial = LLMResponse("a", usage=dict(USAGE))
    with Budget(1.0) as budget, pytest.raises(ConnectionFailed):
        await streamed(Priced("a", error))
    assert budget.spent == pytest.approx(COST)


async def test_a_stream_that_is_left_costs_what_arrived():
    """And reserves nothing any more."""
    with Budget(1.0) as budget:
        pieces = Priced("word " * 50, "b").stream_complete("hi")
        await anext(pieces)
        assert budget.reserved > 0
        await pieces.aclose()
    assert 0 < budget.spent < MOST
    assert budget.reserved == 0.0


async def test_an_answer_without_usage_costs_its_estimate():
    """What nobody told is taken for the most that it may have been."""

    class Silent(Scripted):
        async def _complete(self, request, config):
            return LLMResponse("a")

    with Budget(1.0) as budget:
        await Silent(**MODEL).complete("hi")
    assert MOST * 0.9 < budget.spent <= MOST


async def test_recorded_answers_are_free(tmp_path):
    """They are given even when nothing is left."""
    recording = Recording(tmp_path / "r.jsonl", "auto")
    before = use(recording)
    try:
        with Budget(1.0):
            await Priced("a", recorded=True).complete("hi")
        recording.close()
        use(Recording(tmp_path / "r.jsonl", "replay"))
        with Budget(0.0) as budget:
            assert (await Priced(recorded=True).complete("hi")).content == "a"
        assert budget.spent == 0.0
    finally:
        if (last := use(before)) is not None:
            last.close()


@pytest.mark.parametrize("limit", [-1, float("nan"), True, "lots", None])
def test_a_budget_is_an_amount(limit):
    """Nothing below 0, and no truth value."""
    with pytest.raises(ConfigError, match="A budget cannot be"):
        Budget(limit)


class Breaks(Priced):
    """A provider whose errors say what had arrived, its usage included."""

    async def _complete(self, request, config):
        try:
            return await super()._complete(request, config)
        except ConnectionFailed as error:
            error.partial = LLMResponse("half", model=request.model, usage=dict(USAGE))
            raise


async def test_each_attempt_that_was_answered_is_booked():
    """Whether another follows or not: the vendor bills them all."""
    with Budget(1.0) as budget:
        await Breaks(ConnectionFailed(""), ConnectionFailed(""), "a").complete("hi")
    assert budget.spent == pytest.approx(3 * COST)
    assert budget.reserved == 0.0
    with Budget(1.0) as budget, pytest.raises(ConnectionFailed):
        await Breaks(*[ConnectionFailed("") for _ in range(2)], retry_count=1).complete("hi")
    assert budget.spent == pytest.approx(2 * COST)
    with Budget(1.0) as budget:
        await Priced(ConnectionFailed(""), "a").complete("hi")
    assert budget.spent == pytest.approx(COST)


async def test_asking_again_counts_against_the_calls_own_budget():
    """All that one call asks for together: also what it asks because an answer does not fit."""
    form = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    provider = Priced("no", "no", "no", budget=MOST + COST / 2)
    with pytest.raises(StructuredOutputError, match="Asking again failed: This call of openai/gpt-4o may cost"):
        await provider.complete("hi", response_format=form)
    assert len(provider.requests) == 1
    provider = Priced(*"no", *["x"] * 9, budget=MOST + COST / 2)
    with pytest.raises(StructuredOutputError):
        await streamed(provider, response_format=form)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("price", [float("nan"), float("inf"), -1.0])
async def test_a_price_that_is_none_is_not_booked(price):
    """The estimate is, so that a sum stays a sum."""
    with Budget(1.0) as budget:
        reservation = await reserve(ModelRequest("complete", "openai", "gpt-4o", texts=[]), LLMConfig(**MODEL))
        with reservation:
            reservation.book(LLMResponse("a", cost_usd=price))
    assert 0 < budget.spent == reservation.estimate < 1
