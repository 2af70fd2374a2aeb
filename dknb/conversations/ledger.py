"""The ledger: one row for each call of a model, without what was said."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ..llm.messages import utc_now

__all__ = ["CallRecord"]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What one call of a model cost and how it ended.

    Attributes:
        conversation_id: The conversation that it was made for, if any.
        node_seq: The stored node that holds the answer; None when nothing of it was stored.
        cell: The notebook cell that made it.
        kind: ``"chat"``; ``"condition"`` of a flow's condition that asked a model; later steps add theirs.
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
