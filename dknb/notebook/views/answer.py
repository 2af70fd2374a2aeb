"""A model's answer in a notebook, and the line of facts below it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...llm.parts import ToolCall
from ..markdown import answer_bundle
from ..results import how_to_answer
from .text import escape, money, note, seconds, tokens

__all__ = ["Reply", "status_bundle"]


#: Ends that a reader should know of, by the vendors' words for them.
_CUT = {
    "length": "cut at the token limit",
    "max_tokens": "cut at the token limit",
    "max_output_tokens": "cut at the token limit",
    "content_filter": "stopped by a content filter",
    "refusal": "refused",
}


@dataclass(frozen=True)
class Reply:
    """An answer, and where it lies.

    Attributes:
        content: The text of the answer.
        node_id: Its node's id; empty for an answer outside a conversation.
        conversation: The conversation that it is part of.
        branch: The branch that it is on.
        model: The model that answered.
        usage: Token counts.
        cost_usd: Its price in US dollars; None when not known.
        duration_s: Seconds that it took.
        finish_reason: Why it ended, in the vendor's word.
        reasoning: What the model thought.
        tool_calls: The calls that it asks for.
        parsed: The object that it holds, where it was asked for one (``--schema``).
        incomplete: Whether it was cut.
        replayed: Whether it came out of a recording.
        sample: Which answer to its question it is, and of how many; from 1.
        brought: What went along with its question, counted: ``"1 image"``.
        label: The node's id as it is shown: short also where the node lies deep.
    """

    content: str
    node_id: str = ""
    conversation: str | None = None
    branch: str | None = None
    model: str | None = None
    usage: dict[str, int] | None = None
    cost_usd: float | None = None
    duration_s: float = 0.0
    finish_reason: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] = field(default_factory=list)
    parsed: Any = None
    incomplete: bool = False
    replayed: bool = False
    sample: tuple[int, int] = (1, 1)
    brought: str = ""
    label: str = ""

    def __str__(self) -> str:
        return self.content

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return answer_bundle(self.content)


def status_bundle(reply: Reply) -> dict[str, str]:
    """The line below an answer: node, branch, tokens, price, seconds, model."""
    facts = [f"node {reply.label or reply.node_id}"] if reply.node_id else []
    if reply.branch:
        facts.append(reply.branch)
    if reply.sample[1] > 1:
        facts.append(f"answer {reply.sample[0]} of {reply.sample[1]}")
    if reply.brought:
        facts.append(f"asked with {reply.brought}")
    facts += [tokens(reply.usage), money(reply.cost_usd), seconds(reply.duration_s)]
    if reply.model:
        facts.append(reply.model)
    if reply.finish_reason in _CUT:
        facts.append(_CUT[reply.finish_reason])
    if reply.replayed:
        facts.append("replayed")
    facts += _calls(reply)
    bundle = note(" · ".join(facts))
    if reply.incomplete:
        bundle["text/plain"] += " · incomplete"
        bundle["text/html"] += (
            f'<div style="color:var(--jp-warn-color0, #a35200)">{escape("incomplete: it was cut")}</div>'
        )
    return bundle


def _calls(reply: Reply) -> list[str]:
    """The calls that an answer asks for, and in a conversation how to answer them."""
    facts = [f"asks for {call.name}({call.arguments_json})" for call in reply.tool_calls]
    if facts and reply.node_id:
        facts.append(f"answer with  {how_to_answer(reply.tool_calls)}")
    return facts
