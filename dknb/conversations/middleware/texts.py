"""All the text in a message or an answer, changed wherever it lies: content, parts, thoughts, arguments of tools."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...llm.messages import LLMMessage, LLMResponse
from ...llm.parts import DocumentPart, ImagePart, Part, ReasoningPart, TextPart, ToolCall, ToolResult, arguments_of

if TYPE_CHECKING:
    from .base import TextFilter

__all__ = ["Change", "change_texts", "pass_through"]

Change = Callable[[str], str]


def change_texts(said: LLMMessage | LLMResponse, change: Change, *, names: bool = False) -> None:
    """Put ``change(text)`` in the place of each text in ``said``.

    What must go back to a vendor as it came (thoughts that are signed, blocks that only the vendor understands) stays.

    Args:
        said: The message or the answer.
        change: Gives the text to put in the place of one.
        names: Whether names are texts too: the speaker's, those of documents, addresses, keys in data of tools.
    """
    walk = _Walk(change, names)
    said.content = change(said.content)
    said.reasoning = change(said.reasoning) if said.reasoning else said.reasoning
    said.parts = [walk.part(part) for part in said.parts]
    said.tool_calls = [walk.call(call) for call in said.tool_calls]
    if names and isinstance(said, LLMMessage):
        said.name = walk.name(said.name)
    if said.function_call is not None and isinstance(arguments := said.function_call.get("arguments"), str):
        said.function_call = {**said.function_call, "arguments": walk.json(arguments)}


def pass_through(response: LLMResponse, new_filter: Callable[[], TextFilter | None]) -> LLMResponse:
    """A copy of ``response``, each of its texts passed through a filter of its own; itself, if there is no filter."""
    if new_filter() is None:
        return response

    def filtered(text: str) -> str:
        one = new_filter()
        return text if one is None else one.feed(text) + one.finish()

    shown = copy.deepcopy(response)
    change_texts(shown, filtered)
    return shown


class _Walk:
    """Goes through what is said, and changes the texts in it."""

    def __init__(self, change: Change, names: bool) -> None:
        self._change = change
        self._names = names

    def part(self, part: Part) -> Part:
        if isinstance(part, TextPart) or (isinstance(part, ReasoningPart) and part.signature is None):
            return replace(part, text=self._change(part.text))
        if isinstance(part, ToolCall):
            return self.call(part)
        if isinstance(part, ToolResult):
            return replace(part, content=self.data(part.content))
        if isinstance(part, ImagePart):
            return replace(part, url=self._address(part.url)) if self._names else part
        return self._document(part) if isinstance(part, DocumentPart) else part

    def _document(self, part: DocumentPart) -> DocumentPart:
        if self._names:
            part = replace(part, url=self._address(part.url), name=self.name(part.name))
        if part.data and (part.media_type or "").startswith("text/"):
            return replace(part, data=self._change(part.data))
        return part

    def name(self, name: str | None) -> str | None:
        return self._change(name) if name else name

    def _address(self, url: str | None) -> str | None:
        # What begins with "data:" is a file, not an address.
        return url if url is None or url[:5].lower() == "data:" else self._change(url)

    def call(self, call: ToolCall) -> ToolCall:
        if call.raw_arguments is None:
            return replace(call, arguments=self.data(call.arguments))
        raw = self.json(call.raw_arguments)
        return replace(call, raw_arguments=raw, arguments=arguments_of(raw))

    def json(self, text: str) -> str:
        """JSON text with its strings changed; as it was, if nothing changes; what is no JSON is changed as text."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return self._change(text)
        changed = self.data(data)
        return text if changed == data else json.dumps(changed, ensure_ascii=False)

    def data(self, data: Any) -> Any:
        if isinstance(data, str):
            return self._change(data)
        if isinstance(data, dict):
            return {self._key(key): self.data(value) for key, value in data.items()}
        return [self.data(item) for item in data] if isinstance(data, list) else data

    def _key(self, key: Any) -> Any:
        return self._change(key) if self._names and isinstance(key, str) else key
