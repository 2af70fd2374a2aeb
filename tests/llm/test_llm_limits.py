"""How many requests and tokens there are in a minute."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from llm_scripted import Scripted

from dknb.errors import ConfigError, ServerError
from dknb.llm import LLMConfig, LLMMessage, LLMResponse
from dknb.llm.calls.expected import ANSWER_TOKENS, expected_usage, prompt_tokens
from dknb.llm.calls.limits import CallLimits, Rates, Window
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
    assert (len(provider.requests), provider.concurrency.running) == (1, 1)
    second.cancel()


async def test_a_failed_call_gives_its_tokens_back():
    """What was refused used nothing."""
    provider = Used(ServerError("", status=500), 10, rate_limit={"tokens": 1_000}, max_tokens=900)
    await asyncio.wait_for(provider.complete("hi"), 20)
    assert len(provider.requests) == 2


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
    assert limits.slots(config).state.running == 3
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


def test_what_a_call_will_probably_take():
    """Prompt and tools by an estimate, the answer by max_tokens or 1,000; vectors have no answer."""
    config = LLMConfig("openai", "gpt-4o", system_prompt="Be kind.")
    request = completion_request(config, [LLMMessage("user", "word " * 100)])
    usage = expected_usage(request, config)
    assert 100 < usage["prompt_tokens"] < 150
    assert usage["completion_tokens"] == ANSWER_TOKENS == 1_000
    assert expected_usage(request, config.with_settings(max_tokens=7))["completion_tokens"] == 7
    tool = {"name": "add", "description": "Adds two numbers.", "parameters": {"type": "object", "properties": {}}}
    assert prompt_tokens(completion_request(config, "hi", [tool])) > prompt_tokens(completion_request(config, "hi")) + 5
    vectors = expected_usage(embedding_request(config, ["one two", "three"]), config)
    assert vectors["completion_tokens"] == 0
    assert 3 <= vectors["prompt_tokens"] <= 6
