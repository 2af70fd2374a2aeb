"""New nodes made from what was said: copies in another place, and the same thing said otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import BranchError, ConversationError
from ..llm.parts import Part, ReasoningPart, TextPart
from .node import MARK, ConversationNode
from .tree import Tree

__all__ = ["cherry_picked", "edited"]

NodeTree = Tree[ConversationNode]


def cherry_picked(node: NodeTree, cell: str | None = None, kept: Mapping[str, Any] | None = None) -> ConversationNode:
    """A copy of what was said at ``node``, to hang elsewhere.

    Its metadata say in ``cherry_picked`` where it is from and what it cost there; the copy itself cost nothing. ``kept`` is
    kept with it, too; where the original was asked from is not.

    Raises:
        ConversationError: Nothing was said there, or it is still being said.
    """
    said = node.data
    _refuse_unfinished(node, "copied")
    if said.is_empty:
        raise ConversationError("The root of this conversation says nothing: there is nothing to copy.")
    left_out = (MARK, "from")  # it stands for nothing there, and was not asked there
    metadata = {key: value for key, value in said.metadata.items() if key not in left_out}
    origin = _origin(node)
    if said.role == "assistant":
        origin |= {name: metadata.get(name) for name in ("usage", "cost_usd", "duration_s")}
        metadata |= {"usage": None, "cost_usd": 0.0, "duration_s": 0.0}
    metadata |= {**(kept or {}), "cherry_picked": origin}
    message = replace(said.message, metadata=dict(said.message.metadata))
    return ConversationNode(message, prompt_name=said.prompt_name, metadata=metadata, cell=cell, state=said.state)


def edited(node: NodeTree, text: str) -> ConversationNode:
    """What was said at ``node`` with other words: images, documents and calls of tools stay, reasoning goes.

    Its metadata say in ``edited`` which node it is another version of.

    Raises:
        BranchError: It is the root, which can have no sibling.
        ConversationError: It is still being said.
    """
    if node.parent is None:
        raise BranchError(
            "The root of a conversation cannot be said otherwise: it has no siblings.",
            hint="Give another system prompt for a call:  complete(system=...)",
        )
    _refuse_unfinished(node, "edited")
    message = node.data.message
    words: list[Part] = [TextPart(text)] if message.parts else []
    kept: list[Part] = [part for part in message.parts if not isinstance(part, TextPart | ReasoningPart)]
    other = replace(message, content=text, parts=words + kept, reasoning=None, metadata={}, extra={})
    return ConversationNode(other, metadata={"edited": _origin(node)})


def _refuse_unfinished(node: NodeTree, what: str) -> None:
    if node.data.state not in ("complete", "incomplete"):
        raise ConversationError(
            f"The answer {node.data.node_id!r} is still coming: it cannot be {what} yet.", hint="Wait for its end."
        )


def _origin(node: NodeTree) -> dict[str, Any]:
    return {"node_id": node.data.node_id, "node_seq": node.data.seq}
