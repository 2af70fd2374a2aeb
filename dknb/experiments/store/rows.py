"""What is stored of an experiment: its design, and a row a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ...conversations.ledger import CallRecord
from ...conversations.node import ConversationNode
from ...llm.messages import LLMMessage

__all__ = ["Asked", "Entry", "ExperimentRow", "TrialRow"]


class ExperimentRow(NamedTuple):
    """An experiment without its trials; ``design`` is JSON data, times are ISO 8601 in UTC."""

    number: int
    name: str
    conversation_id: str
    design: dict[str, Any]
    created_at: str
    updated_at: str


class Asked(NamedTuple):
    """The node of a question: hash of all that was said up to it, its number in the conversation, and its id."""

    digest: str
    seq: int
    node_id: str


@dataclass(frozen=True, slots=True)
class TrialRow:
    """A trial as it is stored.

    Attributes:
        key: Hash of what was sent, and which of the same it is.
        item: Label of the item.
        variant: Label of the variant.
        prompt: Name of the prompt.
        version: Its version.
        model: What the model is called.
        repeat: Which repeat.
        output: What came of the answer.
        parsed: What was read in it, as JSON data.
        prompt_tokens: Tokens sent.
        completion_tokens: Tokens received.
        replayed: Whether it came out of a recording.
        cost_usd: Its price.
        duration_s: Its seconds.
        error: Why it is none.
        question: The node of the question, if there is one.
        node_seq: Number of the node of the answer.
        node_id: Its id.
        scores: The number of each metric; None: no score.
        score_errors: Why a metric has no score.
        scored: The scorers that have had their say.
        is_part: Whether it is a part of the design that was run last.
    """

    key: str
    item: str
    variant: str
    prompt: str
    version: str | None
    model: str
    repeat: int
    output: str | None = None
    parsed: Any = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    replayed: bool = False
    cost_usd: float | None = None
    duration_s: float | None = None
    error: str | None = None
    question: Asked | None = None
    node_seq: int | None = None
    node_id: str | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    score_errors: Mapping[str, str] = field(default_factory=dict)
    scored: tuple[str, ...] = ()
    is_part: bool = True

    def called(self, other: TrialRow) -> TrialRow:
        """This trial with the names that ``other`` has for the same: an item or a prompt may be called otherwise now."""
        return replace(
            self,
            item=other.item,
            variant=other.variant,
            prompt=other.prompt,
            version=other.version,
            model=other.model,
            repeat=other.repeat,
            is_part=True,
        )


@dataclass(slots=True)
class Entry:
    """What there is to write of a trial; in one transaction.

    Attributes:
        row: The trial.
        messages: What was sent, where the answer is new.
        answer: The node for the answer, where there is a new one.
        calls: Rows for the ledger; one of kind ``"trial"`` gets the answer's node.
    """

    row: TrialRow
    messages: Sequence[LLMMessage] = ()
    answer: ConversationNode | None = None
    calls: list[CallRecord] = field(default_factory=list)
