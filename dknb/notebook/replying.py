"""What a cell tells of an answer of a conversation."""

from __future__ import annotations

from ..llm.messages import LLMResponse
from .asking import Talk
from .places import Node
from .views.answer import Reply
from .views.said import brought
from .views.text import counted
from .views.tree import node_label

__all__ = ["in_a_row", "reply_of", "waiting_note"]


def reply_of(talk: Talk, node: Node, response: LLMResponse, branch: str | None) -> Reply:
    """An answer, and where it lies."""
    return Reply(
        content=response.content,
        node_id=node.data.node_id,
        conversation=talk.name,
        branch=branch,
        model=response.model or None,
        usage=response.usage,
        cost_usd=response.cost_usd,
        duration_s=response.metadata.get("duration_s") or node.data.metadata.get("duration_s") or 0.0,
        finish_reason=response.finish_reason,
        reasoning=response.reasoning,
        tool_calls=list(response.tool_calls),
        parsed=response.parsed,
        incomplete=node.data.state != "complete",
        replayed=bool(response.metadata.get("replayed")),
        sample=_sample(node),
        brought=brought(node.parent.data.message) if node.parent is not None else "",
        label=node_label(node),
    )


def _sample(node: Node) -> tuple[int, int]:
    beside = node.parent.children if node.parent is not None else [node]
    answers = [child for child in beside if child.data.role == "assistant" and not child.data.hidden]
    return answers.index(node) + 1 if node in answers else 1, len(answers)


def in_a_row(above: Node, role: str) -> str | None:
    """What to say of a message below one of the same speaker, as conversations do not go of themselves."""
    if role != above.data.role or role not in ("user", "assistant"):
        return None
    which = f"node {node_label(above)}"
    if role == "user":
        return f"this is below {which}, a question: the model gets two messages of the user in a row, which some refuse"
    return f"this is below {which}, an answer: the model gets two of its answers in a row, which some refuse"


def waiting_note(talk: Talk, waited: int) -> str | None:
    """What to say of answers that the store has not taken yet, or that it has taken now; ``waited`` is how many it had not."""
    waiting = len(talk.manager.state.owed)
    if waiting:
        return (
            f"paid for and kept in this kernel, but not in the store yet: {counted(waiting, 'answer')}. "
            "The next cell that asks writes it first; so does  %dknb store"
        )
    return f"{counted(waited, 'answer')} that waited to be written: in the store now" if waited else None
