"""What went wrong on the wire, as one of our errors: one table for statuses, one for codes, one for what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from ...errors import (
    AuthenticationError,
    BadRequest,
    CallTimeout,
    ConnectionFailed,
    ContentRefused,
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    RateLimited,
    ServerError,
)
from ..parts import Json
from ..request import ModelRequest
from .hosts import without_secrets
from .refusals import as_told, is_too_long, setting_to_drop, sizes

__all__ = ["Faults", "request_id", "shown"]

#: Status to error; 5xx besides is the server's fault, any other 4xx the request's.
_STATUS: dict[int, type[ProviderError]] = {
    401: AuthenticationError,
    402: RateLimited,
    403: AuthenticationError,
    404: ModelNotFound,
    408: CallTimeout,
    413: ContextTooLong,
    429: RateLimited,
    504: ServerError,
    529: ServerError,
}
#: Errors that come inside a stream carry no status, but a type or a code; and some say more than their status does.
#: Sources: ``anthropic/types/*_error.py`` of anthropic 2.12.0, ``ResponseError`` of openai 3.54.0, and llama.cpp's
#: ``exceed_context_size_error``; November 2026.
_CODES: dict[str, tuple[type[ProviderError], int | None]] = {
    "authentication_error": (AuthenticationError, 401),
    "permission_error": (AuthenticationError, 403),
    "invalid_api_key": (AuthenticationError, 401),
    "not_found_error": (ModelNotFound, 404),
    "model_not_found": (ModelNotFound, 404),
    "rate_limit_error": (RateLimited, 429),
    "rate_limit_exceeded": (RateLimited, 429),
    "insufficient_quota": (RateLimited, 429),
    "request_too_large": (ContextTooLong, 413),
    "context_length_exceeded": (ContextTooLong, 400),
    "exceed_context_size_error": (ContextTooLong, 400),
    "content_filter": (ContentRefused, 400),
    "content_policy_violation": (ContentRefused, 400),
    "invalid_prompt": (ContentRefused, 400),
    "invalid_request_error": (BadRequest, 400),
    "timeout_error": (ServerError, 504),
    "overloaded_error": (ServerError, 529),
    "api_error": (ServerError, 500),
    "server_error": (ServerError, 500),
}
#: Statuses of what a server does not have: an address, a method, an ability; and how it says that it means the model.
_ABSENT = frozenset({404, 405, 501})
_OF_MODEL = re.compile(r"model", re.IGNORECASE)
_REFUSED = re.compile(r"content (?:filter|management policy|policy)|safety system", re.IGNORECASE)
#: Keys, also half hidden ones as in "Incorrect API key provided: sk-ab***yz".
_KEY = re.compile(r"\b(?:sk|pk|hf|gsk|xai|rk)[-_][\w*.-]{4,}")
#: User and password in an address.
_USER = re.compile(r"(?<=:)//[^/@\s'\"]+@")
_MOST_TEXT = 500


@dataclass(frozen=True)
class Faults:
    """Makes the errors of one call.

    Attributes:
        label: The provider's name for people.
        request: What was asked.
        key: The key that was used; never shown.
        key_variable: Where a key is looked for.
        base_url: Where the request went.
        hints: What to do about an error where this provider knows better than the tables here.
        secrets: Gives what besides the key is never shown: keys of before, the values of headers.
    """

    label: str
    request: ModelRequest
    key: str | None = None
    key_variable: str | None = None
    base_url: str = ""
    hints: Mapping[type[ProviderError], str] = field(default_factory=dict)
    secrets: Callable[[], Sequence[str]] = tuple

    def refused(self, status: int, text: str, headers: Mapping[str, str]) -> ProviderError:
        """The error for an answer with an error's status."""
        if (body := _json(text)) is None and _is_page(text):
            return self.not_an_answer(text, status=status, headers=headers)
        return self._error(_detail(body, text), status, headers)

    def in_stream(self, event: Json, headers: Mapping[str, str]) -> ProviderError:
        """The error for an error event of a stream."""
        return self._error(_detail(event, shown(event)), None, headers)

    def not_an_answer(
        self, text: str, *, status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> ProviderError:
        """The error for a reply that is none: a web page, broken JSON, an object without an answer."""
        where = self._where()
        if _is_page(text):
            message = f"{self.label}{where} answered with a web page, not with JSON."
            hint = "Check api_base: for most servers it ends in /v1"
            hint = self._without_v1() if self._v1_too_much else hint
        else:
            message = f"{self.label}{where} answered with something that is no answer: {self._clean(text[:100])!r}"
            hint = "Check that api_base is the address of such an API, and that the model can do what you asked"
        return self._make(ServerError, message, hint, status=status, headers=headers)

    def broken(self, error: BaseException) -> ProviderError:
        """The error for a connection that could not be made or broke."""
        why = str(error.__cause__ or error) or type(error.__cause__ or error).__name__
        where = self._where()
        return self._make(
            ConnectionFailed,
            f"No connection to {self.label}{where}, or it broke: {self._clean(why)}",
            self.hints.get(
                ConnectionFailed, "Check the network, the address (api_base), and that the server is running"
            ),
        )

    def sent_on(self, status: int, to: str) -> ProviderError:
        """The error for a reply that sends the request to another server, where its key and its words must not go."""
        to = self._clean(without_secrets(to))
        return self._make(
            BadRequest,
            f"{self.label}{self._where()} sends calls on to {to!r} ({status}); nothing was sent there.",
            "If that is the right server, set api_base to its address",
            status=status,
        )

    def too_large(self, error: ValueError) -> ProviderError:
        """The error for a reply that does not end."""
        return self._make(
            ServerError,
            f"{self.label}{self._where()} answered with {error}, which is no answer of a model.",
            "Check that api_base is the address of such an API",
        )

    def cut(self) -> ProviderError:
        """The error for a stream that ended too soon."""
        return self._make(
            ConnectionFailed,
            f"The stream of {self.label} ended before the answer did.",
            "Ask again; the error's `partial` is what had arrived",
        )

    def check_key(self) -> None:
        """See that there is a key, and that it can be sent.

        Raises:
            AuthenticationError: There is none, or it is none.
        """
        hint = f"In the shell that starts Jupyter or Python:  export {self.key_variable}=..."
        if self.key is None:
            text = f"{self.label} needs a key, and {self.key_variable} is not set."
        elif not self.key.isascii() or not self.key.isprintable() or " " in self.key:
            text = f"The key for {self.label} has characters in it that no key has."
        else:
            return
        raise self._make(AuthenticationError, text, hint)

    def open_road(self, base: str) -> ProviderError:
        """The error for a key of the environment that would go to a server where others can read it on the way."""
        return self._make(
            AuthenticationError,
            f"{self.key_variable or 'The key'} was not sent to {without_secrets(base)}: by http:// anybody on the way "
            "could read it.",
            "Use https://, or give that server's key:  api_key=...",
        )

    def _error(self, detail: Json, status: int | None, headers: Mapping[str, str]) -> ProviderError:
        kind, status = _kind(detail, status)
        code = next((code for code in (detail.get("code"), detail.get("type")) if isinstance(code, str)), "")
        facts = ", ".join(str(fact) for fact in (status, code) if fact)
        text = self._clean(str(detail["message"]))[:_MOST_TEXT]
        message = f"{self.label} refused {self.request.model!r}" if kind is not ServerError else f"{self.label} failed"
        error = self._make(
            kind, f"{message} ({facts}): {text}", self._hint(kind, detail, status), status=status, headers=headers
        )
        if isinstance(error, ContextTooLong):
            error.tokens, error.limit = sizes(detail)
            error.counted = error.tokens is not None
        return error

    def _hint(self, kind: type[ProviderError], detail: Json, status: int | None) -> str | None:
        absent = status in _ABSENT and not _OF_MODEL.search(f"{detail['message']} {detail.get('code')}")
        if absent and self.request.kind == "embed":
            return "This server has no embeddings at this address (api_base); ask another server, or start it with them"
        if absent and self._v1_too_much:
            return self._without_v1()
        if kind is BadRequest:
            return setting_to_drop(detail, self.request)
        if status == 501:
            return "This server cannot do what was asked; ask another one"
        return self.hints.get(kind) or {
            AuthenticationError: f"Check the key ({self.key_variable or 'api_key'}) and what it may do",
            ModelNotFound: "Check the model's name and the address (api_base)",
            RateLimited: "Wait, or ask more slowly:  rate_limit=REQUESTS_PER_MINUTE; or look at your account's limits",
            ContextTooLong: "Send fewer or shorter messages, or take a model with a larger window",
            ContentRefused: "Say it in other words, or ask another model",
        }.get(kind, "Try again in a while")

    def _make(
        self,
        kind: type[ProviderError],
        message: str,
        hint: str | None,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ProviderError:
        headers = headers or {}
        return kind(
            message,
            provider=self.request.provider,
            model=self.request.model,
            status=status,
            request_id=self._clean(request_id(headers) or "") or None,
            retry_after=_retry_after(headers),
            hint=hint,
        )

    @property
    def _v1_too_much(self) -> bool:
        # Anthropic's SDK puts it into the path, other vendors' expect it in the address.
        return self.request.provider == "anthropic" and self.base_url.endswith("/v1")

    def _without_v1(self) -> str:
        return f"Write the address without /v1:  api_base={self.base_url.removesuffix('/v1')!r}"

    def _where(self) -> str:
        """The address, for people: without a password in it."""
        return f" at {without_secrets(self.base_url)}" if self.base_url else ""

    def _clean(self, text: str) -> str:
        if self.key and len(self.key) > 3:
            text = text.replace(self.key, "[key]")
        for secret in self.secrets():
            text = text.replace(secret, "[key]")
        return _KEY.sub("[key]", _USER.sub("//", text))


def request_id(headers: Mapping[str, str]) -> str | None:
    """What the server calls the request, by whichever of its headers says so."""
    return headers.get("x-request-id") or headers.get("request-id")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, from whichever of its headers says so."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "")
    if (seconds := _number(value)) is not None:
        return seconds
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at - datetime.now(timezone.utc)).total_seconds()) if at.tzinfo else None


