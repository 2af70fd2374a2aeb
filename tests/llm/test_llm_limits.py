"""How many requests and tokens there are in a minute."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

import pytest
from llm_scripted import Scripted

from dknb.errors import CallTimeout, ConfigError, ServerError
from dknb.llm import Budget, LLMConfig, LLMMessage, LLMResponse, create_llm_provider
from dknb.llm.calls import concurrency
from dknb.llm.calls.expected import ANSWER_TOKENS, expected_usage, prompt_tokens
from dknb.llm.calls.limits import CallLimits, Rates, Window
from dknb.llm.counting import calibration
from dknb.llm.request import completion_request, embedding_request


class Used(Scripted):
    """A provider whose answers took so many tokens, given as the script."""

    async def _complete(self, request, config):
        self.requests.append(time.monotonic())
        total = self.script.pop(0)
        if isinstance(total, Exception):
            raise total
        return LLMResponse("a", usage={"prompt_tokens": 0, "completion_tokens": total, "total_tokens": total})


@pytest.fixture
def short_minute(monkeypatch):
    """A minute of 0.2 seconds."""
    init = Window.__init__

    def shorter(self, per_minute):
        init(self, per_minute)
        self._seconds /= 300

    monkeypatch.setattr(Window, "__init__", shorter)


def turns(window, calls):
    """When calls that come at these times, with these amounts, may go out."""
    out = []
    for at, amount in calls:
        now = max(at, out[-1] if out else 0.0)
        while pause := window.pause(amount, now):
            now += pause
        window.take(min(amount, window.most), now)
        out.append(now)
    return out


def test_no_minute_has_more_than_allowed():
    """Whenever the calls come, any window of 60 seconds holds at most that many."""
    out = turns(Window(3), [(at, 1) for at in (0, 0, 10, 10, 40, 40, 40, 140, 140, 140, 140)])
    assert out[:4] == [0, 0, 10, 60]
    assert all(later - earlier >= 60 for earlier, later in zip(out, out[3:], strict=False))


def test_a_rate_below_one_is_one_in_a_longer_time():
    """Half a request a minute is one in two minutes."""
    assert turns(Window(0.5), [(0, 1)] * 3) == [0, 120, 240]


def test_amounts_add_up():
    """Tokens: as many as fit, in order; more than there are in a minute go alone."""
    assert turns(Window(100), [(0, 60), (0, 40), (0, 1), (0, 500), (0, 1)]) == [0, 0, 60, 120, 180]


def test_what_was_not_used_is_free_again():
    """A share may become smaller or larger; one that is out of the window stays out."""
    window = Window(100)
    share = window.take(100, 0.0)
    assert window.pause(50, 1.0) == 59.0
    window.change(share, 30)
    assert window.pause(50, 1.0) == 0.0
    assert window.pause(100, 61.0) == 0.0
    window.change(share, 100)
    assert window.pause(100, 61.0) == 0.0


async def test_the_limit_is_the_objects(short_minute):
    """Every attempt takes a turn, those of retries too; a further one waits for its minute."""
    provider = Used(ServerError("", status=500), 1, 1, rate_limit=2)
    await provider.complete("hi")
    await provider.complete("hi")
    first, _, third = provider.requests
    assert third - first >= 0.2


async def test_tokens_are_reserved_and_corrected():
    """A call takes its estimate until its usage is known; who waits goes on as soon as there is room."""
    provider = Used(10, 10, 10, rate_limit={"tokens": 1_000}, max_tokens=900)
    three = asyncio.gather(*(provider.complete("hi") for _ in range(3)))
    await asyncio.wait_for(three, 20)  # each needs 900, so they go one after the other, and not a minute apart
    assert len(provider.requests) == 3


async def test_tokens_that_were_used_are_gone_for_a_minute():
    """A call that does not fit beside them waits."""
    provider = Used(990, 10, rate_limit={"requests": 100, "tokens": 1_000}, max_tokens=900)
    await provider.complete("hi")
    second = asyncio.create_task(provider.complete("hi"))
    await asyncio.wait({second}, timeout=0.1)
    assert (len(provider.requests), provider.concurrency.running) == (1, 0)
    second.cancel()


async def test_a_failed_call_gives_its_tokens_back():
    """What was refused used nothing."""
    provider = Used(ServerError("", status=500), 10, rate_limit={"tokens": 1_000}, max_tokens=900)
    await asyncio.wait_for(provider.complete("hi"), 20)
    assert len(provider.requests) == 2


async def test_who_waits_for_the_minute_holds_no_place(short_minute):
    """An object of the same model without a rate goes on."""
    settings = {"max_concurrency": 2, "model": "shared-places"}
    slow, free = Used(*[1] * 9, rate_limit=1, **settings), Used(1, **settings)
    waiting = [asyncio.create_task(slow.complete("hi")) for _ in range(9)]
    await asyncio.sleep(0.05)
    assert (await asyncio.wait_for(free.complete("hi"), 5)).content == "a"
    assert len(slow.requests) < 9
    for task in waiting:
        task.cancel()


async def test_a_turn_that_waited_for_a_place_counts_from_when_it_is_used(short_minute):
    """So no minute has more calls than allowed, however long the places were taken."""
    limits = CallLimits(config := LLMConfig("echo", "late", rate_limit=1, max_concurrency=1))
    request = completion_request(config, "hi")
    holder = await limits.enter(request, config)
    waiting = asyncio.create_task(limits.enter(request, config))
    await asyncio.sleep(0.5)  # its turn has come, and its minute is over
    began = time.monotonic()
    holder.leave(None)
    (await waiting).leave(None)
    (await limits.enter(request, config)).leave(None)
    assert time.monotonic() - began >= 0.2


async def test_a_call_inside_a_call_does_not_wait_for_ever():
    """With one place at a time it waits for itself: it is given up, and says why."""
    provider = Scripted("a", "b", "c", max_concurrency=1, timeout=0.2, model="nested")
    async for _ in provider.stream_complete("hi"):
        with pytest.raises(CallTimeout, match="waited for a place among the 1") as caught:
            await provider.complete("hi")
        assert "raise max_concurrency" in caught.value.hint
        break
    await asyncio.sleep(0)
    assert provider.concurrency.waiting == 0


async def test_a_line_that_moves_is_waited_for():
    """Many calls at one place take longer together than one may, and each has its turn."""
    provider = Scripted(*[0.05, "a"] * 10, max_concurrency=1, timeout=0.2, model="queue")
    answers = await asyncio.gather(*(provider.complete("hi") for _ in range(10)))
    assert [answer.content for answer in answers] == ["a"] * 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_while_calls_run_leaves_the_child_free():
    """Places, turns, locks and reservations of calls that run in the parent are not the child's."""
    config = LLMConfig("echo", "forked", max_concurrency=1, rate_limit=1_000)
    limits = CallLimits(config)
    request = completion_request(config, "hi")
    budget = Budget(1.0)

    async def hold_and_fork():
        passage = await limits.enter(request, config)
        budget.reserved = 0.9
        slots = limits.slots(config)
        with slots._lock, limits._rates._lock, budget._lock, concurrency._slots_lock, calibration._lock:
            if (child := os.fork()) == 0:
                signal.alarm(5)
                free = budget.left == 1.0 and slots.state.running == 0
                locks = (slots._lock, limits._rates._lock, budget._lock, concurrency._slots_lock, calibration._lock)
                os._exit(0 if free and all(lock.acquire(timeout=1) for lock in locks) else 1)
        passage.leave(None)
        return child

    child = asyncio.run(hold_and_fork())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert budget.reserved == 0.9


