"""The messages from the root to a node, looked at rather than copied."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar, overload

from ..llm.messages import LLMMessage
from .chaining import ChainedMessages, finished, finished_gently
from .node import ConversationNode
from .tree import Tree, get_node_by_id

__all__ = ["History", "get_messages_for_llm"]

#: Sums are kept, and pauses are possible, each so many nodes.
STEP = 64

N = TypeVar("N")
V = TypeVar("V")


class History(ChainedMessages):
    """What was said up to a node, oldest first; an empty root is left out.

    The length is known, ``reversed()`` takes one step at a time from the newest message, and `fold` remembers its sums:
    who looks only at the end pays nothing for the length. Iterating from the beginning walks the path once.

    Args:
        tip: The last node.
        root: The first one, if it is at hand; finding it takes a walk.
        system: A system prompt to send in the place of the root's.
    """

    __slots__ = ("_first", "_items", "_length", "_root", "_tip")

    def __init__(
        self,
        tip: Tree[ConversationNode],
        *,
        root: Tree[ConversationNode] | None = None,
        system: str | None = None,
    ) -> None:
        root = tip.root if root is None else root
        self._tip = tip
        self._root = root
        self._first: list[LLMMessage] = [] if root.data.is_empty else [root.data.message]
        if system is not None:
            kept = self._first if root.data.role != "system" else []
            self._first = [LLMMessage("system", system), *kept]
        self._length = tip.depth + len(self._first)
        self._items: list[LLMMessage] | None = None

    @property
    def opening(self) -> list[LLMMessage]:
        """What comes before the path below the root: the system prompt, if there is one."""
        return list(self._first)

    def nodes_upward(self) -> Iterator[Tree[ConversationNode]]:
        """The nodes from the last one upward, the root left out."""
        return (node for node in self._tip.upward() if node is not self._root)

    def __len__(self) -> int:
        return self._length

    def __reversed__(self) -> Iterator[LLMMessage]:
        for node in self.nodes_upward():
            yield node.data.message
        yield from reversed(self._first)

    def _all(self) -> list[LLMMessage]:
        if self._items is None:
            self._items = list(reversed(self))
            self._items.reverse()
        return self._items

    def __iter__(self) -> Iterator[LLMMessage]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> LLMMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[LLMMessage]: ...
    def __getitem__(self, index: int | slice) -> LLMMessage | list[LLMMessage]:
        if index == -1 and self._length:
            return next(reversed(self))
        return self._all()[index]

    def fold(self, name: str, measure: Callable[[LLMMessage], N]) -> N:
        """The sum of ``measure(message)``, whatever can be added to 0, over all messages.

        Sums are kept under ``name``, so that the next turn only adds its own messages: always give one name the same
        ``measure``. The first time takes time in proportion to the length; see `fold_gently`.
        """
        return self._with_opening(finished(self.chaining(name, _adding(measure), 0)), measure)

    async def fold_gently(self, name: str, measure: Callable[[LLMMessage], N]) -> N:
        """`fold`, with pauses in which the event loop does other things."""
        return self._with_opening(await finished_gently(self.chaining(name, _adding(measure), 0)), measure)

    def _with_opening(self, total: Any, measure: Callable[[LLMMessage], N]) -> N:
        for message in self._first:
            total += measure(message)
        whole: N = total
        return whole

    def chaining(  # noqa: D102 - described in the class above
        self, name: str, step: Callable[[V, LLMMessage], V], start: V, end: int | None = None
    ) -> Generator[None, None, V]:
        tip, value = self._tip, start
        for _ in range(0 if end is None else self._length - end):
            assert tip.parent is not None
            tip = tip.parent
        waiting: list[Tree[ConversationNode]] = []
        for node in tip.upward():
            if node is self._root:
                break
            if node.folds is not None and name in node.folds:
                value = node.folds[name]
                break
            waiting.append(node)
            if not len(waiting) % STEP:
                yield
        while waiting:
            node = waiting.pop()
            value = step(value, node.data.glance())
            if not len(waiting) % STEP:  # the last one, too
                node.folds = {**(node.folds or {}), name: value}
                yield
        return value

    def __repr__(self) -> str:
        return f"<History of {self._length} messages>"


def _adding(measure: Callable[[LLMMessage], Any]) -> Callable[[Any, LLMMessage], Any]:
    return lambda total, message: total + measure(message)


def get_messages_for_llm(tree: Tree[ConversationNode], node_id: str) -> list[LLMMessage]:
    """The messages from the root ``tree`` to ``node_id``, both included; none when there is no such node.

    An empty root (a conversation without a system prompt) is left out.
    """
    tip = get_node_by_id(tree, node_id)
    return [] if tip is None else list(History(tip, root=tree))
