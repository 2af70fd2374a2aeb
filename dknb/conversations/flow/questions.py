"""What the model is asked in a state, put into the conversation."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...templates import compile_template
from ..node import ConversationNode
from ..tree import Tree

if TYPE_CHECKING:
    from ..manager import ConversationManager
    from .definition import FlowState

__all__ = ["StateQuestion", "ask"]


@dataclass(frozen=True, slots=True)
class StateQuestion:
    """What a state asks with.

    Attributes:
        flow: Name of the flow.
        state: Name of the state.
        params: Parameters of the prompt.
        said: The user's words, in a state that waits for some.
        metadata: What to keep with the node.
        cell: The notebook cell that asks.
    """

    flow: str
    state: str
    params: dict[str, Any]
    said: str | None
    metadata: dict[str, Any]
    cell: str | None


async def ask(manager: ConversationManager, state: FlowState, question: StateQuestion) -> Tree[ConversationNode]:
    """The node of the question, below the conversation's current node."""
    how: dict[str, Any] = {"metadata": question.metadata, "cell": question.cell}
    if state.prompt_name:
        node = await manager.add_message("user", None, state.prompt_name, question.params, **how)
    elif state.template is not None:
        text = await _inline(manager.prompt_builder, state.template, question)
        node = await manager.add_message("user", text, **how)
    else:
        node = await manager.add_message("user", question.said, **how)
    assert node.tree is not None
    return node.tree


async def _inline(builder: Any, template: str, question: StateQuestion) -> str:
    """The text of a template that a state holds; the builder renders it, if there is one that can."""
    name = f"{question.flow}/{question.state}"
    if (render := getattr(builder, "render_inline", None)) is None:
        return compile_template(template, "mixed", prompt_name=name).render(question.params, prompt_name=name).text
    result = render(template, question.params, name=name)
    content: str = (await result if inspect.isawaitable(result) else result).content
    return content
