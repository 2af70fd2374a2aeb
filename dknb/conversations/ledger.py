"""The ledger: one row for each call of a model, without what was said."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..llm.messages import LLMResponse, utc_now

__all__ = ["CallRecord"]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What one call of a model cost and how it ended.

    Attributes:
        conversation_id: The conversation that it was made for, if any.
        node_seq: The stored node that holds the answer; None when nothing of it was stored.
        cell: The notebook cell that made it.
        kind: ``"chat"``; ``"condition"`` of a flow's condition that asked a model; ``"validation"`` of a
            `ValidationMiddleware` that asked its judge; later steps add theirs.
        provider: Name of the provider.
        model: The model that answered, or was asked.
        prompt_tokens: Tokens sent, if told.
        completion_tokens: Tokens received, if told.
        cached_tokens: Tokens of the prompt that were cached, if told.
        cost_usd: What was spent, in US dollars; None when it is not known, 0 for an answer out of a recording or a cache.
        duration_s: Seconds from the call to its end.
        outcome: ``"complete"``, ``"replayed"``, ``"cached"``, ``"rejected"`` (complete, and a middleware had it asked again),
            ``"cancelled"``, ``"incomplete"`` (it broke off without an error), or the class of the error.
        at: When it ended (UTC).
    """

    conversation_id: str | None = None
    node_seq: int | None = None
    cell: str | None = None
    kind: str = "chat"
    provider: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    duration_s: float | None = None
    outcome: str = "complete"
    at: datetime = field(default_factory=utc_now)

    @classmethod
    def of(cls, response: LLMResponse, asked: object, began: float, **more: Any) -> CallRecord:
        """The row for an answer, or for what there is of one.

        Args:
            response: The answer; out of a recording or a cache it costs nothing.
            asked: The model that was asked: its ``provider`` and ``model`` stand in where the answer does not say.
            began: When the call began (``time.perf_counter``).
            **more: The other fields.
        """
        usage, told = response.usage or {}, response.metadata
        free = next((word for word in ("replayed", "cached") if told.get(word)), None)
        if free and more.get("outcome", "complete") == "complete":
            more["outcome"] = free
        seconds = told.get("duration_s")
        return cls(
            provider=told.get("provider", getattr(asked, "provider", None)),
            model=response.model or getattr(asked, "model", None),
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            cached_tokens=usage.get("cached_tokens"),
            cost_usd=0.0 if free else response.cost_usd,
            duration_s=round(time.perf_counter() - began if seconds is None else seconds, 6),
            **more,
        )
