"""The model of a conversation for calls beside its turns: a summary, the judge of a condition."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from ...llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..state import ConversationState
from ..turns import ChatModel
from .base import ConversationMiddleware
from .exchange import Exchange

__all__ = ["beside"]


def beside(llm: ChatModel, middleware: Sequence[ConversationMiddleware], state: ConversationState) -> ChatModel:
    """``llm`` behind those of ``middleware`` that watch over all calls; itself, if none does."""
    watching = [one for one in middleware if one.watches_all]
    return _Watched(llm, watching, state) if watching else llm


class _Watched:
    def __init__(self, llm: ChatModel, middleware: Sequence[ConversationMiddleware], state: ConversationState) -> None:
        self._llm = llm
        self._middleware = middleware
        self._state = state
        self.provider = getattr(llm, "provider", None)
        self.model = getattr(llm, "model", None)

    async def complete(self, messages: Sequence[LLMMessage], **overrides: Any) -> LLMResponse:
        return await Exchange(self._middleware, self._llm, self._state, overrides).complete(messages)

    async def stream_complete(
        self, messages: Sequence[LLMMessage], **overrides: Any
    ) -> AsyncGenerator[LLMStreamResponse, None]:
        async with aclosing(Exchange(self._middleware, self._llm, self._state, overrides).stream(messages)) as pieces:
            async for piece in pieces:
                yield piece
