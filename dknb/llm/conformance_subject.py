"""A provider to check, and how a check says what it found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..errors import ProviderError
from .base import AsyncLLMProvider
from .config import ModelCapability
from .messages import LLMStreamResponse
from .parts import Json

__all__ = ["ADD", "CITY", "Subject", "check", "joined", "refused", "same", "streamed"]

#: Offered as a tool, and asked for as the structure of an answer.
ADD: Json = {
    "name": "add",
    "description": "add",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
CITY: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["city", "population"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Subject:
    """A provider to check.

    Attributes:
        make: Makes the provider; takes further settings.
        slow: Makes one whose answer takes long, so that it can be cancelled.
        broken: Makes one whose calls fail.
        fault: The error that they fail with.
        prompt: What it answers with some words, the same each time.
        calls: What it answers with a call of `ADD`; None where no prompt makes it call.
        tool_choice: What it takes for that.
        gives_json: What it answers with `CITY`, told to; None where no prompt brings that.
        honours: Which of ``max_tokens``, ``stop_sequences`` and ``seed`` it follows.
        refuses: Which of them it refuses; the rest has no effect.
        tells_cut: Whether its finish reason tells that an answer was cut short.
        embeds: Makes the one that makes vectors, where it is another.
        cost: What an answer costs in US dollars; None where nobody knows.
    """

    make: Callable[..., AsyncLLMProvider]
    slow: Callable[[], AsyncLLMProvider]
    broken: Callable[[], AsyncLLMProvider]
    fault: type[ProviderError] = ProviderError
    prompt: str = "Hello"
    calls: str | None = None
    tool_choice: str | None = None
    gives_json: str | None = None
    honours: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    tells_cut: bool = True
    embeds: Callable[[], AsyncLLMProvider] | None = None
    cost: float | None = None

    def can(self, capability: ModelCapability) -> bool:
        """Whether the provider says that it can."""
        return capability in self.make().get_capabilities()


def same(found: Any, expected: Any, what: str) -> None:
    """See that what was found is what was expected."""
    if found != expected:
        raise AssertionError(f"{what} is {found!r}, not {expected!r}")


def check(holds: object, what: str) -> None:
    """See that something holds; ``what`` says what does not."""
    if not holds:
        raise AssertionError(what)


async def refused(call: Awaitable[Any], kind: type[Exception], word: str = "") -> Exception:
    """The error of a kind that a call is refused with, whose message has a word in it."""
    try:
        found = await call
    except kind as error:
        check(word.lower() in str(error).lower(), f"the refusal does not name {word!r}: {error}")
        return error
    raise AssertionError(f"it was not refused with {kind.__name__}, but gave {found!r}")


async def streamed(provider: AsyncLLMProvider, *args: Any, **settings: Any) -> list[LLMStreamResponse]:
    """All pieces of a stream."""
    return [piece async for piece in provider.stream_complete(*args, **settings)]


def joined(pieces: list[LLMStreamResponse]) -> str:
    """The text of a stream."""
    return "".join([piece.delta for piece in pieces])
