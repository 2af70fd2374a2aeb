"""How many calls run at a time."""

from __future__ import annotations

import asyncio
import gc

import pytest
from llm_scripted import Scripted, streamed

from dknb.errors import ConfigError, RateLimited, ServerError
from dknb.llm import LLMConfig, LLMResponse
from dknb.llm.calls.concurrency import Slots, slots_of


class Busy(Scripted):
    """A server that bears so many calls at a time, and refuses the others at once."""

    def __init__(self, bears, *script, **settings):
        super().__init__(*script, model=f"bears-{id(self)}", **settings)
        self.bears = bears
        self.running = self.most = self.refused = 0

    async def _complete(self, request, config):
        if self.running >= self.bears:
            self.refused += 1
            raise RateLimited("busy", status=429)
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.005)
        self.running -= 1
        return LLMResponse("a")


async def leave_all(slots, tickets, **how):
    for ticket in tickets:
        slots.leave(ticket, **how)
    await asyncio.sleep(0.01)


async def test_the_number_doubles_while_the_server_answers():
    """It begins at 100, and grows only when all places are taken."""
    slots = Slots()
    few = [await slots.enter() for _ in range(10)]
    await leave_all(slots, few, answered=True, refused=False)
    assert slots.state.limit == 100
    all_taken = [await slots.enter() for _ in range(100)]
    more = [asyncio.create_task(slots.enter()) for _ in range(800)]
    await asyncio.sleep(0)
    assert slots.state.waiting == 800
    await leave_all(slots, all_taken, answered=True, refused=False)
    assert slots.state.limit == 200
    await leave_all(slots, [task.result() for task in more if task.done()], answered=True, refused=False)
    assert slots.state.limit == 400
    for task in more:
        task.cancel()


async def test_a_refusal_leaves_what_the_server_took():
    """Half at the first 429; those of the same burst show how many were taken; then one more for each full round."""
    slots = Slots()
    tickets = [await slots.enter() for _ in range(100)]
    slots.leave(tickets[0], answered=False, refused=True)
    assert slots.state.limit == 50
    await leave_all(slots, tickets[1:92], answered=False, refused=True)
    assert (slots.state.limit, slots.state.running, slots.state.refused) == (8, 8, 92)
    waiting = [asyncio.create_task(slots.enter()) for _ in range(40)]
    await asyncio.sleep(0.01)
    rounds = [tickets[92:]]
    for _ in range(3):
        await leave_all(slots, rounds[-1], answered=True, refused=False)
        admitted = [task.result() for task in waiting if task.done()]
        rounds.append(admitted[sum(map(len, rounds[1:])) :])
    assert [len(each) for each in rounds] == [8, 8, 9, 10]
    slots.leave(rounds[-1][0], answered=False, refused=True)
    assert slots.state.limit == 5
    for task in waiting:
        task.cancel()


async def test_failures_that_are_no_refusals_change_nothing():
    """A broken server says nothing about how many calls it bears; there is always one place."""
    slots = Slots()
    await leave_all(slots, [await slots.enter() for _ in range(100)], answered=False, refused=False)
    assert slots.state.limit == 100
    for _ in range(20):
        slots.leave(await slots.enter(), answered=False, refused=True)
    assert slots.state.limit == 1


async def test_a_storm_is_weathered():
    """200 calls to a server that bears 6 at a time all succeed, with few refusals after the first burst."""
    provider = Busy(6, retry_count=3, retry_delay=0.001)
    answers = await asyncio.gather(*(provider.complete("hi") for _ in range(200)))
    assert [answer.content for answer in answers] == ["a"] * 200
    assert provider.most == 6
    assert provider.refused < 150
    assert 1 <= provider.concurrency.limit <= 12
    assert (provider.concurrency.running, provider.concurrency.waiting) == (0, 0)
    assert provider.concurrency.refused == provider.refused


async def test_a_limit_of_ones_own():
    """max_concurrency is never exceeded, and is the object's, not a call's."""
    provider = Busy(100, max_concurrency=3)
    await asyncio.gather(*(provider.complete("hi") for _ in range(12)))
    assert (provider.most, provider.concurrency.limit) == (3, 3)
    with pytest.raises(ConfigError, match="cannot be set for one call"):
        await provider.complete("hi", max_concurrency=4)
    with pytest.raises(ConfigError, match="at least 1"):
        Busy(1, max_concurrency=0)


async def test_objects_with_one_address_share_it():
    """Another key, address or model does not; what nobody uses any more is forgotten."""
    config = LLMConfig("openai", "m", api_key="k")
    slots = slots_of(config)
    assert slots_of(LLMConfig("openai", "m", api_key="k")) is slots
    for other in ({"api_key": "j"}, {"model": "n"}, {"api_base": "http://x"}):
        assert slots_of(config.with_settings(**other)) is not slots
    slots.leave(await slots.enter(), answered=False, refused=True)
    del slots
    gc.collect()
    assert slots_of(config).state.refused == 0


async def test_a_model_named_for_one_call_has_its_own_places():
    """The state of the object's own model stays what it was."""
    provider = Scripted(RateLimited("busy", status=429), "a", "b", max_concurrency=97)
    await provider.complete("hi", model="other")
    assert provider.concurrency.refused == 0
    assert provider._pipeline.limits.slots(provider.config.with_settings(model="other")).state.refused == 1


async def test_a_stream_keeps_its_place_to_its_end():
    """And gives it back when it ends, breaks, or is left."""
    provider = Scripted("a", "b", max_concurrency=1)
    pieces = provider.stream_complete("hi")
    await anext(pieces)
    assert provider.concurrency.running == 1
    await pieces.aclose()
    assert provider.concurrency.running == 0
    for script in (["a", ServerError("")], [ServerError("")]):
        broken = Scripted(*script, max_concurrency=1)
        with pytest.raises(ServerError):
            await streamed(broken)
        assert broken.concurrency.running == 0
    whole = Scripted("a", max_concurrency=1)
    await streamed(whole)
    assert whole.concurrency.running == 0


async def test_a_cancelled_call_gives_its_place_back():
    """Whether it waits for a place or has one."""
    provider = Scripted(30.0, "a", "b", max_concurrency=1)
    running = asyncio.create_task(provider.complete("hi"))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(provider.complete("hi"))
    await asyncio.sleep(0.01)
    assert (provider.concurrency.running, provider.concurrency.waiting) == (1, 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert provider.concurrency.waiting == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert provider.concurrency.running == 0
    assert (await provider.complete("hi")).content == "a"


async def test_all_wait_while_a_server_wants_to_be_left_alone():
    """Retry-After holds for the calls behind it too; one that has less time goes and is told by the server."""
    slots = Slots()
    slots.pause(0.05)
    ticket = await slots.enter_within(60.0)
    assert ticket.waited >= 0.05
    slots.pause(30.0)
    hasty = await slots.enter_within(1.0)
    assert hasty.waited == 0.0
    slots.leave(ticket, answered=True, refused=False)
    slots.leave(hasty, answered=True, refused=False)
    assert slots.state.running == 0


async def test_an_empty_account_is_no_reason_to_slow_down():
    """Waiting does not fill it: it is neither retried nor counted."""
    provider = Scripted(RateLimited("you: insufficient_quota", status=429), max_concurrency=98)
    with pytest.raises(RateLimited):
        await provider.complete("hi")
    assert provider.concurrency.refused == 0
