"""The mode ``instruct``: a model is told one thing, and has no turns to go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..messages import LLMMessage
from ..parts import Part, TextPart

__all__ = ["one_instruction"]

_SPEAKERS = {"user": "User", "assistant": "Assistant"}


def one_instruction(messages: Sequence[LLMMessage]) -> Sequence[LLMMessage]:
    """The messages as system messages and one message of the user's.

    Several messages of the user's are joined by blank lines; where the model spoke among them, each says whose it is.
    What calls tools or answers their calls cannot be said in one message: then all stays as it is.
    """
    system = [message for message in messages if message.role in ("system", "developer")]
    said = [message for message in messages if message.role not in ("system", "developer")]
    if len(said) < 2 or any(message.role not in _SPEAKERS or message.tool_calls for message in said):
        return messages
    named = any(message.role == "assistant" for message in said)
    texts = [f"{_SPEAKERS[message.role]}: {message.content}" if named else message.content for message in said]
    whole = replace(said[-1], role="user", content="\n\n".join(texts), parts=[])
    others: list[Part] = [part for message in said for part in message.parts if not isinstance(part, TextPart)]
    if others:
        whole.parts = [*others, TextPart(whole.content)]
    return [*system, whole]
