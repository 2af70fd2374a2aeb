"""Middleware that has each answer judged by a model."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from ...errors import ConfigError, ValidationFailed
from ...llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..ledger import CallRecord
from ..rendering import PromptRenderer, render_prompt
from ..state import ConversationState
from ..turns import ChatModel
from .base import Ask, ConversationMiddleware, Outgoing

__all__ = ["ValidationMiddleware", "is_valid"]

#: Where the judge's calls are booked; nowhere for who calls `process_response` alone.
_booking: ContextVar[Callable[[CallRecord], None] | None] = ContextVar("dknb_validation_booking", default=None)

_NO = re.compile(
    r"(?:\b(?:in|un|non)-?|\bnot\s+(?:an?\s+)?|n['\u2019]t\s+(?:an?\s+)?)valid\b|\bvalid\W{1,4}(?:false|no)\b",
    re.IGNORECASE,
)
_YES = re.compile(r"\bvalid\b", re.IGNORECASE)
_YES_AT_ONCE = re.compile(r"\W*valid\b(?!\W{1,4}(?:false|no)\b)", re.IGNORECASE)


class ValidationMiddleware(ConversationMiddleware):
    """Lets an answer pass when a model says that it is VALID; else asks again, or refuses it.

    The judge is told the answer in the prompt's parameter ``response``, and must say VALID or INVALID; a judge that says
    both (but VALID first of all), or neither, does not let it pass. A streamed answer is shown when it has been judged,
    not before. Answers that do not pass are stored all the same: where another one was asked for, as siblings of it
    with ``rejected`` in their metadata. What the judge cost is in the answer's, as ``validation_cost_usd``, and each of
    its calls is in the ledger, of the kind ``"validation"``.

    Args:
        llm: The judge; may be the model that answers.
        prompt_builder: Renders the prompt.
        validation_prompt: Name of a user prompt.
        auto_retry: Whether to ask again when an answer does not pass.
        retry_limit: How often at most.
    """

    def __init__(
        self,
        llm: ChatModel,
        prompt_builder: PromptRenderer,
        validation_prompt: str,
        auto_retry: bool = False,
        retry_limit: int = 3,
    ) -> None:
        if retry_limit < 0:
            raise ConfigError(f"One cannot ask again {retry_limit!r} times.", hint="Give retry_limit=0 or more")
        self.llm = llm
        self.prompt_builder = prompt_builder
        self.validation_prompt = validation_prompt
        self.auto_retry = auto_retry
        self.retry_limit = retry_limit

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        """Let it pass."""
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """Have it judged; with ``auto_retry`` one that fails has ``retry_requested`` in its metadata.

        Raises:
            ValidationFailed: It failed, and is not to be asked for again.
        """
        prompt = await render_prompt(
            self.prompt_builder, "user", self.validation_prompt, {"response": response.content}, include_rag=False
        )
        said = await self._verdict(prompt.content)
        cost = response.metadata.get("validation_cost_usd", 0.0)
        response.metadata["validation_cost_usd"] = None if None in (cost, said.cost_usd) else cost + said.cost_usd
        if is_valid(said.content):
            return response
        response.metadata |= {"validation_failed": True, "validation_response": said.content}
        if not self.auto_retry:
            raise self._refusal(response, 1)
        response.metadata["retry_requested"] = True
        return response

    async def _verdict(self, question: str) -> LLMResponse:
        """What the judge says; the call is booked, however it ends."""
        began, said, outcome = time.perf_counter(), LLMResponse(""), "complete"
        try:
            said = await self.llm.complete([LLMMessage("user", question)])
            return said
        except BaseException as error:
            partial = getattr(error, "partial", None)
            said = partial if isinstance(partial, LLMResponse) else said
            outcome = "cancelled" if isinstance(error, asyncio.CancelledError) else type(error).__name__
            raise
        finally:
            if (book := _booking.get()) is not None:
                book(CallRecord.of(said, self.llm, began, kind="validation", outcome=outcome))

    async def converse(self, request: Outgoing, ask: Ask) -> AsyncGenerator[LLMStreamResponse, None]:
        """Ask until an answer passes, and only then show it."""
        cost: Any = 0.0
        for attempt in range(self.retry_limit + 1):
            pieces, final = await self._asked(replace(request, attempt=request.attempt + attempt), ask)
            if final is None or final.response is None:
                for piece in pieces:
                    yield piece
                return
            final.response.metadata["validation_cost_usd"] = cost
            booking = _booking.set(request.book)
            try:
                response = await self.process_response(final.response, request.state)
            finally:
                _booking.reset(booking)
            cost = response.metadata["validation_cost_usd"]
            if not response.metadata.pop("retry_requested", False):
                response.metadata["validation_attempts"] = attempt + 1
                for piece in pieces:
                    yield piece
                yield replace(final, response=response)
                return
        raise self._refusal(response, self.retry_limit + 1)

    async def _asked(self, request: Outgoing, ask: Ask) -> tuple[list[LLMStreamResponse], LLMStreamResponse | None]:
        """All pieces but the last, and the last."""
        pieces: list[LLMStreamResponse] = []
        async with aclosing(ask(request)) as arriving:
            async for piece in arriving:
                if piece.is_final:
                    return pieces, piece
                pieces.append(piece)
        return pieces, None

    def _refusal(self, response: LLMResponse, attempts: int) -> ValidationFailed:
        said = str(response.metadata.get("validation_response", ""))
        times = "" if attempts == 1 else f", nor did {attempts - 1} before it"
        return ValidationFailed(
            f"The answer did not pass ValidationMiddleware{times}. The judge said: {said:.300}",
            response=response,
            verdict=said,
            attempts=attempts,
            hint="The answer is stored. To have it asked for again:  ValidationMiddleware(…, auto_retry=True)"
            if attempts == 1
            else "The answers are stored, as siblings.",
        )

    def __repr__(self) -> str:
        again = f", retry_limit={self.retry_limit}" if self.auto_retry else ""
        return f"ValidationMiddleware({self.validation_prompt!r}{again})"


def is_valid(verdict: str) -> bool:
    """Whether a judge said VALID, as its first word, or anywhere without saying INVALID (or the like) besides."""
    if _YES_AT_ONCE.match(verdict):
        return True
    return _NO.search(verdict) is None and _YES.search(verdict) is not None
