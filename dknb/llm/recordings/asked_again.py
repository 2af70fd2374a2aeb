"""A recorded call made afresh, to see what has changed."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import ConfigError
from ..base import AsyncLLMProvider
from ..messages import LLMMessage, LLMResponse
from .reader import RecordedEntry
from .recording import live

__all__ = ["ask_again"]


async def ask_again(entry: RecordedEntry, provider_of: Callable[[str], AsyncLLMProvider]) -> LLMResponse:
    """The answer of today to a recorded request; it is paid for, and not recorded.

    Args:
        entry: The recorded call.
        provider_of: Makes the provider of a spec such as ``"openai/gpt-5.4-mini"``.

    Raises:
        ConfigError: The entry is no completion, or it cannot be asked as it was.
        ProviderError: The call failed.
    """
    request = entry.request
    if request.get("kind") != "complete":
        raise ConfigError(
            f"{entry.place.name} is a call for vectors; it has no words to compare.", hint="Name another entry"
        )
    options = request.get("options") or {}
    if "(not recorded)" in options.values():
        lost = [name for name, value in options.items() if value == "(not recorded)"]
        raise ConfigError(
            f"{entry.place.name} was asked with options that are not kept in a recording: {', '.join(lost)}.",
            hint="Ask in a cell instead, with %dknb live",
        )
    messages = [LLMMessage.from_dict(message) for message in request["messages"]]
    with live():
        return await provider_of(entry.spec).complete(
            messages,
            tools=request.get("tools"),
            tool_choice=request.get("tool_choice"),
            options=options,
            **(request.get("settings") or {}),
        )
