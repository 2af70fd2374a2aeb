"""What a message says, and in a word what it brings besides text."""

from __future__ import annotations

from collections import Counter

from ...llm.messages import LLMMessage
from ...llm.parts import DocumentPart, ImagePart
from .text import counted

__all__ = ["brought", "said"]

_KINDS = {ImagePart: "image", DocumentPart: "document"}


def brought(message: LLMMessage) -> str:
    """The images and documents of a message, counted: ``"2 images, 1 document"``; empty where it has none."""
    kinds = Counter(_KINDS[type(part)] for part in message.parts if type(part) in _KINDS)
    return ", ".join(counted(number, kind) for kind, number in kinds.items())


def said(message: LLMMessage) -> str:
    """The text of a message, after what it brings and before the calls that it asks for, both in brackets."""
    facts = brought(message)
    calls = ", ".join(f"{call.name}({call.arguments_json})" for call in message.tool_calls)
    pieces = [f"[{facts}]" if facts else "", message.content, f"[asks for {calls}]" if calls else ""]
    return " ".join(piece for piece in pieces if piece)
