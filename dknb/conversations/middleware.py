"""What stands between a conversation and its model: it sees, and may change, copies of what passes."""

from __future__ import annotations

import copy
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from ..llm.messages import LLMMessage, LLMResponse
from .history import History
from .state import ConversationState

__all__ = ["ConversationMiddleware", "LoggingMiddleware", "MetadataMiddleware"]

Extra = Callable[[ConversationState], dict[str, Any]]


class ConversationMiddleware(ABC):
    """Sees each request on its way out and each response on its way back.

    Of a list of them the first sees a request first and its response last.
    """

    @abstractmethod
    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        """The messages to send in the place of ``messages``, which are copies."""

    @abstractmethod
    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """The response to keep in the place of ``response``, which is a copy.

        What is raised here reaches the caller; the response as the model gave it is stored all the same.
        """


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


class MetadataMiddleware(ConversationMiddleware):
    """Adds to the metadata of every message sent and every response.

    Args:
        request_metadata: For each message.
        response_metadata: For each response; it is stored with the answer.
        request_metadata_fn: Called with the state; its keys win over ``request_metadata``.
        response_metadata_fn: The same for responses.
    """

    def __init__(
        self,
        request_metadata: dict[str, Any] | None = None,
        response_metadata: dict[str, Any] | None = None,
        request_metadata_fn: Extra | None = None,
        response_metadata_fn: Extra | None = None,
    ) -> None:
        self.request_metadata = request_metadata or {}
        self.response_metadata = response_metadata or {}
        self.request_metadata_fn = request_metadata_fn
        self.response_metadata_fn = response_metadata_fn

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        """Add to each message."""
        added = self.request_metadata | (self.request_metadata_fn(state) if self.request_metadata_fn else {})
        for message in messages:
            message.metadata.update(added)
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """Add to the response."""
        added = self.response_metadata | (self.response_metadata_fn(state) if self.response_metadata_fn else {})
        response.metadata.update(added)
        return response


async def process_request(
    middleware: Sequence[ConversationMiddleware], history: History, state: ConversationState
) -> Sequence[LLMMessage]:
    """What is sent: the history itself when there is no middleware."""
    if not middleware:
        return history
    messages = [_copy_message(message) for message in history]
    for each in middleware:
        messages = await each.process_request(messages, state)
    return messages


async def process_response(
    middleware: Sequence[ConversationMiddleware], response: LLMResponse, state: ConversationState
) -> LLMResponse:
    """What is kept: the response as the middleware leaves it, last in the list first."""
    if middleware:
        response = copy.deepcopy(response)
    for each in reversed(middleware):
        response = await each.process_response(response, state)
    return response


def _copy_message(message: LLMMessage) -> LLMMessage:
    twin = copy.copy(message)
    # Most messages are text alone: copying what is empty would be most of the work.
    twin.metadata = copy.deepcopy(message.metadata) if message.metadata else {}
    twin.tool_calls = copy.deepcopy(message.tool_calls) if message.tool_calls else []
    twin.parts = copy.deepcopy(message.parts) if message.parts else []
    twin.function_call = copy.deepcopy(message.function_call)
    return twin
