"""Every exception that a user of dknb can meet.

::

    DknbError                        what happened; ``hint`` says what to do
    ├── ConfigError                  a setting that is unknown, malformed or contradicts another  (ValueError)
    ├── MissingExtra                 an optional package is not installed  (ImportError)
    ├── MagicError                   a magic's line or body that does not parse
    ├── TemplateError                a template that does not parse or render  (ValueError)
    ├── PromptError
    │   ├── PromptNotFound           no prompt of that name  (LookupError)
    │   ├── PromptFileError          a prompt file that cannot be read or written
    │   └── MissingParameters        required parameters without a value  (ValueError)
    ├── ProviderError                a model call failed; has provider, model, status, request_id, retry_after
    │   ├── AuthenticationError      no key, a wrong key, or no permission
    │   ├── ModelNotFound            the model (or the address) does not exist
    │   ├── RateLimited              too many requests or tokens
    │   ├── ContextTooLong           the messages do not fit into the model; has tokens and limit
    │   ├── ContentRefused           a filter of the vendor refused
    │   ├── BadRequest               the server does not accept the request
    │   ├── CallTimeout              no (further) answer in time  (TimeoutError)
    │   ├── ConnectionFailed         no connection, or it broke  (ConnectionError)
    │   ├── ServerError              the server failed, or answered what is no answer
    │   └── StructuredOutputError    the answer does not have the shape that was asked for; has the answer
    ├── BudgetExceeded               a call may cost more than is left of a budget; it was not made
    ├── MiddlewareError              an LLMMiddleware raised; has the answer, if there was one
    ├── RecordingError               a recording that cannot be read or written
    │   └── ReplayMiss               a strict replay was asked for what is not recorded
    └── ConversationError
        ├── ConversationNotFound     no conversation of that id  (LookupError)
        ├── NodeNotFound             no node of that id in the conversation  (LookupError)
        ├── BranchError              a branch that is missing, taken, or cannot be changed so
        ├── StorageError             the store cannot be read or written
        └── SchemaVersionError       a store or document of a newer major version
    Interrupted                      the user stopped a call  (KeyboardInterrupt)
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from difflib import get_close_matches

from ._text import printable

__all__ = [
    "AuthenticationError",
    "BadRequest",
    "BranchError",
    "BudgetExceeded",
    "CallTimeout",
    "ConfigError",
    "ConnectionFailed",
    "ContentRefused",
    "ContextTooLong",
    "ConversationError",
    "ConversationNotFound",
    "DknbError",
    "Interrupted",
    "MagicError",
    "MiddlewareError",
    "MissingExtra",
    "MissingParameters",
    "ModelNotFound",
    "NodeNotFound",
    "PromptError",
    "PromptFileError",
    "PromptNotFound",
    "ProviderError",
    "RateLimited",
    "RecordingError",
    "ReplayMiss",
    "SchemaVersionError",
    "ServerError",
    "StorageError",
    "StructuredOutputError",
    "TemplateError",
]


def nearest(name: str, known: Iterable[str], *, most: int = 1) -> list[str]:
    """The names in ``known`` that ``name`` was probably meant to be, best first."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    return [by_folded[m] for m in get_close_matches(name.casefold(), by_folded, n=most, cutoff=0.6)]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?``, or nothing when no known name is near."""
    close = nearest(name, known)
    return f" Did you mean {close[0]!r}?" if close else ""


class _ShownAsOneLine:
    """How IPython shows our errors: what and what to do; ``%tb`` then shows the traceback."""

    hint: str | None = None
    _shown = False

    def _render_traceback_(self) -> list[str]:
        assert isinstance(self, BaseException)
        if self._shown:
            return traceback.format_exception(type(self), self, self.__traceback__)
        self._shown = True
        # What a server said may be in it.
        return [printable(line) for line in (f"dknb: {self}", self.hint) if line]


