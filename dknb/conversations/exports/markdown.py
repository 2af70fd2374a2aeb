"""A path as Markdown that stays what it is, whatever was said: a heading in an answer is no heading of the document."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...llm.messages import LLMMessage
from ...llm.parts import DocumentPart, ImagePart, ToolCall
from ..node import ConversationNode
from .defused import defused, writable

__all__ = ["path_as_markdown"]

_LINE_END = re.compile(r"\r\n|\r|\n")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_FENCE = re.compile(r"`{3,}")


def path_as_markdown(title: str, nodes: Iterable[ConversationNode]) -> str:
    """A heading for each message, and below it what was said, as a quotation; see `ConversationReader.to_markdown`."""
    blocks = [f"# {_escaped(title)}"]
    for node in nodes:
        message = node.message
        speaker = f" ({_escaped(message.name)})" if message.name else ""
        blocks.append(f"## {_escaped(message.role.capitalize())}{speaker}")
        blocks += [f"*{_escaped(facts)}*"] if (facts := _facts(node)) else []
        blocks += [_quoted(message.content)] if message.content else []
        blocks += [f"*{_escaped(name)}*" for name in _attached(message)]
        for call in message.tool_calls:
            blocks += [f"Calls {_escaped(call.name)}:", _fenced(call)]
    return "\n\n".join(blocks) + "\n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in defused(text))


def _fenced(call: ToolCall) -> str:
    text = _LINE_END.sub("\n", writable(call.arguments_json))
    fence = "`" * max([3, *(len(found) + 1 for found in _FENCE.findall(text))])
    return f"{fence}json\n{text}\n{fence}"


def _escaped(text: str) -> str:
    # What begins HTML as an entity: not every renderer knows that a backslash can stand before it.
    escaped = _PUNCTUATION.sub(r"\\\1", " ".join(writable(text).split()))
    return escaped.replace("\\&", "&amp;").replace("\\<", "&lt;")


def _facts(node: ConversationNode) -> str:
    if node.role != "assistant":
        return ""
    metadata = node.metadata
    usage, cost = metadata.get("usage") or {}, metadata.get("cost_usd")
    tokens = usage.get("completion_tokens")
    facts = [
        metadata.get("model"),
        None if tokens is None else f"{tokens} tokens",
        None if cost is None else f"${cost:.6f}".rstrip("0").rstrip("."),
        None if node.state == "complete" else "cut",
    ]
    return " · ".join(str(fact) for fact in facts if fact)


def _attached(message: LLMMessage) -> list[str]:
    kinds = {ImagePart: "image", DocumentPart: "document"}
    return [
        f"[{kinds[type(part)]} {part.media_type or part.url or ''}]".replace(" ]", "]")
        for part in message.parts
        if isinstance(part, ImagePart | DocumentPart)
    ]
