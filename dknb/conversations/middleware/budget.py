"""Middleware that bounds what a conversation costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import BudgetExceeded, ConfigError
from ...llm.calls.budget import Budget
from ...llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..state import ConversationState
from .base import Ask, ConversationMiddleware, Outgoing

__all__ = ["BudgetMiddleware"]

#: Nodes that are counted before others get their turn.
_AT_A_TIME = 1_000


class BudgetMiddleware(ConversationMiddleware):
    """A conversation may cost at most so many US dollars, or tokens, in all its life.

    What its answers cost already counts, those of other kernels and of all branches too; what another process adds
    counts from the next time the conversation is resumed. A call is estimated before it is made (see `dknb.llm.Budget`,
    which holds the dollars here), and refused if it does not fit into what is left, so that many at a time cannot spend
    more either. Answers out of a cache or a recording cost nothing.

    Args:
        limit_usd: US dollars, at least 0.
        limit_tokens: Tokens of prompts and answers together.
        unknown: What to do with calls whose price nobody knows, where ``limit_usd`` is set: ``"refuse"``, or
            ``"allow"`` and do not count them.

    Raises:
        ConfigError: There is no limit, or one cannot be one.
    """

    watches_all = True

    def __init__(
        self,
        limit_usd: float | None = None,
        limit_tokens: int | None = None,
        *,
        unknown: Literal["refuse", "allow"] = "refuse",
    ) -> None:
        if limit_usd is None and limit_tokens is None:
            raise ConfigError("A BudgetMiddleware needs a limit.", hint="Give limit_usd=… or limit_tokens=…")
        if limit_tokens is not None and limit_tokens < 0:
            raise ConfigError(f"A budget cannot be {limit_tokens!r} tokens.")
        self.limit_usd = limit_usd
        self.limit_tokens = limit_tokens
        self.unknown = unknown
        self._new_budget()
        self._accounts: dict[str, _Account] = {}

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        """Let it pass if anything is left.

        Raises:
            BudgetExceeded: All is spent.
        """
        account = await self._account(state)
        if account.money is not None and account.money.spent >= account.money.limit:
            raise self._refusal(account.money.limit, account.money.spent, 0.0, "USD")
        if self.limit_tokens is not None and account.tokens >= self.limit_tokens:
            raise self._refusal(self.limit_tokens, account.tokens, 0.0, "tokens")
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """Say in the metadata what is spent by now."""
        account = await self._account(state)
        if account.money is not None:
            response.metadata["budget_spent_usd"] = account.money.spent
        if self.limit_tokens is not None:
            response.metadata["budget_spent_tokens"] = account.tokens
        return response

    async def converse(self, request: Outgoing, ask: Ask) -> AsyncGenerator[LLMStreamResponse, None]:
        """Reserve what the call may take, and count what it took."""
        account = await self._account(request.state)
        await self.process_request(request.messages, request.state)
        estimate = await self._reserve(request, account)
        try:
            async with aclosing(self._asked(request, ask, account)) as pieces:
                async for piece in pieces:
                    if piece.response is not None:
                        account.book(piece.response, counted_elsewhere=_counts_itself(request.model))
                        await self.process_response(piece.response, request.state)
                    yield piece
        finally:
            account.reserved -= estimate

    async def _asked(self, request: Outgoing, ask: Ask, account: _Account) -> AsyncGenerator[LLMStreamResponse, None]:
        """The pieces; the call begins with the first, and is inside the budget."""
        async with aclosing(ask(request)) as pieces:
            try:
                with nullcontext() if account.money is None else account.money:
                    first = await anext(pieces, None)
            except BudgetExceeded as error:
                if account.money is None or error.limit != account.money.limit:
                    raise
                raise _of_ours(error) from error
            if first is not None:
                yield first
            async for piece in pieces:
                yield piece

    async def _reserve(self, request: Outgoing, account: _Account) -> int:
        """The tokens that the call may take, reserved.

        Raises:
            BudgetExceeded: They do not fit into what is left.
        """
        if self.limit_tokens is None:
            return 0
        estimate = await asyncio.to_thread(_expected_tokens, request)
        if account.tokens + account.reserved + estimate > self.limit_tokens:
            raise self._refusal(self.limit_tokens, account.tokens, estimate, "tokens", account.reserved)
        account.reserved += estimate
        return estimate

    async def _account(self, state: ConversationState) -> _Account:
        account = self._accounts.get(state.conversation_id)
        if account is None:
            money, tokens = await _spent(state)
            # Another call may have counted meanwhile.
            account = self._accounts.setdefault(state.conversation_id, _Account(self._new_budget(money), tokens))
        return account

    def _new_budget(self, spent: float = 0.0) -> Budget | None:
        if self.limit_usd is None:
            return None
        budget = Budget(self.limit_usd, unknown=self.unknown)
        budget.spent = spent
        return budget

    def _refusal(self, limit: float, spent: float, estimate: float, unit: str, reserved: float = 0.0) -> BudgetExceeded:
        def told(amount: float) -> str:
            return f"${amount:.4g}" if unit == "USD" else f"{amount:,.0f} tokens"

        call = f", and this call may take {told(estimate)}" if estimate else ""
        error = BudgetExceeded(
            f"BudgetMiddleware lets this conversation have {told(limit)}; {told(spent)} are spent{call}. "
            "The call was not made.",
            limit=limit,
            spent=spent,
            reserved=reserved,
            estimate=estimate or None,
            hint="Give it a larger limit, or bound the answer:  max_tokens=…",
        )
        error.unit = unit
        return error

    def __repr__(self) -> str:
        dollars = [] if self.limit_usd is None else [f"limit_usd={self.limit_usd:g}"]
        tokens = [] if self.limit_tokens is None else [f"limit_tokens={self.limit_tokens}"]
        return f"BudgetMiddleware({', '.join(dollars + tokens)})"


@dataclass(slots=True)
class _Account:
    """What one conversation has spent."""

    money: Budget | None
    tokens: int
    reserved: int = 0

    def book(self, response: LLMResponse, *, counted_elsewhere: bool) -> None:
        self.tokens += _tokens(response.usage)
        if self.money is not None and not counted_elsewhere:
            self.money.spent += response.cost_usd or 0.0


def _counts_itself(model: Any) -> bool:
    """Whether calls of ``model`` book what they cost in the budgets around them."""
    from ...llm.base import AsyncLLMProvider

    return isinstance(model, AsyncLLMProvider)


def _expected_tokens(request: Outgoing) -> int:
    from ...llm.calls.expected import ANSWER_TOKENS
    from ...llm.counting.tokens import TokenCounter

    config = getattr(request.model, "config", None)
    most = request.settings.get("max_tokens") or getattr(config, "max_tokens", None) or ANSWER_TOKENS
    name = str(getattr(request.model, "model", None) or "default")
    return int(TokenCounter.count_messages(request.messages, name)) + int(most)


async def _spent(state: ConversationState) -> tuple[float, int]:
    """The US dollars and tokens of all answers in the tree."""
    money, tokens = 0.0, 0
    for number, tree in enumerate(list(state.message_tree.walk())):
        if tree.data.role == "assistant":
            money += tree.data.metadata.get("cost_usd") or 0.0
            tokens += _tokens(tree.data.metadata.get("usage"))
        if number % _AT_A_TIME == 0:
            await asyncio.sleep(0)
    return money, tokens


def _tokens(usage: Any) -> int:
    told = usage or {}
    return int(told.get("total_tokens") or sum(told.get(name) or 0 for name in ("prompt_tokens", "completion_tokens")))


def _of_ours(error: BudgetExceeded) -> BudgetExceeded:
    """The same error, saying whose budget it is."""
    ours = BudgetExceeded(f"BudgetMiddleware: {error}", limit=error.limit, spent=error.spent, hint=error.hint)
    vars(ours).update({name: value for name, value in vars(error).items() if name != "hint"})
    return ours
