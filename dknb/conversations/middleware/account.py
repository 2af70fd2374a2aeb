"""What a conversation has spent, and what one call of it takes, however the call ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

from ...llm.calls.budget import Budget
from ...llm.messages import LLMResponse, LLMStreamResponse
from .base import Outgoing
from .copies import sent

__all__ = ["Account", "BookedCall", "tokens_of"]


@dataclass(slots=True)
class Account:
    """What one conversation has spent.

    Attributes:
        money: The dollars; None where nobody counts them.
        tokens: The tokens.
        reserved: Tokens that calls which run may take.
        unpriced: How many calls of models that are none of dknb's were made whose price is not known.
        dearest: What the dearest call of such a model cost.
    """

    money: Budget | None
    tokens: int
    reserved: int = 0
    unpriced: int = 0
    dearest: float = 0.0

    def spend(self, price: float | None) -> None:
        """Count what a call of a model cost that books nothing itself."""
        if self.money is None:
            return
        if price is None:
            self.unpriced += 1
            return
        self.dearest = max(self.dearest, price)
        self.money.spent += price


@dataclass(slots=True)
class BookedCall:
    """One call: what it may take is reserved inside ``with``, what it took is counted at its end.

    Attributes:
        account: Who pays.
        model: What the model is called.
        provider: What its provider is called.
        books_itself: Whether the model books its dollars in the budgets around the call.
        prompt: Tokens of what is sent; 0 where nobody needs them.
        tokens: Tokens that the call may take.
        price: US dollars that it may cost, where the model does not book them itself.
        text: What came of the answer.
        is_booked: Whether it has come to its end, and is counted.
    """

    account: Account
    model: str
    provider: str
    books_itself: bool
    prompt: int = 0
    tokens: int = 0
    price: float = 0.0
    text: list[str] = field(default_factory=list)
    is_booked: bool = False

    @classmethod
    async def expected(cls, request: Outgoing, account: Account, *, counts_tokens: bool) -> BookedCall:
        """The call that ``request`` is, with what it may take."""
        from ...llm.base import AsyncLLMProvider

        model, itself = request.model, isinstance(request.model, AsyncLLMProvider)
        named = str(request.settings.get("model") or getattr(model, "model", None) or "default")
        call = cls(account, named, str(getattr(model, "provider", None) or ""), itself)
        if counts_tokens or (account.money is not None and not itself):
            await asyncio.to_thread(call._expect, request)
        return call

    def _expect(self, request: Outgoing) -> None:
        from ...llm.calls.expected import ANSWER_TOKENS

        config = getattr(request.model, "config", None)
        most = int(request.settings.get("max_tokens") or getattr(config, "max_tokens", None) or ANSWER_TOKENS)
        self.prompt = _prompt_tokens(request, self.model)
        self.tokens = self.prompt + most
        if self.account.money is not None and not self.books_itself:
            price = self._price({"prompt_tokens": self.prompt, "completion_tokens": most})
            self.price = self.account.dearest if price is None else price

    def _price(self, usage: dict[str, int]) -> float | None:
        from ...llm.counting.costs import cost_of

        return cost_of(self.provider, self.model, usage)

    def reserve(self) -> None:
        """Take what it may need out of what is left."""
        self.account.reserved += self.tokens
        if self.account.money is not None:
            self.account.money.reserved += self.price

    def arrived(self, piece: LLMStreamResponse) -> None:
        """Take in a piece of the answer; with the last the call is counted."""
        self.text += [piece.delta, piece.reasoning]
        if piece.response is not None and not self.is_booked:
            self._give_back()
            self._book(piece.response)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self.is_booked:
            return
        self._give_back()
        broken = getattr(error, "partial", None)
        if isinstance(broken, LLMResponse):
            self.text = self.text or [broken.content, broken.reasoning or ""]
            if broken.usage or broken.cost_usd is not None:
                self._book(broken)
                return
        if any(self.text):
            self._book_what_arrived()

    def _give_back(self) -> None:
        self.is_booked = True
        self.account.reserved -= self.tokens
        if self.account.money is not None:
            # Sums of floats drift: what is reserved by nobody must be 0.
            left = self.account.money.reserved - self.price
            self.account.money.reserved = left if left > 1e-12 else 0.0

    def _book(self, answer: LLMResponse) -> None:
        if answer.metadata.get("replayed"):
            return  # out of a recording
        self.account.tokens += tokens_of(answer.usage)
        if not self.books_itself:
            self.account.spend(answer.cost_usd)

    def _book_what_arrived(self) -> None:
        """Count an answer that broke off or was left: its vendor bills what was sent, and what came."""
        from ...llm.counting.tokens import TokenCounter

        usage = {
            "prompt_tokens": self.prompt,
            "completion_tokens": int(TokenCounter.estimate_tokens("".join(self.text), self.model)),
        }
        self.account.tokens += tokens_of(usage)
        if not self.books_itself and self.account.money is not None:
            # Where no table has a price: what was expected, which is what the dearest call did cost.
            self.account.spend(price if (price := self._price(usage)) is not None else self.price or None)


def tokens_of(usage: Any) -> int:
    """The tokens of a call, prompt and answer."""
    told = usage or {}
    return int(told.get("total_tokens") or sum(told.get(name) or 0 for name in ("prompt_tokens", "completion_tokens")))


def _prompt_tokens(request: Outgoing, model: str) -> int:
    """The tokens of what is sent; of a history only what is new since the last time is counted."""
    from ...llm.counting.tokens import TokenCounter

    return int(TokenCounter.count_messages(sent(request.messages), model))
