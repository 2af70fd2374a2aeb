"""A conversation that a new kernel goes through again: steps of a flow that are stored are taken, not added anew."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from ...conversations.manager import ConversationManager
from ...conversations.node import ConversationNode
from ...conversations.rendering import render_prompt
from ...llm.messages import LLMStreamResponse
from ..places import Places

__all__ = ["RetracingManager"]

#: What is told with a flow's question that must be equal for it to be the same one.
_TOLD = ("flow", "state", "flow_step", "flow_via", "flow_context", "user_input")


class RetracingManager(ConversationManager):
    """The same conversation for a run of a flow.

    As in ``%%chat``: a question or an answer that the store has at the same place, that says the same, and that this
    kernel has not been given yet, is taken; so Restart and Run All adds nothing, and a cell run again makes siblings.

    Attributes:
        places: What this kernel was given.
    """

    places: Places

    @classmethod
    def over(cls, manager: ConversationManager, places: Places) -> RetracingManager:
        """A second hold on the conversation of ``manager``."""
        own = cls(manager.state, manager.llm, manager.prompt_builder, manager.storage, manager.middleware)
        own.places = places
        return own

    async def add_message(
        self,
        role: str = "user",
        content: Any = None,
        prompt_name: str | None = None,
        params: Mapping[str, Any] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> ConversationNode:
        """The node of the message, new or known; one is there then."""
        if content is None and prompt_name is not None:
            content = (await render_prompt(self.prompt_builder, role, prompt_name, params, include_rag=True)).content
        for child in self.state.current.children:
            if not self.places.was_given(child) and _is(child.data, role, content, prompt_name, kwargs["metadata"]):
                self.state.current = child
                self.places.give(child)
                return child.data
        node = await super().add_message(role, content, prompt_name, params, *args, **kwargs)
        assert node.tree is not None
        self.places.give(node.tree)
        return node

    async def stream_complete(self, *args: Any, **kwargs: Any) -> AsyncGenerator[LLMStreamResponse, None]:
        """The answer in pieces, kept in a new node or found in a known one."""
        try:
            async with aclosing(super().stream_complete(*args, adopt=self.places.equal_answer, **kwargs)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            if self.last_answer is not None:
                self.places.give(self.last_answer)


def _is(said: ConversationNode, role: str, content: Any, prompt_name: str | None, told: Mapping[str, Any]) -> bool:
    """Whether a node is this question of a flow, be it of another run."""
    return (
        not said.hidden
        and (said.role, said.message.content, said.prompt_name) == (role, content, prompt_name)
        and all(said.metadata.get(name) == told.get(name) for name in _TOLD)
    )
