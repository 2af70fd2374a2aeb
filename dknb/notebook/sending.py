"""One call outside any conversation, shown as it streams, with its row in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._sync import Stream, run
from ..conversations.ledger import CallRecord
from ..errors import ConnectionFailed, Interrupted, StorageError
from ..llm.calls.telemetry import labelled
from ..llm.config import LLMConfig
from ..llm.messages import LLMMessage, LLMResponse
from .live import LiveAnswer
from .session import Session
from .views.answer import Reply, status_bundle
from .views.text import folded, note

__all__ = ["call_record", "send"]


def send(session: Session, shell: Any, text: str | Sequence[LLMMessage], config: LLMConfig) -> Reply:
    """Send ``text`` as the only message, or several messages, show the answer as it comes, and return it.

    Raises:
        ProviderError: The call failed.
        Interrupted: The user stopped it.
    """
    provider = session.provider(config)
    asked = text if isinstance(text, str) else list(text)
    live = LiveAnswer(shell, stream=session.streams())
    cell = session.next_cell()
    final: LLMResponse | None = None
    outcome = "complete"
    try:
        with labelled(cell=cell), Stream(lambda: provider.stream_complete(asked)) as stream:
            for batch in stream.batches(live.pause):
                final = next((piece.response for piece in batch if piece.response is not None), None)
                live.add("".join(piece.delta for piece in batch), "".join(piece.reasoning for piece in batch))
    except KeyboardInterrupt:
        outcome = "cancelled"
        raise Interrupted("interrupted; what had arrived is shown above.") from None
    except BaseException as error:
        # A connection that broke under an answer may cost; one that failed before it does not.
        broke = isinstance(error, ConnectionFailed) and bool(live.text)
        outcome = "incomplete" if broke else type(error).__name__
        raise
    finally:
        live.finish(final.content if final is not None else None)
        response = final or LLMResponse(live.text)
        if outcome != "complete" and response.content:
            live.note(note("incomplete: it was cut"))
        try:
            run(session.storage.record_call(call_record(config, cell, response, outcome)))
        except StorageError as error:  # the answer has been paid for: it is not lost to a store that fails
            live.note(note(f"the call is not in the ledger: {error}"))
    reply = Reply(
        content=response.content,
        model=response.model or None,
        usage=response.usage,
        cost_usd=response.cost_usd,
        duration_s=response.metadata.get("duration_s") or 0.0,
        finish_reason=response.finish_reason,
        reasoning=response.reasoning,
        tool_calls=list(response.tool_calls),
        replayed=bool(response.metadata.get("replayed")),
    )
    if reply.reasoning:
        live.note(folded("reasoning", reply.reasoning))
    live.note(status_bundle(reply))
    return reply


def call_record(config: LLMConfig, cell: str | None, response: LLMResponse, outcome: str) -> CallRecord:
    """A call of a prompt as a row of the ledger."""
    usage = response.usage or {}
    replayed = bool(response.metadata.get("replayed"))
    return CallRecord(
        cell=cell,
        kind="prompt",
        provider=config.provider,
        model=response.model or config.model or None,
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        cached_tokens=usage.get("cached_tokens"),
        cost_usd=0.0 if replayed else response.cost_usd,
        duration_s=response.metadata.get("duration_s") or 0.0,
        outcome="replayed" if replayed else outcome,
    )
