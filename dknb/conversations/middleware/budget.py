"""Middleware that bounds what a conversation costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext
from itertools import islice
from typing import Literal

from ...errors import BudgetExceeded, ConfigError
from ...llm.calls.budget import Budget
from ...llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..state import ConversationState
from .account import Account, BookedCall, tokens_of
from .base import Ask, ConversationMiddleware, Outgoing

__all__ = ["BudgetMiddleware"]

#: Nodes that are counted before others get their turn.
_AT_A_TIME = 1_000


class BudgetMiddleware(ConversationMiddleware):
    """A conversation may cost at most so many US dollars, or tokens, in all its life.

    What its answers cost already counts, those of other kernels and of all branches too; what another process adds
    counts from the next time the conversation is resumed. Wherever this stands in the list, each call of the model is
    looked at where it is made: also those whose answer is rejected, left early, or lost to what others raise. It is
    estimated before it is made (see `dknb.llm.Budget`, which holds the dollars here), and refused if it does not fit into
    what is left, so that many at a time cannot spend more either. A model that is none of dknb's counts by what it says
    that its answers cost; until then its calls are expected to cost what the dearest did. Answers out of a cache or a
    recording cost nothing. What a `ValidationMiddleware` asks its judge is in the ledger, and is not counted here.

    Args:
        limit_usd: US dollars, at least 0.
        limit_tokens: Tokens of prompts and answers together.
        unknown: What to do with calls whose price nobody knows, where ``limit_usd`` is set: ``"refuse"``, or
            ``"allow"`` and do not count them. A model that is none of dknb's is refused after the first such call.

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
        if limit_tokens is not None and (type(limit_tokens) is not int or limit_tokens < 0):
            raise ConfigError(f"A budget cannot be {limit_tokens!r} tokens.", hint="Give a whole number")
        if unknown not in ("refuse", "allow"):
            raise ConfigError(f"unknown is {unknown!r}.", hint="Give 'refuse' or 'allow'")
        self.limit_usd = limit_usd
        self.limit_tokens = limit_tokens
        self.unknown = unknown
        self._new_budget()
        self._accounts: dict[str, Account] = {}

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
        """Say at the end what is spent; whether a call may be made is asked where it is made."""
        async with aclosing(ask(request)) as pieces:
            async for piece in pieces:
                if piece.response is not None:
                    await self.process_response(piece.response, request.state)
                yield piece

    async def around_call(self, request: Outgoing, ask: Ask) -> AsyncGenerator[LLMStreamResponse, None]:
        """Reserve what the call may take, and count what it took, however it ends."""
        account = await self._account(request.state)
        await self.process_request([], request.state)
        with await self._reserved(request, account) as call:
            async with aclosing(self._asked(request, ask, account)) as pieces:
                async for piece in pieces:
                    call.arrived(piece)
                    yield piece

    async def _asked(self, request: Outgoing, ask: Ask, account: Account) -> AsyncGenerator[LLMStreamResponse, None]:
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

    async def _reserved(self, request: Outgoing, account: Account) -> BookedCall:
        """What the call may take, reserved.

        Raises:
            BudgetExceeded: It does not fit into what is left.
        """
        call = await BookedCall.expected(request, account, counts_tokens=self.limit_tokens is not None)
        if self.limit_tokens is not None and account.tokens + account.reserved + call.tokens > self.limit_tokens:
            raise self._refusal(self.limit_tokens, account.tokens, call.tokens, "tokens", account.reserved)
        if account.money is not None and not call.books_itself:
            if account.unpriced and self.unknown == "refuse":
                raise self._unknown_price(account)
            if call.price > account.money.left:
                raise self._refusal(account.money.limit, account.money.spent, call.price, "USD", account.money.reserved)
        call.reserve()
        return call

    async def _account(self, state: ConversationState) -> Account:
        account = self._accounts.get(state.conversation_id)
        if account is None:
            money, tokens = await _spent(state)
            # Another call may have counted meanwhile.
            account = self._accounts.setdefault(state.conversation_id, Account(self._new_budget(money), tokens))
        return account

    def _new_budget(self, spent: float = 0.0) -> Budget | None:
        if self.limit_usd is None:
            return None
        budget = Budget(self.limit_usd, unknown=self.unknown)
        budget.spent = spent
        return budget

    def _unknown_price(self, account: Account) -> BudgetExceeded:
        assert account.money is not None
        return BudgetExceeded(
            f"BudgetMiddleware cannot hold this conversation to ${account.money.limit:.4g}: what {account.unpriced} of its "
            "calls cost is not known. The call was not made.",
            limit=account.money.limit,
            spent=account.money.spent,
            reserved=account.money.reserved,
            estimate=None,
            hint='Let such calls pass, uncounted:  BudgetMiddleware(…, unknown="allow")',
        )

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


async def _spent(state: ConversationState) -> tuple[float, int]:
    """The US dollars and tokens of all answers in the tree."""
    money, tokens = 0.0, 0
    nodes = state.message_tree.walk()
    while some := list(islice(nodes, _AT_A_TIME)):
        for tree in some:
            if tree.data.role == "assistant":
                money += tree.data.metadata.get("cost_usd") or 0.0
                tokens += tokens_of(tree.data.metadata.get("usage"))
        await asyncio.sleep(0)
    return money, tokens


def _of_ours(error: BudgetExceeded) -> BudgetExceeded:
    """The same error, saying whose budget it is."""
    ours = BudgetExceeded(f"BudgetMiddleware: {error}", limit=error.limit, spent=error.spent, hint=error.hint)
    vars(ours).update({name: value for name, value in vars(error).items() if name != "hint"})
    return ours
