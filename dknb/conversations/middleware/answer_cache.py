"""Where a `CacheMiddleware` keeps answers: in memory, or in a store of conversations."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any, NamedTuple, Protocol

from ...errors import ConversationError
from ...llm.messages import LLMMessage
from ..node import ConversationNode
from ..state import ConversationState
from ..steps import Step
from ..storage import ASIDE, ConversationStorage
from ..tree import Tree

__all__ = ["Answers", "KeptAnswer", "MemoryAnswers", "StoredAnswers"]


class KeptAnswer(NamedTuple):
    """An answer that was given before.

    Attributes:
        response: What ``LLMResponse.to_dict`` made of it.
        at: When it was given, in seconds since 1970.
    """

    response: dict[str, Any]
    at: float


class Answers(Protocol):
    """What keeps answers by the key of their request."""

    async def get(self, key: str) -> KeptAnswer | None:
        """The last answer that was kept for ``key``."""

    async def put(self, key: str, response: dict[str, Any]) -> None:
        """Keep an answer."""


class MemoryAnswers:
    """Keeps the answers that were last used, in this process.

    Args:
        most: How many.
    """

    def __init__(self, most: int = 1_000) -> None:
        self.most = most
        self._kept: OrderedDict[str, KeptAnswer] = OrderedDict()

    async def get(self, key: str) -> KeptAnswer | None:
        """The last answer that was kept for ``key``."""
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
        return kept

    async def put(self, key: str, response: dict[str, Any]) -> None:
        """Keep an answer; the one that was not used for the longest time goes."""
        self._kept[key] = KeptAnswer(response, time.time())
        self._kept.move_to_end(key)
        if len(self._kept) > self.most:
            self._kept.popitem(last=False)


class StoredAnswers:
    """Keeps answers in a store of conversations, for all who use it: other conversations, kernels, processes.

    They lie there as the nodes of a conversation of their own, which is in no list, without a text that a search would
    find. No conversation of a user can have its id, whatever it is called.

    Args:
        storage: The store.
        name: Which answers: those of another name are others.
    """

    def __init__(self, storage: ConversationStorage, name: str = "dknb-answers") -> None:
        self.storage = storage
        self.name = name
        self.conversation_id = ASIDE + name
        self._state: ConversationState | None = None
        self._kept: dict[str, KeptAnswer] = {}
        self._seen = 0

    async def get(self, key: str) -> KeptAnswer | None:
        """The last answer that anybody kept for ``key``."""
        state = await self._opened()
        if key not in self._kept:
            await self.storage.refresh(state)
            self._read(state)
        return self._kept.get(key)

    async def put(self, key: str, response: dict[str, Any]) -> None:
        """Keep an answer."""
        state = await self._opened()
        kept = KeptAnswer(response, time.time())
        metadata = {"key": key, "at": kept.at, "response": response}
        node = ConversationNode(LLMMessage("assistant"), metadata=metadata)
        await self.storage.append(state, Step(state.message_tree, [node], still=True))
        self._kept[key] = kept

    async def clear(self) -> None:
        """Forget all answers, also those that others kept."""
        await self.storage.delete_conversation(self.conversation_id)
        self._state, self._kept, self._seen = None, {}, 0

    async def _opened(self) -> ConversationState:
        if self._state is None:
            state = await self.storage.load_conversation(self.conversation_id)
            if state is None:
                state = await self._made()
            self._read(state)
            self._state = state
        return self._state

    async def _made(self) -> ConversationState:
        root = Tree(ConversationNode(LLMMessage("system", "")))
        state = ConversationState(self.conversation_id, root, metadata={"holds": "answers"})
        try:
            await self.storage.create_conversation(state)
        except ConversationError:
            made = await self.storage.load_conversation(self.conversation_id)
            if made is None:
                raise
            return made  # another process was faster
        return state

    def _read(self, state: ConversationState) -> None:
        for tree in state.stored[self._seen :]:
            told = tree.data.metadata
            if "key" in told:
                self._kept[told["key"]] = KeptAnswer(told["response"], told["at"])
        self._seen = len(state.stored)