class DknbError(_ShownAsOneLine, Exception):
    """What happened, in ``str(error)``; what to do about it, in ``hint``."""

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        # An exception is copied by calling its class with its arguments, which ours take by name and rebuild.
        return _rebuilt, (type(self), self.args, {**self.__dict__, "_shown": False})


def _rebuilt(kind: type[DknbError], args: tuple[object, ...], facts: dict[str, object]) -> DknbError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


class Interrupted(_ShownAsOneLine, KeyboardInterrupt):
    """The user stopped a call; what had arrived was kept."""

    def __init__(self, message: str = "interrupted", *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(DknbError, ValueError):
    """A setting that is unknown, malformed, or contradicts another."""


class MissingExtra(DknbError, ImportError):
    """An optional package is not installed; the hint is the command that installs it."""


class MagicError(DknbError):
    """A magic's line or body that does not parse."""


class TemplateError(DknbError, ValueError):
    """A template that does not parse or render.

    Attributes:
        prompt_name: The prompt it belongs to, if it has a name.
        line: Line in the template, from 1, if known.
        column: Column in that line, from 1, if known.
        source_line: The text of that line.
    """

    def __init__(
        self,
        message: str,
        *,
        prompt_name: str | None = None,
        line: int | None = None,
        column: int | None = None,
        source_line: str | None = None,
        hint: str | None = None,
    ) -> None:
        where = f"Prompt {prompt_name!r}, " if prompt_name else ""
        if line is not None:
            where += f"line {line}" + (f", column {column}" if column is not None else "")
        text = f"{where.rstrip(', ')}: {message}" if where else message
        if source_line is not None:
            text += f"\n    {source_line.strip()[:200]}"
        super().__init__(text, hint=hint)
        self.message = message
        self.prompt_name = prompt_name
        self.line = line
        self.column = column
        self.source_line = source_line

    def named(self, prompt_name: str) -> TemplateError:
        """The same error, saying which prompt it happened in."""
        return TemplateError(
            self.message,
            prompt_name=prompt_name,
            line=self.line,
            column=self.column,
            source_line=self.source_line,
            hint=self.hint,
        )


class PromptError(DknbError):
    """Something about a prompt of the library."""


class PromptNotFound(PromptError, LookupError):
    """No prompt of that name."""


class PromptFileError(PromptError):
    """A prompt file that cannot be read or written."""


class MissingParameters(PromptError, ValueError):
    """Required parameters have no value; ``names`` lists them."""

    def __init__(self, names: Iterable[str], *, hint: str | None = None) -> None:
        self.names = list(names)
        super().__init__(f"Missing required parameters: {', '.join(self.names)}", hint=hint)


#: Statuses of failures that pass by themselves; 5xx besides.
_PASSING = frozenset({408, 409, 429})
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
        return (status in _PASSING or status >= 500) and not _LASTING.search(str(self))


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


class BudgetExceeded(DknbError):
    """A call may cost more than is left of a budget, or its price is not known; it was not made.

    Attributes:
        limit: The budget, in US dollars.
        spent: What was spent of it.
        reserved: What calls that run may cost.
        estimate: What the call may cost; None if its price is not known.
        provider: Name of the provider.
        model: Name of the model.
    """

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


class RecordingError(DknbError):
    """A recording that cannot be read or written."""


class ReplayMiss(RecordingError):
    """A strict replay was asked for a request that is not recorded."""


class ConversationError(DknbError):
    """Something about a conversation."""


class ConversationNotFound(ConversationError, LookupError):
    """No conversation of that id in the store."""


class NodeNotFound(ConversationError, LookupError):
    """No node of that id in the conversation."""


class BranchError(ConversationError):
    """A branch that is missing, taken, or cannot be changed in this way."""


class StorageError(ConversationError):
    """The store cannot be read or written."""


class SchemaVersionError(ConversationError):
    """A store or document of a newer major version than this dknb knows."""