@pytest.mark.parametrize(
    ("provider", "model", "settings", "tokens"),
    [
        ("openai", "gpt-4o", {}, 1_000),
        ("openai", "gpt-4o", {"max_tokens": 7}, 7),
        ("openai", "gpt-4o", {"options": {"max_completion_tokens": 5_000}}, 5_000),
        ("openai", "gpt-4o", {"options": {"max_output_tokens": 5_000}}, 5_000),
        ("openai", "gpt-4o", {"max_tokens": 100, "options": {"n": 10}}, 1_000),
        ("openai", "gpt-4o", {"options": {"n": "10", "max_completion_tokens": None}}, 1_000),
        ("openai", "gpt-5.4", {}, 8_000),
        ("openai", "gpt-5.4", {"options": {"reasoning_effort": "none"}}, 1_000),
        ("ollama", "llama3.2", {"options": {"num_predict": 300}}, 300),
        ("ollama", "llama3.2", {"options": {"num_predict": -1}}, 1_000),
        ("anthropic", "claude-sonnet-4-5", {}, 1_000),
        (
            "anthropic",
            "claude-sonnet-4-5",
            {"options": {"thinking": {"type": "enabled", "budget_tokens": 20_000}}},
            21_000,
        ),
        ("anthropic", "claude-opus-4-6", {"options": {"thinking": {"type": "adaptive"}}}, 8_000),
        ("openai-compatible", "m", {"options": {"reasoning": {"max_tokens": 9_000}}}, 10_000),
    ],
)
def test_an_answer_is_as_long_as_anything_says(provider, model, settings, tokens):
    """The setting, whatever an option calls it, the number of answers, and whether the model thinks first."""
    config = LLMConfig(provider, model, **settings)
    assert expected_usage(completion_request(config, "hi"), config)["completion_tokens"] == tokens


