"""One call: from a request to the trial that is stored of it, whatever comes of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...conversations.given import plain_data
from ...conversations.ledger import CallRecord
from ...conversations.node import ConversationNode
from ...errors import (
    AuthenticationError,
    BudgetExceeded,
    ConfigError,
    DknbError,
    MissingExtra,
    ModelNotFound,
    ReplayMiss,
)
from ...llm.messages import LLMMessage, LLMResponse
from ..design.design import Design, Variant
from ..store.rows import Entry, TrialRow
from .parsing import AnswerReader, stored_form

__all__ = ["HOPELESS", "Answered", "answered", "ask", "blank_row", "cancelled_call", "failed"]

#: What no other call of the same model would fare better with.
HOPELESS: tuple[type[DknbError], ...] = (AuthenticationError, ModelNotFound, ConfigError, MissingExtra)

#: What concerns the run and is no answer to a trial.
OF_THE_RUN: tuple[type[DknbError], ...] = (*HOPELESS, BudgetExceeded, ReplayMiss)


@dataclass(slots=True)
class Answered:
    """A call that has ended.

    Attributes:
        entry: What is stored of it.
        parsed: What was read in the answer.
    """

    entry: Entry
    parsed: Any


def blank_row(design: Design, number: int) -> TrialRow:
    """The trial of a number before anything came of it."""
    place = design.place(number)
    variant = design.variants[place.variant]
    return TrialRow(
        key=design.key(number),
        item=design.items[place.item].label,
        variant=variant.label,
        prompt=variant.prompt.name,
        version=variant.prompt.version,
        model=variant.model.label,
        repeat=place.repeat,
    )


async def ask(design: Design, number: int, reader: AnswerReader) -> Answered:
    """Make the call of a trial; one that fails gives a trial with an error.

    Raises:
        BudgetExceeded: It does not fit into what is left of a budget; it was not made.
        ReplayMiss: It is not in the recording that alone may answer.
        DknbError: One of `HOPELESS`.
    """
    variant = design.variants[design.place(number).variant]
    messages = design.request(number).messages
    row, began = blank_row(design, number), time.perf_counter()
    try:
        response = await variant.model.provider.complete(list(messages), **variant.model.overrides)
    except OF_THE_RUN:
        raise
    except Exception as error:  # noqa: BLE001 - a provider may be a stranger's; the trial keeps what it said
        return failed(row, variant, error, time.perf_counter() - began, messages)
    return await answered(row, variant, response, time.perf_counter() - began, messages, reader)


async def answered(
    row: TrialRow,
    variant: Variant,
    response: LLMResponse,
    seconds: float | None,
    messages: Sequence[LLMMessage],
    reader: AnswerReader,
) -> Answered:
    """The trial of an answer; ``seconds`` is how long it took, where somebody knows."""
    parsed, fault = await reader.read(response)
    done = _with_answer(row, response, seconds)
    done = replace(done, parsed=stored_form(parsed), score_errors={} if fault is None else {"parse": fault})
    node = _node(response, done)
    return Answered(Entry(done, messages, node, [_call(variant, response, done, _outcome(response))]), parsed)


def failed(
    row: TrialRow, variant: Variant, error: Exception, seconds: float | None, messages: Sequence[LLMMessage]
) -> Answered:
    """The trial of a call that failed, with what had arrived."""
    partial = getattr(error, "partial", None) or getattr(error, "response", None)
    arrived = partial if isinstance(partial, LLMResponse) else LLMResponse("")
    done = _with_answer(row, arrived, seconds)
    said = bool(arrived.content)
    done = replace(done, output=arrived.content if said else None, error=f"{type(error).__name__}: {error}")
    call = _call(variant, arrived, done, type(error).__name__)
    if not said:
        return Answered(Entry(done, calls=[call]), None)
    return Answered(Entry(done, messages, _node(arrived, done, state="incomplete"), [call]), None)


def _with_answer(row: TrialRow, response: LLMResponse, seconds: float | None) -> TrialRow:
    usage = response.usage or {}
    seconds = response.metadata.get("duration_s", seconds)
    return replace(
        row,
        output=response.content,
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        replayed=bool(response.metadata.get("replayed")),
        cost_usd=response.cost_usd,
        duration_s=None if seconds is None else round(seconds, 6),
    )


def _outcome(response: LLMResponse) -> str:
    return "replayed" if response.metadata.get("replayed") else "complete"


def _call(variant: Variant, response: LLMResponse, row: TrialRow, outcome: str) -> CallRecord:
    """The row of the ledger; what came out of a recording cost nothing."""
    usage = response.usage or {}
    return CallRecord(
        kind="trial",
        provider=response.metadata.get("provider", variant.model.config.provider),
        model=response.model or variant.model.config.model,
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        cached_tokens=usage.get("cached_tokens"),
        cost_usd=0.0 if row.replayed else response.cost_usd,
        duration_s=row.duration_s,
        outcome=outcome,
    )


def cancelled_call(variant: Variant) -> CallRecord:
    """The row of the ledger for a call that was broken off; nobody knows what it cost."""
    config = variant.model.config
    return CallRecord(kind="trial", provider=config.provider, model=config.model, outcome="cancelled")


def _node(response: LLMResponse, row: TrialRow, state: str = "complete") -> ConversationNode:
    metadata = {
        **{str(key): plain_data(value) for key, value in response.metadata.items()},
        "usage": response.usage,
        "model": response.model or None,
        "provider": response.metadata.get("provider"),
        "finish_reason": response.finish_reason,
        "cost_usd": response.cost_usd,
        "duration_s": row.duration_s,
        "trial": {"item": row.item, "variant": row.variant, "repeat": row.repeat},
    }
    return ConversationNode(response.to_message(), metadata=metadata, state=state)
