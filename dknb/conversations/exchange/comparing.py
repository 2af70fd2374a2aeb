"""Whether a store has a conversation of a file already, and what of it is otherwise there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..node import ConversationNode
from ..state import ConversationState
from ..stores.rows import storable
from .talk import ImportedTalk

__all__ = ["difference", "numbers_there", "says_the_same"]


def says_the_same(one: ConversationState, other: ConversationState) -> bool:
    """Whether two conversations have the same tree, in which the same was said."""
    ours, theirs = one.message_tree.walk(), other.message_tree.walk()
    for left, right in zip(ours, theirs, strict=False):
        if left.depth != right.depth or len(left.children) != len(right.children):
            return False
        if left.data.message != right.data.message:
            return False
    return True


def difference(there: ConversationState, talk: ImportedTalk) -> str:
    """What of a conversation that says the same is otherwise than the file tells; "" if nothing is."""
    different = [what for what in talk.tells if _FACTS[what](there) != _FACTS[what](talk.state)]
    return ", ".join(different)


def numbers_there(there: ConversationState, state: ConversationState) -> dict[int | None, int | None]:
    """The number of each node of ``state`` in ``there``, which says the same."""
    pairs = zip(state.message_tree.walk(), there.message_tree.walk(), strict=True)
    return {ours.data.seq: theirs.data.seq for ours, theirs in pairs}


def _labels(state: ConversationState) -> Any:
    return [each.data.labels for each in state.message_tree.walk()]


def _deletions(state: ConversationState) -> Any:
    return [bool(each.data.deletion) for each in state.message_tree.walk()]


def _branches(state: ConversationState) -> Any:
    at = _places(state)
    return sorted((each.name, at[id(each.head)], bool(each.deletion)) for each in state.branches.values())


def _position(state: ConversationState) -> Any:
    return _places(state)[id(state.current)], state.current_branch


def _places(state: ConversationState) -> dict[int, int]:
    return {id(each): place for place, each in enumerate(state.message_tree.walk())}


def _details(state: ConversationState) -> Any:
    return [_detail(each.data) for each in state.message_tree.walk()]


def _detail(node: ConversationNode) -> Any:
    names = [storable(name) for name in (node.prompt_name, node.branch_name, node.cell)]
    return names, node.timestamp, node.state == "complete", node.metadata


#: What a file may tell of a conversation beside what was said.
_FACTS: dict[str, Callable[[ConversationState], Any]] = {
    "labels": _labels,
    "metadata": lambda state: state.metadata,
    "branches": _branches,
    "position": _position,
    "deletions": _deletions,
    "details of messages": _details,
}
