"""What a run of a flow tells as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...llm.messages import LLMStreamResponse
from .result import FlowStep

__all__ = ["FlowEvent"]


@dataclass(frozen=True, slots=True)
class FlowEvent:
    """Something that happened in a run.

    Attributes:
        kind: ``"entered"`` (the question is in the conversation), ``"piece"`` (of the answer), ``"left"`` (with its
            ``step``), ``"waiting"`` (for the user), or ``"ended"``.
        state: The state.
        loop: How often the state was entered by now.
        prompt: What the model is asked there, when it is entered.
        piece: A piece of the answer.
        step: What came of the state, when it is left.
    """

    kind: Literal["entered", "piece", "left", "waiting", "ended"]
    state: str
    loop: int = 0
    prompt: str = ""
    piece: LLMStreamResponse | None = None
    step: FlowStep | None = None

    @property
    def text(self) -> str:
        """The text of the piece; empty for all else."""
        return self.piece.delta if self.piece is not None else ""
