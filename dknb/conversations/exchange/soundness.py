"""Whether a store can keep a conversation: asked of all of a file before any of it is written."""

from __future__ import annotations

from ..branches import check_name
from ..node import ConversationNode
from ..portable.fields import MOST
from ..state import ConversationState
from ..stores.rows import pack, storable, to_json

__all__ = ["check_storable"]


def check_storable(state: ConversationState) -> None:
    """Go through all that is going to be written.

    Raises:
        ValueError: A number is too large, or a text holds what no store keeps.
        DknbError: Something cannot be written as JSON, or is no name.
    """
    to_json(state.metadata, "metadata of the conversation")
    _check_number(state.revision, "revision")
    for branch in state.branches.values():
        check_name(branch.name)
        _check_number(branch.deletion, "deletion")
    for tree in state.message_tree.walk():
        _check_node(tree.data)


def _check_node(node: ConversationNode) -> None:
    pack(node, session="")
    _check_number(node.deletion, "deletion")
    for label in node.labels:
        check_name(label, "label")
    for what, text in (("role", node.role), ("session", node.session)):
        if storable(text) != text:
            raise ValueError(f"{what!r} holds NUL or half of a surrogate pair")


def _check_number(number: int, what: str) -> None:
    if not 0 <= number < MOST:
        raise ValueError(f"{what!r} is {number!r:.60}, not a whole number from 0 to {MOST - 1}")
