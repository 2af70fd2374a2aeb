"""Middleware that lets only so many requests pass in a time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ...errors import ConfigError, RateLimited
from ...llm.messages import LLMMessage, LLMResponse
from ..state import ConversationState
from .base import ConversationMiddleware
from .copies import mark

__all__ = ["RateLimitMiddleware"]


class RateLimitMiddleware(ConversationMiddleware):
    """At most so many requests in any time of that length, for each conversation or for each user.

    What is counted lives in this object: give several conversations the same one, and they share its limits. The limits
    of a provider itself (`LLMConfig.rate_limit`) are another thing: this one is yours.

    Args:
        max_requests: How many.
        window_seconds: In how many seconds.
        scope: ``"conversation"``, or a key of the conversation's metadata, for example ``"user_id"`` or ``"client_id"``:
            conversations with the same value share one limit, and one without the key has its own.
        key_fn: Tells from the state whom to count, instead of ``scope``.
        wait: Whether to wait until there is room, instead of refusing.

    Raises:
        ConfigError: A number is not above 0.
    """

    watches_all = True

    def __init__(
        self,
        max_requests: int,
        window_seconds: float = 60,
        scope: str = "conversation",
        key_fn: Callable[[ConversationState], str] | None = None,
        *,
        wait: bool = False,
    ) -> None:
        if type(max_requests) is not int or max_requests < 1:
            raise ConfigError(f"{max_requests!r} is no number of requests.", hint="Give a whole number above 0")
        if type(window_seconds) not in (int, float) or not window_seconds > 0:
            raise ConfigError(f"There is no limit of {max_requests!r} requests in {window_seconds!r} seconds.")
        self.max_requests = max_requests
        self.window_seconds = window_seconds
        self.scope = scope
        self.key_fn = key_fn
        self.wait = wait
        self._passed: dict[str, deque[float]] = {}

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        """Let it pass if there is room; else wait, or refuse.

        Raises:
            RateLimited: There is no room; ``retry_after`` says when there is.
        """
        key = self._key(state)
        while (pause := self._pause(key)) > 0:
            if not self.wait:
                raise self._refusal(pause)
            await asyncio.sleep(pause)
        self._passed.setdefault(key, deque()).append(time.monotonic())
        told = {"rate_limit_count": self._count(key), "rate_limit_max": self.max_requests}
        mark(messages, told)
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """Say in the metadata how many have passed, and how many may still."""
        count = self._count(self._key(state))
        response.metadata |= {
            "rate_limit_count": count,
            "rate_limit_max": self.max_requests,
            "rate_limit_remaining": max(0, self.max_requests - count),
        }
        return response

    async def get_rate_limit_status(self, key: str) -> dict[str, Any]:
        """``current_count``, ``max_requests``, ``remaining``, ``window_seconds``, and ``next_reset`` in seconds."""
        count = self._count(key)
        first = self._passed[key][0] if count else None
        return {
            "current_count": count,
            "max_requests": self.max_requests,
            "remaining": max(0, self.max_requests - count),
            "window_seconds": self.window_seconds,
            "next_reset": 0.0 if first is None else max(0.0, first + self.window_seconds - time.monotonic()),
        }

    async def reset(self, key: str | None = None) -> None:
        """Forget what passed for ``key``, or for all."""
        if key is None:
            self._passed.clear()
        else:
            self._passed.pop(key, None)

    def _key(self, state: ConversationState) -> str:
        if self.key_fn is not None:
            return self.key_fn(state)
        return state.conversation_id if self.scope == "conversation" else self._of_metadata(state)

    def _of_metadata(self, state: ConversationState) -> str:
        value = state.metadata.get(self.scope)
        return state.conversation_id if value is None else str(value)

    def _count(self, key: str) -> int:
        passed = self._passed.get(key)
        if passed is None:
            return 0
        until = time.monotonic() - self.window_seconds
        while passed and passed[0] <= until:
            passed.popleft()
        if not passed:
            del self._passed[key]
        return len(passed)

    def _pause(self, key: str) -> float:
        if self._count(key) < self.max_requests:
            return 0.0
        return max(0.001, self._passed[key][0] + self.window_seconds - time.monotonic())

    def _refusal(self, pause: float) -> RateLimited:
        return RateLimited(
            f"RateLimitMiddleware lets {self.max_requests} requests pass in {self.window_seconds:g} seconds, and that "
            "many have. Nothing was sent.",
            retry_after=pause,
            hint=f"Wait {pause:.1f} seconds, or let it wait by itself:  RateLimitMiddleware(…, wait=True)",
        )

    def __repr__(self) -> str:
        return f"RateLimitMiddleware({self.max_requests}, {self.window_seconds:g}, scope={self.scope!r})"
