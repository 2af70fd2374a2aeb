"""Messages, one after the other."""

from __future__ import annotations

from typing import Any, Self

from ..templates import MessageTemplate
from .messages import LLMMessage
from .parts import ToolCall

__all__ = ["MessageBuilder"]


class MessageBuilder:
    """Builds a list of messages.

    >>> MessageBuilder().system("Be brief.").user("What is Python?").build()[1].content
    'What is Python?'
    """

    def __init__(self) -> None:
        self._messages: list[LLMMessage] = []

    def message(self, role: str, content: Any, *, cache: bool | str = False, **fields: Any) -> Self:
        """Add a message of any role.

        Args:
            role: Who speaks.
            content: Text, or a list of text and whatever `LLMMessage` takes besides: parts, paths, figures, images.
            cache: Whether the vendor shall keep the prompt up to here for further calls, where that must be said
                (Anthropic); ``"1h"`` says for how long.
            **fields: Those of `LLMMessage`.
        """
        if cache:
            mark = {"type": "ephemeral"} | ({"ttl": cache} if isinstance(cache, str) else {})
            fields["extra"] = {**fields.get("extra", {}), "cache_control": mark}
        self._messages.append(LLMMessage(role, content, **fields))
        return self

    def system(self, content: Any, *, cache: bool | str = False) -> Self:
        """Add a system message."""
        return self.message("system", content, cache=cache)

    def user(self, content: Any, *, cache: bool | str = False) -> Self:
        """Add a user's message, for example ``.user(["What is this?", figure])``."""
        return self.message("user", content, cache=cache)

    def assistant(self, content: Any, tool_calls: list[ToolCall] | None = None) -> Self:
        """Add an assistant's message."""
        return self.message("assistant", content, tool_calls=list(tool_calls or ()))

    def tool(self, content: Any, tool_call_id: str) -> Self:
        """Add what a tool answered to a call."""
        return self.message("tool", content, tool_call_id=tool_call_id)

    def from_template(self, role: str, template: MessageTemplate | str, /, **values: Any) -> Self:
        """Add a message whose content is a template, filled; a string is a template with ``{{variables}}``.

        Raises:
            ValueError: A template of the SIMPLE strategy lacks a value.
        """
        if isinstance(template, str):
            template = MessageTemplate.from_conditional(template)
        return self.message(role, template.format(**values))

    def build(self) -> list[LLMMessage]:
        """The messages, in a new list."""
        return list(self._messages)