async def test_waiting_does_not_count_as_the_calls_time(short_minute):
    """A call with less time than it waits for its turn is made all the same."""
    provider = Used(1, 1, rate_limit=1, timeout=0.1)
    await provider.complete("hi")
    assert (await provider.complete("hi")).content == "a"


async def test_a_cancelled_wait_gives_its_turn_back():
    """The next in line has the place that a cancelled one waited for, and nothing stays taken."""
    config = LLMConfig("echo", "m", rate_limit={"requests": 1}, max_concurrency=5)
    limits = CallLimits(config)
    request = completion_request(config, "hi")
    (await limits.enter(request, config)).leave(None)
    waiting = [asyncio.create_task(limits.enter(request, config)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert limits.slots(config).state.running == 0  # who waits for the minute holds no place
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert limits.slots(config).state.running == 0
    assert not any(not ticket._gone for ticket in limits._rates._waiting)


def test_one_limit_for_callers_on_two_loops(short_minute):
    """Who waits on one loop is let in when somebody on another gives back."""
    config = LLMConfig("echo", "m", rate_limit={"tokens": 100})
    rates = Rates(config.rate_limit)
    out = []

    async def take(name, used):
        ticket = await rates.enter(100)
        out.append(name)
        await asyncio.sleep(0.02)
        rates.used(ticket, used)

    threads = [threading.Thread(target=lambda name=name: asyncio.run(take(name, 1))) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert sorted(out) == list("abcd")


def test_a_loop_that_stands_still_does_not_block_the_line():
    """Its waiter is passed over."""
    rates = Rates({"requests": 1_000, "tokens": 100})
    stopped = asyncio.new_event_loop()

    async def wait_forever():
        task = asyncio.ensure_future(rates.enter(100))
        await asyncio.sleep(0)
        return task

    first = asyncio.run(rates.enter(100))
    task = stopped.run_until_complete(wait_forever())

    async def third():
        waiting = asyncio.ensure_future(rates.enter(50))
        await asyncio.sleep(0)
        rates.used(first, 0)
        return await asyncio.wait_for(waiting, 5)

    assert asyncio.run(third()).at is not None
    task.cancel()
    stopped.run_until_complete(asyncio.gather(task, return_exceptions=True))
    stopped.close()


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"token": 3}, "Did you mean 'tokens'"),
        ({"tokens": 0}, "must be above 0"),
        ({"requests": "many"}, "must be a number"),
        ("fast", "must be a number or of type dict"),
        (-1, "must be above 0"),
    ],
)
def test_a_wrong_limit_is_refused(limit, says):
    """With what is wrong about it."""
    with pytest.raises(ConfigError, match=says):
        LLMConfig("echo", "m", rate_limit=limit)


def test_limits_are_settings_like_others():
    """They survive a round trip through plain data."""
    config = LLMConfig("echo", "m", rate_limit={"requests": 60, "tokens": 90_000}, max_concurrency=4, budget=0.5)
    assert LLMConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(("api", "least", "most"), [("chat", 110, 140), ("responses", 25, 50)])
async def test_a_budget_expects_what_count_tokens_says(api, least, most):
    """With the tools as the vendor shows them to the model, which differs between OpenAI's APIs."""
    tool = {"name": "add", "description": "Adds two numbers.", "parameters": {"type": "object", "properties": {}}}
    async with create_llm_provider("openai/gpt-5.4", options={"api": api}) as provider:
        count = await provider.count_tokens("hi", tools=[tool])
        request = completion_request(provider.config, "hi", [tool])
        assert expected_usage(request, provider.config)["prompt_tokens"] == count
    assert least < count < most


def test_what_a_call_will_probably_take():
    """Prompt and tools by an estimate, the answer by max_tokens or 1,000; vectors have no answer."""
    config = LLMConfig("openai", "gpt-4o", system_prompt="Be kind.")
    request = completion_request(config, [LLMMessage("user", "word " * 100)])
    usage = expected_usage(request, config)
    assert 100 < usage["prompt_tokens"] < 150
    assert usage["completion_tokens"] == ANSWER_TOKENS == 1_000
    assert expected_usage(request, config.with_settings(max_tokens=7))["completion_tokens"] == 7
    tool = {"name": "add", "description": "Adds two numbers.", "parameters": {"type": "object", "properties": {}}}
    armed, plain = (prompt_tokens(completion_request(config, "hi", tools), config) for tools in ([tool], []))
    assert armed > plain + 5
    vectors = expected_usage(embedding_request(config, ["one two", "three"]), config)
    assert vectors["completion_tokens"] == 0
    assert 3 <= vectors["prompt_tokens"] <= 6
