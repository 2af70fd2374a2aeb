"""The model that conditions ask, whose calls are booked like all others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...llm.messages import LLMMessage, LLMResponse
from ..ledger import CallRecord
from ..middleware import beside
from ..turns import ChatModel

if TYPE_CHECKING:
    from ..manager import ConversationManager

__all__ = ["Judge"]


class Judge:
    """The conversation's model, or another, outside its tree: calls are in the ledger, of the kind ``"condition"``.

    Attributes:
        cost_usd: What they cost so far, also those out of a recording, as with answers; None if the price of one is not
            known.
        was_asked: Whether it was asked anything.
    """

    def __init__(self, manager: ConversationManager) -> None:
        self._manager = manager
        self.cost_usd: float | None = 0.0
        self.was_asked = False

    async def complete(
        self, messages: str | Sequence[LLMMessage], *, llm: ChatModel | None = None, **overrides: Any
    ) -> LLMResponse:
        """The answer of ``llm``, or of the conversation's model, behind the middleware that watches all calls."""
        asked = [LLMMessage("user", messages)] if isinstance(messages, str) else messages
        manager, began = self._manager, time.perf_counter()
        model = manager.llm if llm is None else llm
        self.was_asked = True
        response = await beside(model, manager.middleware, manager.state).complete(asked, **overrides)
        identity = manager.conversation_id
        call = CallRecord.of(response, model, began, conversation_id=identity, kind="condition")
        spent = response.cost_usd
        self.cost_usd = None if spent is None or self.cost_usd is None else self.cost_usd + spent
        await manager.storage.record_call(call)
        return response
