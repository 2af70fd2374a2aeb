"""What may see and change messages before a call, and the answer after it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from ...errors import ConfigError, MiddlewareError
from ..config import LLMConfig
from ..messages import LLMMessage, LLMResponse
from ..request import ModelRequest, as_messages

__all__ = ["LLMMiddleware", "asked_through", "checked", "processed_request", "processed_response"]


@runtime_checkable
class LLMMiddleware(Protocol):
    """Sees every call of a provider: ``provider.use(middleware)``.

    One of the methods is enough: without the other, what it would see goes on as it is. Both may be plain functions
    too. They get copies, so that what they change in place changes nothing else; what they return is what goes on. Of
    a stream they see the messages before it and the whole answer at its end; the pieces go to the caller as they come.
    """

    async def process_request(self, messages: list[LLMMessage], config: LLMConfig) -> list[LLMMessage]:
        """The messages to send."""
        return messages

    async def process_response(self, response: LLMResponse, config: LLMConfig) -> LLMResponse:
        """The answer to give."""
        return response


_METHODS = ("process_request", "process_response")


def checked(middleware: Any) -> tuple[LLMMiddleware, ...]:
    """What was given as middleware: several, or one.

    Raises:
        ConfigError: One has neither method, or is a class.
    """
    given = tuple(middleware) if isinstance(middleware, (list, tuple)) else (middleware,)
    for one in given:
        if isinstance(one, type) or not any(callable(getattr(one, method, None)) for method in _METHODS):
            raise ConfigError(
                f"{one!r} is no middleware.",
                hint="Give an object with process_request(messages, config) or process_response(response, config)",
            )
    return given


async def asked_through(
    middleware: Sequence[LLMMiddleware],
    request: ModelRequest,
    config: LLMConfig,
    ask: Callable[[ModelRequest], Awaitable[LLMResponse]],
) -> LLMResponse:
    """The answer of ``ask``, with middleware before and after it.

    Raises:
        MiddlewareError: One of them raised.
    """
    if not middleware:
        return await ask(request)
    response = await ask(await processed_request(middleware, request, config))
    return await processed_response(middleware, response, config)


async def processed_request(
    middleware: Sequence[LLMMiddleware], request: ModelRequest, config: LLMConfig
) -> ModelRequest:
    """The request with the messages that the middleware makes of its own."""
    if not middleware:
        return request
    messages = request.full_messages()
    for one in middleware:
        messages = await _processed(one, "process_request", messages, config)
        if not isinstance(messages, list) or not all(isinstance(message, LLMMessage) for message in messages):
            raise _fault(one, "process_request", f"returned {messages!r:.100}, not a list of messages", None)
    return replace(request, messages=as_messages(messages), system=None)


async def processed_response(
    middleware: Sequence[LLMMiddleware], response: LLMResponse, config: LLMConfig
) -> LLMResponse:
    """The answer that the middleware makes of one, the last first."""
    original = response
    for one in reversed(middleware):
        response = await _processed(one, "process_response", response, config, original)
        if not isinstance(response, LLMResponse):
            raise _fault(one, "process_response", f"returned {response!r:.100}, not an LLMResponse", original)
    return response


async def _processed(
    one: LLMMiddleware, method: str, value: Any, config: LLMConfig, answer: LLMResponse | None = None
) -> Any:
    process = getattr(one, method, None)
    if process is None:
        return value
    try:
        made = process(_copied(value), config)
        return await made if inspect.isawaitable(made) else made
    except Exception as error:
        raise _fault(one, method, f"raised {type(error).__name__}: {error}", answer) from error


#: What of a message may be changed in place.
_CHANGEABLE = ("function_call", "metadata", "tool_calls", "parts", "extra")


def _copied(value: Any) -> Any:
    """A copy that shares nothing that can be changed; of a hundred thousand messages it takes no second."""
    return [_copied_message(message) for message in value] if isinstance(value, list) else copy.deepcopy(value)


def _copied_message(message: LLMMessage) -> LLMMessage:
    if type(message) is not LLMMessage:
        return copy.deepcopy(message)
    made = object.__new__(LLMMessage)
    told = made.__dict__
    told.update(message.__dict__)
    for name in _CHANGEABLE:
        if (value := told[name]) is not None:
            told[name] = copy.deepcopy(value) if value else type(value)()
    return made


def _fault(one: LLMMiddleware, method: str, what: str, answer: LLMResponse | None) -> MiddlewareError:
    kept = "" if answer is None else " The answer is in the error's `response`."
    return MiddlewareError(
        f"{type(one).__name__}.{method} {what}.{kept}", middleware=type(one).__name__, response=answer
    )
