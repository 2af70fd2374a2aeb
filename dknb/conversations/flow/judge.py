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
        cost_usd: What they cost so far; None if the price of one is not known.
    """

    def __init__(self, manager: ConversationManager) -> None:
        self._manager = manager
        self.cost_usd: float | None = 0.0

    async def complete(
        self, messages: str | Sequence[LLMMessage], *, llm: ChatModel | None = None, **overrides: Any
    ) -> LLMResponse:
        """The answer of ``llm``, or of the conversation's model, behind the middleware that watches all calls."""
        asked = [LLMMessage("user", messages)] if isinstance(messages, str) else messages
        manager, began = self._manager, time.perf_counter()
        model = manager.llm if llm is None else llm
        response = await beside(model, manager.middleware, manager.state).complete(asked, **overrides)
        usage = response.usage or {}
        spent = 0.0 if response.metadata.get("replayed") else response.cost_usd
        self.cost_usd = None if spent is None or self.cost_usd is None else self.cost_usd + spent
        await manager.storage.record_call(
            CallRecord(
                conversation_id=manager.conversation_id,
                kind="condition",
                provider=response.metadata.get("provider", getattr(model, "provider", None)),
                model=response.model or getattr(model, "model", None),
                prompt_tokens=usage.get("prompt_tokens"),
                completion_tokens=usage.get("completion_tokens"),
                cached_tokens=usage.get("cached_tokens"),
                cost_usd=spent,
                duration_s=round(time.perf_counter() - began, 6),
            )
        )
        return response
