"""What happened to a conversation outside this kernel: cells of earlier kernels, and branches that others renamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..conversations.node import ConversationNode
from .places import Node

__all__ = ["asked_below", "renamed"]


def asked_below(stored: Iterable[Node], cell: str | None, source: str, text: str) -> Node | None:
    """What a cell was first asked below whose line said ``--from source`` and that said ``text``; None if there is none."""
    for node in stored:
        if node.data.cell != cell or node.data.metadata.get("from") != source:
            continue
        asked = node.parent if _is_answer(node.data) else node
        if asked is None or asked.parent is None or any(above.data.hidden for above in asked.upward()):
            continue
        if text.strip() in _words(asked.data):
            return asked.parent
    return None


def _is_answer(said: ConversationNode) -> bool:
    return said.role == "assistant" and "cherry_picked" not in said.metadata


def _words(said: ConversationNode) -> tuple[str, ...]:
    """What the cell may hold that asked this: in a flow's cell, the user's words, which a later state may take."""
    if "flow" not in said.metadata:
        return (said.message.content.strip(),)
    words = said.metadata.get("user_input")
    return (said.message.content.strip(), "") if words is None else (str(words).strip(),)


def renamed(before: Sequence[str], now: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The branches that have another name now: each keeps its place in the list, where new ones come last."""
    for old, new in zip(before, now, strict=False):
        if old != new and old not in now and new not in before:
            yield old, new
