"""Middleware that adds metadata to what passes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...llm.messages import LLMMessage, LLMResponse
from ..state import ConversationState
from .base import ConversationMiddleware
from .copies import mark

__all__ = ["MetadataMiddleware"]

Extra = Callable[..., dict[str, Any]]


class MetadataMiddleware(ConversationMiddleware):
    """Adds to the metadata of every message sent and every response.

    Args:
        request_metadata: For each message.
        response_metadata: For each response; it is stored with the answer.
        request_metadata_fn: Called with the state, or with nothing if it takes nothing; its keys win over ``request_metadata``.
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
        added = self.request_metadata | _extra(self.request_metadata_fn, state)
        if added:
            mark(messages, added)
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """Add to the response."""
        added = self.response_metadata | _extra(self.response_metadata_fn, state)
        response.metadata.update(added)
        return response


def _extra(function: Extra | None, state: ConversationState) -> dict[str, Any]:
    """What ``function`` gives, which may take the state or nothing."""
    if function is None:
        return {}
    return function(state) if inspect.signature(function).parameters else function()
