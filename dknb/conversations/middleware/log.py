"""Middleware that logs what passes."""

from __future__ import annotations

import logging

from ...llm.messages import LLMMessage, LLMResponse
from ..state import ConversationState
from .base import ConversationMiddleware

__all__ = ["LoggingMiddleware"]


class LoggingMiddleware(ConversationMiddleware):
    """Logs each request and response with the conversation's id: how many messages, which model, how many tokens.

    What was said is not logged.

    Args:
        logger: Where to; the logger ``dknb.conversations`` by default.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self.logger = logger or logging.getLogger("dknb.conversations")

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        """Log how much is sent."""
        self.logger.info("conversation %s: sending %d messages", state.conversation_id, len(messages))
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """Log what came back, without its text."""
        self.logger.info(
            "conversation %s: %s answered with %d characters, finish reason %s, usage %s",
            state.conversation_id,
            response.model or "the model",
            len(response.content),
            response.finish_reason,
            response.usage,
        )
        return response
