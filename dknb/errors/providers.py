"""Errors of model calls."""

from __future__ import annotations

import re

from .base import DknbError

#: Statuses of failures that pass by themselves; 5xx besides, but for what a server never does (501, 505).
_PASSING = frozenset({408, 409, 429})
_NEVER = frozenset({501, 505})
#: What vendors say when an account is empty, or a single request is above its limit: waiting does not help.
#: OpenAI: platform docs "Error codes"; Anthropic: docs "Errors"; DeepSeek: api-docs "Error Codes"; November 2026.
_LASTING = re.compile(
    r"insufficient_quota|exceeded your current quota|billing_(?:error|hard_limit_reached|not_active)"
    r"|credit balance is too low|insufficient balance|request too large",
    re.IGNORECASE,
)


class ProviderError(DknbError):
    """A model call failed.

    Attributes:
        provider: Name of the provider, for example ``"openai"``.
        model: Name of the model.
        status: HTTP status, if there was an answer.
        request_id: The vendor's id of the request, if it sent one.
        retry_after: Seconds that the server asks to wait, if it said so.
        partial: The part of the answer (an ``LLMResponse``) that had arrived, if any.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.provider = provider
        self.model = model
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        self.partial: object | None = None

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed in a while."""
        status = self.status or 0
        return (status in _PASSING or (status >= 500 and status not in _NEVER)) and not _LASTING.search(str(self))


class AuthenticationError(ProviderError):
    """No key, a wrong key, or no permission."""


class ModelNotFound(ProviderError):
    """The model, or the address, does not exist."""


class RateLimited(ProviderError):
    """Too many requests or tokens; ``retry_after`` says when to come back."""


class ContextTooLong(ProviderError):
    """The messages, and the answer asked for, do not fit into the model's context window.

    Attributes:
        tokens: How many tokens they have; None if nobody knows.
        limit: How many the model takes; None if nobody knows.
        counted: Whether the server said how many ``tokens`` they are; else they are an estimate of ours.
    """

    tokens: int | None = None
    limit: int | None = None
    counted: bool = False


class ContentRefused(ProviderError):
    """A filter of the vendor refused the request or the answer."""


class BadRequest(ProviderError):
    """The server does not accept the request as it is."""


class CallTimeout(ProviderError, TimeoutError):
    """No answer, or no further piece of one, in time."""


class ConnectionFailed(ProviderError, ConnectionError):
    """No connection to the server, or it broke."""

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed in a while."""
        return True


class ServerError(ProviderError):
    """The server failed, or answered what is no answer."""


class StructuredOutputError(ProviderError):
    """An answer without the shape asked for, in ``partial``; ``reason`` is ``"invalid"``, ``"cut"`` or ``"refused"``."""

    errors: tuple[str, ...] = ()
    reason: str = "invalid"


class BatchError(ProviderError):
    """A batch, or a request of one, that the vendor did not carry out.

    ``reason`` is ``"failed"`` (it was not taken), ``"expired"``, ``"cancelled"``, or ``"uncertain"`` (nobody knows yet
    whether it was submitted).
    """

    reason: str = "failed"


class BudgetExceeded(DknbError):
    """A call may cost more than is left of a budget, or its price is not known; it was not made.

    Attributes:
        limit: The budget, in US dollars.
        spent: What was spent of it.
        reserved: What calls that run may cost.
        estimate: What the call may cost; None if its price is not known.
        provider: Name of the provider.
        model: Name of the model.
        unit: ``"USD"``; ``"tokens"`` where a `BudgetMiddleware` counts tokens, in all numbers above.
    """

    unit = "USD"

    def __init__(
        self,
        message: str,
        *,
        limit: float,
        spent: float,
        reserved: float = 0.0,
        estimate: float | None = None,
        provider: str | None = None,
        model: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.limit = limit
        self.spent = spent
        self.reserved = reserved
        self.estimate = estimate
        self.provider = provider
        self.model = model


class MiddlewareError(DknbError):
    """An ``LLMMiddleware`` raised, or returned what it may not; its own error is the ``__cause__``.

    Attributes:
        middleware: The name of its class.
        response: The answer (an ``LLMResponse``) as the provider gave it, if there was one; ``partial`` is the same.
    """

    def __init__(
        self, message: str, *, middleware: str, response: object | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.middleware = middleware
        self.response = self.partial = response
