"""What came of a run: its steps, as rows and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..node import ConversationNode
from ..tree import Tree, calculate_node_id

if TYPE_CHECKING:
    from .definition import ConversationFlow

__all__ = ["FlowResult", "FlowStep"]


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One state that a run went through.

    Attributes:
        number: Which step of the run, from 1.
        state: The state.
        loop: How often it was entered by then.
        prompt_name: The prompt, if it has a name.
        question: The node of what was asked.
        answer: The node of the answer.
        transition: The condition that was true; None where the flow ended with the state.
        target: The next state, or ``"end"``.
        cost_usd: What the answer cost, and what models were paid for conditions; None where nobody knows.
        tokens: Tokens of the call, if they were told.
        duration_s: Seconds that the call took, if they were told.
        replayed: Whether the answer came out of a recording.
    """

    number: int
    state: str
    loop: int
    prompt_name: str | None
    question: Tree[ConversationNode]
    answer: Tree[ConversationNode]
    transition: str | None
    target: str
    cost_usd: float | None
    tokens: int | None
    duration_s: float | None
    replayed: bool = False

    @property
    def user_input(self) -> str | None:
        """The user's words, in a state that waited for some."""
        said: str | None = self.question.data.metadata.get("user_input")
        return said

    @property
    def response(self) -> str:
        """What the model answered."""
        return self.answer.data.message.content

    def row(self) -> dict[str, Any]:
        """The step as plain data."""
        return {
            "step": self.number,
            "state": self.state,
            "loop": self.loop,
            "prompt_name": self.prompt_name,
            "user_input": self.user_input,
            "prompt": self.question.data.message.content,
            "response": self.response,
            "transition": self.transition,
            "target": self.target,
            "question_id": calculate_node_id(self.question),
            "answer_id": calculate_node_id(self.answer),
            "tokens": self.tokens,
            "cost_usd": self.cost_usd,
            "duration_s": self.duration_s,
            "replayed": self.replayed,
        }


@dataclass(frozen=True, slots=True)
class FlowResult:
    """What came of a run of a flow.

    Attributes:
        flow: The flow.
        run_id: Which run; its nodes have it in their metadata as ``flow_run``.
        status: ``"ended"``, ``"waiting"`` for the user's words, or ``"ready"`` to go on.
        state: The last state; the one that waits.
        steps: The states that it went through, in order.
        context: The values that prompts and conditions saw last.
    """

    flow: ConversationFlow
    run_id: str
    status: Literal["ended", "waiting", "ready"]
    state: str
    steps: Sequence[FlowStep]
    context: dict[str, Any]

    @property
    def states(self) -> list[str]:
        """The states in the order in which they were entered."""
        return [step.state for step in self.steps]

    @property
    def response(self) -> str | None:
        """The last answer; None if there is none."""
        return self.steps[-1].response if self.steps else None

    @property
    def history(self) -> list[tuple[str, str]]:
        """State and answer of each step."""
        return [(step.state, step.response) for step in self.steps]

    @property
    def cost_usd(self) -> float | None:
        """What all steps cost together; None if the price of one is not known."""
        costs = [step.cost_usd for step in self.steps]
        return None if None in costs else sum(cost or 0.0 for cost in costs)

    def rows(self) -> list[dict[str, Any]]:
        """One dict for each step: a table."""
        return [step.row() for step in self.steps]

    def to_mermaid(self) -> str:
        """A picture of the states with the way that was taken, as Mermaid text."""
        from .mermaid import mermaid_of

        return mermaid_of(self.flow, self.steps, self._here)

    def to_svg(self) -> str:
        """A picture of the states with the way that was taken, as SVG."""
        from .svg import svg_of

        return svg_of(self.flow, self.steps, self._here)

    @property
    def _here(self) -> str | None:
        """The state where a run is that goes on."""
        return None if self.status == "ended" else self.state