def _number(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None


def _kind(detail: Json, status: int | None) -> tuple[type[ProviderError], int | None]:
    message = str(detail["message"])
    if status != 429 and is_too_long(message):
        return ContextTooLong, status or 400
    for code in (detail.get("code"), detail.get("type")):
        kind, usual = _CODES.get(str(code), (None, None))
        # "invalid_request_error" is OpenAI's type for most of its 4xx, "api_error" Ollama's for all: the status says more.
        vague = (kind is BadRequest and status not in (None, 400)) or (
            kind is ServerError and 400 <= (status or 500) < 500
        )
        if kind is not None and not vague:
            refused = kind is BadRequest and _REFUSED.search(message)
            return (ContentRefused if refused else kind), status or usual
    if status in _STATUS:
        return _STATUS[status], status
    if status is not None and 400 <= status < 500:
        return (ContentRefused if _REFUSED.search(message) else BadRequest), status
    return ServerError, status


def shown(event: Json) -> str:
    """An event of a stream as text."""
    try:
        return json.dumps(event)
    except (ValueError, RecursionError):
        return "an event with too many brackets in it"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_page(text: str) -> bool:
    return text.lstrip()[:15].lower().startswith(("<!doctype", "<html"))


def _detail(body: Any, text: str) -> Json:
    """The error in a body, however the server wraps it, with a ``message`` in any case."""
    inner = body[0] if isinstance(body, list) and body else body
    if isinstance(inner, dict):
        inner = inner.get("error") or inner.get("detail") or inner
    if isinstance(inner, dict):
        told = inner.get("message") or inner.get("detail")
        return {**inner, "message": as_told(told) if told else text}
    return {"message": inner if isinstance(inner, str) and inner else text or "no reason given"}
