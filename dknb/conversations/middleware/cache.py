"""Middleware that answers a request which was answered before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timezone

from ...errors import ConfigError
from ...llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..state import ConversationState
from .answer_cache import Answers, KeptAnswer, MemoryAnswers
from .base import Ask, ConversationMiddleware, Outgoing
from .request_keys import key_of

__all__ = ["CacheMiddleware"]


class CacheMiddleware(ConversationMiddleware):
    """Gives the answer that the same request was given before, without a call.

    The same request is one with the same model, messages and settings, in any conversation that uses this object, or
    whose `StoredAnswers` are in the same store. An answer out of the cache costs nothing: its ``cost_usd`` is 0, its
    usage is none, and its metadata has ``cached`` (True), ``cached_at``, ``cached_cost_usd`` and ``cached_usage`` (what
    the call cost that gave it). Whoever comes after it in the list is not asked then. An answer that a
    `ValidationMiddleware` before it does not take is replaced.

    Recordings (``%dknb record``) are another thing: they replay a notebook, answer by answer in order.

    Args:
        answers: Where they are kept; in the memory of this process by default.
        max_age: Seconds after which an answer is too old; None lets it live for ever.

    Raises:
        ConfigError: ``max_age`` is not above 0.
    """

    def __init__(self, answers: Answers | None = None, *, max_age: float | None = None) -> None:
        if max_age is not None and not max_age > 0:
            raise ConfigError(f"An answer cannot be kept for {max_age!r} seconds.")
        self.answers: Answers = MemoryAnswers() if answers is None else answers
        self.max_age = max_age

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        """Let it pass."""
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """Let it pass."""
        return response

    async def converse(self, request: Outgoing, ask: Ask) -> AsyncGenerator[LLMStreamResponse, None]:
        """Answer from what is kept, or ask and keep the answer."""
        key = await asyncio.to_thread(key_of, request)  # of all that was said
        kept = await self.answers.get(key) if key is not None and not request.attempt else None
        if kept is not None and not self._is_old(kept):
            response = _cached(kept)
            yield LLMStreamResponse(delta=response.content, reasoning=response.reasoning or "")
            yield _last(response)
            return
        async with aclosing(ask(request)) as pieces:
            async for piece in pieces:
                if piece.response is not None and key is not None:
                    await self.answers.put(key, piece.response.to_dict())
                yield piece

    def _is_old(self, kept: KeptAnswer) -> bool:
        return self.max_age is not None and time.time() - kept.at >= self.max_age

    def __repr__(self) -> str:
        age = "" if self.max_age is None else f", max_age={self.max_age:g}"
        return f"CacheMiddleware({type(self.answers).__name__}{age})"


def _cached(kept: KeptAnswer) -> LLMResponse:
    response = LLMResponse.from_dict(kept.response)
    told = {name: value for name, value in response.metadata.items() if name not in ("duration_s", "replayed")}
    at = datetime.fromtimestamp(kept.at, timezone.utc).isoformat()
    was = {"cached": True, "cached_at": at, "cached_cost_usd": response.cost_usd, "cached_usage": response.usage}
    return replace(
        response,
        cost_usd=0.0,
        usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        metadata=told | was,
    )


def _last(response: LLMResponse) -> LLMStreamResponse:
    return LLMStreamResponse(
        is_final=True,
        finish_reason=response.finish_reason,
        usage=response.usage,
        tool_calls=response.tool_calls,
        model=response.model,
        response=response,
    )
