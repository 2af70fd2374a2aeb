"""A conversation that a new kernel goes through again: steps of a flow that are stored are taken, not added anew."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from ...conversations.manager import ConversationManager
from ...conversations.node import ConversationNode
from ...conversations.rendering import render_prompt
from ...errors import MissingParameters
from ...llm.messages import LLMStreamResponse
from ..places import Node, Places

__all__ = ["RetracingManager"]

#: What is told with a flow's question that must be equal for it to be the same one.
_TOLD = ("flow", "state", "flow_step", "flow_via", "flow_context", "user_input")


class RetracingManager(ConversationManager):
    """The same conversation for a run of a flow.

    As in ``%%chat``: a question or an answer that the store has at the same place, that says the same, and that this
    kernel has not been given yet, is taken; so Restart and Run All adds nothing, and a cell run again makes siblings. A
    question that nobody answered is taken, too.

    Attributes:
        places: What this kernel was given.
        told: What is kept with each question beside what the flow tells.
    """

    places: Places
    told: Mapping[str, str]

    @classmethod
    def over(cls, manager: ConversationManager, places: Places) -> RetracingManager:
        """A second hold on the conversation of ``manager``."""
        own = cls(manager.state, manager.llm, manager.prompt_builder, manager.storage, manager.middleware)
        own.places, own.told = places, {}
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
        """The node of the message, new or known; one is there then.

        Raises:
            MissingParameters: The prompt has holes, and does not say that it does not matter.
        """
        if content is None and prompt_name is not None:
            rendered = await render_prompt(self.prompt_builder, role, prompt_name, params, include_rag=True)
            _refuse_holes(rendered, prompt_name)
            content = rendered.content
        for child in self.state.current.children:
            free = not self.places.was_given(child) or _is_unanswered(child)
            if free and _is(child.data, role, content, prompt_name, kwargs["metadata"]):
                self.state.current = child
                self.places.give(child)
                return child.data
        kwargs["metadata"] = {**kwargs["metadata"], **self.told}
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


def _refuse_holes(rendered: Any, name: str) -> None:
    """Let no prompt with holes go to a model, as ``%%prompt --run`` does not."""
    if rendered.params_missing and rendered.metadata.get("validation_level") != "ignore":
        raise MissingParameters(
            rendered.params_missing,
            hint=f"{name!r} needs them: values are key=value on the %%flow line; it was not sent",
        )


def _is_unanswered(question: Node) -> bool:
    return all(child.data.hidden for child in question.children)


def _is(said: ConversationNode, role: str, content: Any, prompt_name: str | None, told: Mapping[str, Any]) -> bool:
    """Whether a node is this question of a flow, be it of another run."""
    return (
        not said.hidden
        and (said.role, said.message.content, said.prompt_name) == (role, content, prompt_name)
        and all(said.metadata.get(name) == told.get(name) for name in _TOLD)
    )
