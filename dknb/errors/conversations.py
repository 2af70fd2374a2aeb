"""Errors of recordings and conversations."""

from __future__ import annotations

from .base import DknbError


class RecordingError(DknbError):
    """A recording that cannot be read or written."""


class ReplayMiss(RecordingError):
    """A strict replay was asked for a request that is not recorded."""


class ConversationError(DknbError):
    """Something about a conversation."""


class ConversationNotFound(ConversationError, LookupError):
    """No conversation of that id in the store.

    Attributes:
        response: The answer (an ``LLMResponse``) that came for a conversation that was deleted meanwhile, if there was one.
    """

    response: object | None = None


class NodeNotFound(ConversationError, LookupError):
    """No node of that id in the conversation."""


class BranchError(ConversationError):
    """A branch that is missing, taken, or cannot be changed in this way."""


class StorageError(ConversationError):
    """The store cannot be read or written.

    Attributes:
        response: The answer (an ``LLMResponse``) that came and could not be written, if there was one; it waits in its
            conversation, which writes it with the next turn or with ``flush()``.
    """

    response: object | None = None


class StoreUnreachable(StorageError):
    """The server of a store does not answer, or the connection to it broke off.

    Attributes:
        lost: Whether a connection that was there is gone, so that the next try makes another.
        unsure: Whether it broke in the moment in which the server was to keep what was written: it may have.
    """

    def __init__(self, message: str = "", *, hint: str | None = None, lost: bool = False, unsure: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.lost = lost
        self.unsure = unsure


class SchemaVersionError(ConversationError):
    """A store or document of a newer major version than this dknb knows."""


class ValidationFailed(ConversationError, ValueError):
    """An answer that a `ValidationMiddleware` did not let pass; the answer is stored.

    Attributes:
        response: The answer, an ``LLMResponse``.
        verdict: What was said of it.
        attempts: How many answers were judged.
    """

    def __init__(self, message: str, *, response: object, verdict: str, attempts: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.response = response
        self.verdict = verdict
        self.attempts = attempts


class FlowError(ConversationError):
    """A flow that cannot go on; what was said so far is stored, and the run can be resumed.

    Attributes:
        flow: Name of the flow.
        state: The state that it is in.
        reason: ``"no_match"``, ``"max_loops"``, ``"max_total_loops"``, ``"timeout"``, ``"condition"`` (one took too long),
            ``"incomplete"`` (the answer broke off) or ``"state"`` (there is nothing to resume).
        response: What the model answered there, and the conditions saw; None before it answered.
    """

    def __init__(
        self,
        message: str,
        *,
        flow: str,
        state: str,
        reason: str,
        response: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.flow = flow
        self.state = state
        self.reason = reason
        self.response = response


class FlowTimeout(FlowError, TimeoutError):
    """A flow took longer than its ``timeout_seconds``; the call that ran was cancelled, and what had arrived is kept."""
