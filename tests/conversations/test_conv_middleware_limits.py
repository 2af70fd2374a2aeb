"""What may pass at all: so many requests in a time, so many dollars or tokens in a conversation."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import (
    BudgetMiddleware,
    CacheMiddleware,
    ConversationManager,
    ConversationMiddleware,
    ConversationStorage,
    MemoryConversationStorage,
    RateLimitMiddleware,
)
from dknb.errors import BudgetExceeded, ConfigError, RateLimited, ServerError
from dknb.llm import Budget, EchoProvider
from dknb.llm.messages import LLMResponse


async def talk(
    llm: Any,
    *middleware: ConversationMiddleware,
    name: str = "talk",
    storage: ConversationStorage | None = None,
    **metadata: Any,
) -> ConversationManager:
    manager = await ConversationManager.create(
        llm,
        None,
        storage or MemoryConversationStorage(),
        middleware=middleware,
        conversation_id=name,
        metadata=metadata,
    )
    await manager.add_message(content="?")
    return manager


async def test_more_requests_than_allowed_are_refused() -> None:
    """Nothing is sent; the error says when to come back, and names the middleware."""
    limit = RateLimitMiddleware(2, window_seconds=60)
    manager = await talk(model := ScriptedModel(), limit)
    first = await manager.complete(at="0")
    second = await manager.complete(at="0")
    with pytest.raises(RateLimited, match="RateLimitMiddleware lets 2 requests pass in 60 seconds") as caught:
        await manager.complete(at="0")
    assert 0 < (caught.value.retry_after or 0) <= 60
    assert len(model.sent) == 2
    assert [response.metadata["rate_limit_remaining"] for response in (first, second)] == [1, 0]
    assert model.sent[1][0].metadata == {"rate_limit_count": 2, "rate_limit_max": 2}


async def test_who_is_counted_with_whom() -> None:
    """Each conversation for itself, or those of one user together, or as a function says."""
    for limit, passes in (
        (RateLimitMiddleware(1), True),
        (RateLimitMiddleware(1, scope="user_id"), False),
        (RateLimitMiddleware(1, scope="client_id"), True),
        (RateLimitMiddleware(1, key_fn=lambda state: "all"), False),
    ):
        await (await talk(ScriptedModel(), limit, name="a", user_id="ann")).complete()
        other = await talk(model := ScriptedModel(), limit, name="b", user_id="ann")
        if not passes:
            with pytest.raises(RateLimited):
                await other.complete()
        else:
            await other.complete()
        assert len(model.sent) == int(passes)


async def test_who_waits_gets_through() -> None:
    """Told to wait, it sends when there is room: all go out, in turn, and never more at a time than allowed."""
    limit = RateLimitMiddleware(2, window_seconds=0.1, wait=True)
    manager = await talk(model := ScriptedModel(), limit)
    responses = await asyncio.gather(*(manager.complete(at="0") for _ in range(5)))
    assert len(model.sent) == len(responses) == 5
    assert max(message[0].metadata["rate_limit_count"] for message in model.sent) <= 2


async def test_the_status_can_be_asked_for_and_forgotten() -> None:
    """Of a key, or of all."""
    limit = RateLimitMiddleware(2)
    await (await talk(ScriptedModel(), limit)).complete()
    status = await limit.get_rate_limit_status("talk")
    assert {name: status[name] for name in ("current_count", "max_requests", "remaining", "window_seconds")} == {
        "current_count": 1,
        "max_requests": 2,
        "remaining": 1,
        "window_seconds": 60,
    }
    assert 0 < status["next_reset"] <= 60
    await limit.reset("talk")
    assert (await limit.get_rate_limit_status("talk"))["current_count"] == 0
    await limit.reset()


def priced(*costs: float, tokens: int = 10) -> EchoProvider:
    """Answers at these prices."""
    usage = {"prompt_tokens": tokens // 2, "completion_tokens": tokens // 2, "total_tokens": tokens}
    return EchoProvider().set_responses([LLMResponse("x", cost_usd=cost, usage=usage) for cost in costs])


async def test_a_conversation_spends_no_more_than_its_budget() -> None:
    """When it is spent nothing more is sent; the answers say how much it was."""
    manager = await talk(priced(0.4, 0.7, 9.0), BudgetMiddleware(1.0))
    spent = [(await manager.complete(at="0")).metadata["budget_spent_usd"] for _ in range(2)]
    assert spent == pytest.approx([0.4, 1.1])
    with pytest.raises(
        BudgetExceeded, match=r"BudgetMiddleware lets this conversation have \$1; \$1.1 are spent"
    ) as caught:
        await manager.complete(at="0")
    assert (caught.value.limit, caught.value.unit) == (1.0, "USD")
    assert manager.get_total_cost() == pytest.approx(1.1)


async def test_a_call_is_estimated_before_it_is_made() -> None:
    """One that may cost more than is left does not start; the error says whose budget it is."""
    from dknb.llm import create_llm_provider

    model = create_llm_provider(
        {"provider": "openai", "model": "gpt-5.4-mini", "api_key": "none", "max_tokens": 100_000}
    )
    manager = await talk(model, BudgetMiddleware(0.001))
    with pytest.raises(BudgetExceeded, match=r"BudgetMiddleware: This call of openai/gpt-5.4-mini may cost") as caught:
        await manager.complete()
    assert (caught.value.estimate or 0) > 0.001
    assert caught.value.limit == 0.001


async def test_what_was_spent_before_counts() -> None:
    """In another kernel, and on other branches."""
    storage = MemoryConversationStorage()
    await (await talk(priced(0.6), storage=storage)).complete()
    manager = await ConversationManager.resume("talk", priced(0.6), None, storage, [BudgetMiddleware(0.5)])
    with pytest.raises(BudgetExceeded):
        await manager.complete(at="0")


async def test_each_conversation_has_its_own_budget() -> None:
    """One object may bound many."""
    budget = BudgetMiddleware(0.5)
    for name in ("a", "b"):
        manager = await talk(priced(0.5), budget, name=name)
        assert (await manager.complete()).metadata["budget_spent_usd"] == 0.5


async def test_tokens_are_bounded() -> None:
    """By what was used, and by an estimate with the longest answer."""
    manager = await talk(priced(0, 0, tokens=90), BudgetMiddleware(limit_tokens=200))
    assert (await manager.complete(at="0", max_tokens=50)).metadata["budget_spent_tokens"] == 90
    with pytest.raises(BudgetExceeded, match="200 tokens; 90 tokens are spent, and this call may take") as caught:
        await manager.complete(at="0", max_tokens=150)
    assert (caught.value.unit, caught.value.limit, caught.value.spent) == ("tokens", 200, 90)
    await manager.complete(at="0", max_tokens=50)


async def refusal(task: asyncio.Task[Any]) -> BaseException | None:
    await asyncio.wait([task])
    return task.exception()


async def test_many_at_a_time_spend_no_more() -> None:
    """What runs is reserved, and given back when it fails."""
    model = ScriptedModel()
    model.gate = asyncio.Event()
    budget = BudgetMiddleware(limit_tokens=250)
    manager = await talk(model, budget)
    running = [asyncio.create_task(manager.complete(at="0", max_tokens=100)) for _ in range(5)]
    refused = [await first for first in itertools.islice(asyncio.as_completed(map(refusal, running)), 3)]
    model.gate.set()
    told = await asyncio.gather(*running, return_exceptions=True)
    assert sum(isinstance(each, BudgetExceeded) for each in told) == len(refused) == 3
    model.script = [ServerError("down")]
    with pytest.raises(ServerError):
        await manager.complete(at="0", max_tokens=100)
    await manager.complete(at="0", max_tokens=100)


async def test_any_model_is_booked_once() -> None:
    """Those of dknb book themselves; others by the price of their answer."""
    for model, cost in ((priced(0.25), 0.25), (ScriptedModel("x"), 0.25)):
        manager = await talk(model, BudgetMiddleware(1.0))
        with Budget(1.0):
            assert (await manager.complete()).metadata["budget_spent_usd"] == cost


async def test_what_is_cached_costs_nothing() -> None:
    """The second answer is out of the cache, and the budget is as before."""
    manager = await talk(priced(0.5), BudgetMiddleware(1.0), CacheMiddleware())
    told = [(await manager.complete(at="0")).metadata["budget_spent_usd"] for _ in range(3)]
    assert told == [0.5, 0.5, 0.5]


async def test_a_stream_is_bounded_too() -> None:
    """Reserved when it begins, booked when it ends."""
    manager = await talk(priced(0.6, 0.6), BudgetMiddleware(0.5))
    pieces = [piece async for piece in manager.stream_complete(at="0")]
    assert pieces[-1].response is not None
    assert pieces[-1].response.metadata["budget_spent_usd"] == 0.6
    with pytest.raises(BudgetExceeded):
        async for _ in manager.stream_complete(at="0"):
            pass


@pytest.mark.parametrize(
    "make",
    [
        lambda: BudgetMiddleware(),
        lambda: BudgetMiddleware(-1),
        lambda: BudgetMiddleware(limit_tokens=-1),
        lambda: RateLimitMiddleware(0),
        lambda: RateLimitMiddleware(1, 0),
        lambda: RateLimitMiddleware(1.5),
        lambda: RateLimitMiddleware(True),
        lambda: BudgetMiddleware(limit_usd=1, unknown="x"),
        lambda: BudgetMiddleware(limit_tokens=1.5),
    ],
)
def test_what_cannot_be_is_refused(make: Any) -> None:
    """When it is made."""
    with pytest.raises(ConfigError):
        make()
