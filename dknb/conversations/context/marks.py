"""What tells a summary from an answer, and what is sent in the place of what it stands for."""

from __future__ import annotations

from itertools import islice

from ...llm.messages import LLMMessage
from ..history import History
from ..node import MARK, ConversationNode
from ..tree import Tree

__all__ = ["MARK", "as_sent", "is_summary", "stands_for", "summary_above"]

NodeTree = Tree[ConversationNode]


def is_summary(node: NodeTree) -> bool:
    """Whether a node is a summary of what is above it, and not an answer to it."""
    # It always has a sibling, the way on: so most metadata need not be decoded.
    alone = node.parent is None or len(node.parent.children) == 1
    return not alone and node.data.role == "assistant" and MARK in node.data.metadata


def summary_above(history: History) -> NodeTree | None:
    """The newest summary on the way: it stands for the node that it hangs below, and for all above that."""
    inner = islice(history.nodes_upward(), 1, None)  # one below the last node would stand for the question, too
    found = (child for node in inner if len(node.children) > 1 for child in reversed(node.children))
    return next((child for child in found if not child.data.hidden and is_summary(child)), None)


def stands_for(summary: NodeTree) -> int:
    """How many messages a summary stands for: all above it, the system prompt left out."""
    root = summary.root.data
    return summary.depth - 1 + (0 if root.role == "system" else 1)


def as_sent(text: str) -> LLMMessage:
    """A summary's text as the model gets it: as what the user says, since it is not the model's instruction."""
    return LLMMessage("user", f"Summary of our conversation until here:\n\n{text}")
