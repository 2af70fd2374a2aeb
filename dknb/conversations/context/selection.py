"""Which messages at the end of a path fit: whole turns, and never a tool's call without its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...errors import ContextTooLong
from ...llm.parts import ToolResult
from ..node import ConversationNode
from ..tree import Tree

__all__ = ["Selection", "select"]

NodeTree = Tree[ConversationNode]


@dataclass(frozen=True, slots=True)
class Selection:
    """The nodes to send, oldest first, and what they have in tokens; ``whole`` if none of the path is left out."""

    nodes: list[NodeTree]
    tokens: int
    whole: bool


@dataclass(slots=True)
class _Unit:
    """Messages that belong together (newest first): one, or a call of tools with its results."""

    nodes: list[NodeTree]
    tokens: int

    @property
    def is_question(self) -> bool:
        return self.nodes[-1].data.role == "user"


def select(
    path: Iterator[NodeTree], tokens_of: Callable[[NodeTree], int], budget: int, most: int | None = None
) -> Selection:
    """The end of a path that has at most ``budget`` tokens and, where that tears nothing, ``most`` messages.

    Args:
        path: The nodes from the end upward, as far as they may be sent.
        tokens_of: The tokens of a node's message.
        budget: Most tokens.
        most: Most messages; None for any number.

    Raises:
        ContextTooLong: The last message, or the question that it belongs to, does not fit.
    """
    units = _units(path, tokens_of)
    kept: list[_Unit] = []
    turns = used = count = 0
    for unit in units:
        too_many = most is not None and kept and count + len(unit.nodes) > most
        if too_many or used + unit.tokens > budget:
            if not kept:
                raise _too_long(unit.tokens, budget)
            left = kept[:turns] if turns else _end_of_turn([*kept, unit], units, budget)
            return _selection(left, whole=False)
        kept.append(unit)
        used, count = used + unit.tokens, count + len(unit.nodes)
        turns = len(kept) if unit.is_question else turns
    return _selection(kept, whole=True)


def _end_of_turn(begun: list[_Unit], above: Iterator[_Unit], budget: int) -> list[_Unit]:
    """The question of a turn that is too long, and the newest of what followed it."""
    *kept, last = begun
    question: _Unit | None = last if last.is_question else next((unit for unit in above if unit.is_question), None)
    pinned = [] if question is None else [question]
    used = sum(unit.tokens for unit in (*kept, *pinned))
    while used > budget and len(kept) > 1:
        used -= kept.pop().tokens
    if used > budget:
        raise _too_long(used, budget)
    return kept + pinned


def _units(path: Iterator[NodeTree], tokens_of: Callable[[NodeTree], int]) -> Iterator[_Unit]:
    nodes: list[NodeTree] = []
    tokens = 0
    for node in path:
        nodes.append(node)
        tokens += tokens_of(node)
        if not _is_result(node):
            yield _Unit(nodes, tokens)
            nodes, tokens = [], 0
    if nodes:
        yield _Unit(nodes, tokens)


def _is_result(node: NodeTree) -> bool:
    if node.data.role in ("tool", "function"):
        return True
    return node.data.role == "user" and any(isinstance(part, ToolResult) for part in node.data.message.parts)


def _selection(units: list[_Unit], *, whole: bool) -> Selection:
    nodes = [node for unit in units for node in unit.nodes]
    nodes.reverse()
    return Selection(nodes, sum(unit.tokens for unit in units), whole)


def _too_long(tokens: int, budget: int) -> ContextTooLong:
    error = ContextTooLong(
        f"The last question has about {tokens} tokens, and {max(budget, 0)} are left for it.",
        hint="Raise the budget:  Fit(budget=...), or shorten it",
    )
    error.tokens, error.limit = tokens, budget
    return error
