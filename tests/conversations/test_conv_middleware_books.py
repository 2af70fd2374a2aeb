"""A budget counts each call where it is made, whatever becomes of its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import (
    BudgetMiddleware,
    CacheMiddleware,
    ConversationManager,
    ConversationMiddleware,
    ConversationState,
    MemoryConversationStorage,
    ValidationMiddleware,
)
from dknb.errors import BudgetExceeded, ServerError
from dknb.llm.messages import LLMMessage, LLMResponse, LLMStreamResponse


class DollarModel:
    """A model that is none of dknb's; each call costs a dollar and 20 tokens, if it says so."""

    provider = "p"
    model = "pm"

    def __init__(self, price: float | None = 1.0) -> None:
        self.price = price
        self.calls = 0

    async def complete(self, messages: Sequence[LLMMessage], **overrides: Any) -> LLMResponse:
        self.calls += 1
        usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
        return LLMResponse("x", model="pm", cost_usd=self.price, usage=usage)

    async def stream_complete(
        self, messages: Sequence[LLMMessage], **overrides: Any
    ) -> AsyncIterator[LLMStreamResponse]:
        for _ in range(5):
            yield LLMStreamResponse(delta="word ")
        yield LLMStreamResponse(is_final=True, response=await self.complete(messages))


class Refusing(ConversationMiddleware):
    """Takes no answer."""

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        raise RuntimeError("no")


def judged(*verdicts: str, retry_limit: int = 4) -> ValidationMiddleware:
    return ValidationMiddleware(ScriptedModel(*verdicts), _Builder(), "judge", auto_retry=True, retry_limit=retry_limit)


class _Rendered:
    def __init__(self, content: str) -> None:
        self.content = content
        self.rag_metadata = None


class _Builder:
    def render_user_prompt(self, name: str, **how: Any) -> _Rendered:
        return _Rendered(str(how["params"]["response"]))


async def talk(model: Any, *middleware: ConversationMiddleware) -> ConversationManager:
    manager = await ConversationManager.create(model, None, MemoryConversationStorage(), middleware=middleware)
    await manager.add_message(content="?")
    return manager


async def spent(manager: ConversationManager, budget: BudgetMiddleware) -> dict[str, Any]:
    return (await budget.process_response(LLMResponse(""), manager.state)).metadata


@pytest.mark.parametrize("budget_first", [True, False])
async def test_rejected_answers_are_paid_for(budget_first: bool) -> None:
    """Each is counted, and the one that does not fit any more is not asked for."""
    budget, judge = BudgetMiddleware(limit_usd=2.5), judged(*["INVALID"] * 5)
    manager = await talk(model := DollarModel(), *((budget, judge) if budget_first else (judge, budget)))
    with pytest.raises(BudgetExceeded, match=r"\$2 are spent, and this call may take \$1"):
        await manager.complete()
    assert (model.calls, manager.get_total_cost()) == (2, 2.0)
    assert await spent(manager, budget) == {"budget_spent_usd": 2.0}


async def test_a_retry_that_succeeds_counts_all() -> None:
    """Not only the last."""
    budget = BudgetMiddleware(limit_usd=9, limit_tokens=99_000)
    manager = await talk(DollarModel(), budget, judged("INVALID", "VALID"))
    told = (await manager.complete()).metadata
    assert (told["budget_spent_usd"], told["budget_spent_tokens"]) == (2.0, 40)


async def test_answers_that_others_lose_are_paid_for() -> None:
    """Whoever raises, before it or after it."""
    for order in (1, -1):
        budget = BudgetMiddleware(limit_usd=2)
        manager = await talk(model := DollarModel(), *[budget, Refusing()][::order])
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await manager.complete(at="0")
        with pytest.raises(BudgetExceeded):
            await manager.complete(at="0")
        assert model.calls == 2


async def test_streams_that_are_left_are_paid_for() -> None:
    """By an estimate of what was sent and what came; in dollars as the dearest call."""
    budget = BudgetMiddleware(limit_usd=2.5, limit_tokens=50_000)
    manager = await talk(DollarModel(), budget)
    await manager.complete(at="0")
    before = (await spent(manager, budget))["budget_spent_tokens"]
    async with aclosing(manager.stream_complete(at="0")) as pieces:
        await anext(pieces)
    told = await spent(manager, budget)
    assert told["budget_spent_usd"] == 2.0
    assert told["budget_spent_tokens"] > before
    with pytest.raises(BudgetExceeded):
        await manager.complete(at="0")


async def test_a_stream_that_breaks_is_paid_for() -> None:
    """What arrived was billed; what is reserved is given back."""
    model = ScriptedModel("one two three")
    model.cut_after = 2
    budget = BudgetMiddleware(limit_tokens=5_000)
    manager = await talk(model, budget)
    with pytest.raises(ServerError):
        [piece async for piece in manager.stream_complete(at="0")]
    assert (await spent(manager, budget))["budget_spent_tokens"] > 0
    model.cut_after = None
    await manager.complete(at="0", max_tokens=4_500)


async def test_a_price_that_nobody_knows_is_refused_the_second_time() -> None:
    """Or allowed, and not counted."""
    manager = await talk(model := DollarModel(None), BudgetMiddleware(limit_usd=1))
    await manager.complete(at="0")
    with pytest.raises(BudgetExceeded, match="1 of its calls cost is not known"):
        await manager.complete(at="0")
    assert model.calls == 1
    manager = await talk(model := DollarModel(None), BudgetMiddleware(limit_usd=1, unknown="allow"))
    for _ in range(3):
        await manager.complete(at="0")
    assert model.calls == 3


async def test_a_cached_answer_passes_a_budget_that_is_spent() -> None:
    """It costs nothing: no call is made."""
    manager = await talk(model := DollarModel(), BudgetMiddleware(limit_usd=1), CacheMiddleware())
    for _ in range(3):
        await manager.complete(at="0")
    assert model.calls == 1
