"""A trial: one item, one variant, one repeat, one call; and the columns of the frame of trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["COLUMNS_AFTER", "COLUMNS_BEFORE", "Trial"]

#: The columns of the frame of trials, before and after those of the metrics.
COLUMNS_BEFORE = ("item", "variant", "prompt", "version", "model", "repeat", "output", "parsed")
COLUMNS_AFTER = ("prompt_tokens", "completion_tokens", "cached", "cost_usd", "duration_s", "error", "node_id")


@dataclass(frozen=True, slots=True)
class Trial:
    """What one call came to.

    Attributes:
        item: The item's label.
        row: The item's row of the data.
        variant: The label of the variant.
        prompt: Name of the prompt, without its version.
        version: The version of the prompt, where it has one.
        model: Spec of the model, or the name that it was given.
        repeat: Which of the repeats, from 0.
        output: What the model answered; None where nothing came.
        parsed: What ``response_format`` or ``parse`` made of it.
        prompt_tokens: Tokens sent, if told.
        completion_tokens: Tokens received, if told.
        cached: Whether the answer was not paid for in this run: it came out of the store, or of a recording.
        cost_usd: The price of the answer in US dollars, whenever it was paid; None where nobody knows.
        duration_s: Seconds of the call.
        error: Why there is no (whole) answer; None where there is one.
        node_id: The node of the experiment's conversation that holds the answer.
        request: What was sent, as text.
    """

    item: str
    row: Mapping[str, Any]
    variant: str
    prompt: str
    version: str | None
    model: str
    repeat: int
    output: str | None
    parsed: Any
    prompt_tokens: int | None
    completion_tokens: int | None
    cached: bool
    cost_usd: float | None
    duration_s: float | None
    error: str | None
    node_id: str | None
    request: str
