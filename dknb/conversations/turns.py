"""One call of a model in a conversation: what is kept of it, however it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

from ..errors import ConversationNotFound, StorageError
from ..llm.calls.telemetry import Label, labelled
from ..llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from .given import plain_data
from .ledger import CallRecord
from .node import MARK, OPEN, ConversationNode
from .state import ConversationState
from .steps import Amendment, Start, Step
from .storage import ConversationStorage, hang
from .tree import Tree, calculate_node_id

__all__ = ["Adopt", "ChatModel", "Turn", "awaited"]

log = logging.getLogger("dknb.conversations")

NodeTree: TypeAlias = Tree[ConversationNode]

#: Given the question and the answer to it: a node below the question that is this answer already, or None.
Adopt: TypeAlias = Callable[[NodeTree, LLMResponse], NodeTree | None]


class ChatModel(Protocol):
    """What a conversation needs of a provider."""

    async def complete(self, messages: Sequence[LLMMessage], **overrides: Any) -> LLMResponse:
        """The answer."""

    def stream_complete(self, messages: Sequence[LLMMessage], **overrides: Any) -> AsyncIterator[LLMStreamResponse]:
        """The answer in pieces, the last with ``is_final`` and the whole ``response``."""


def awaited(llm: ChatModel) -> ChatModel:
    """``llm`` as a conversation can await it: of the face for callers that cannot await, the provider behind it."""
    behind = getattr(type(llm), "async_provider", None)
    return llm if behind is None else llm.async_provider  # type: ignore[attr-defined]


@dataclass(slots=True)
class Turn:
    """A call below ``question``.

    Attributes:
        state: The conversation.
        storage: Its store.
        question: The node that is answered.
        start: Where the conversation was when the call began.
        branch: The branch that the answer moves.
        label: The name that the answer is given.
        cell: The notebook cell that asks.
        save: Whether the answer is written at once.
        adopt: Finds the node that is this answer already.
        provider: Name of the provider, where the answer does not say it.
        model: The model asked, where the answer does not say it.
        metadata: What to keep with the answer.
        still: Whether the position and all branches stay where they are.
        began: When the call began (``time.perf_counter``).
        answer: The node that holds the answer, once there is one; of one that streams, what has come of it.
    """

    state: ConversationState
    storage: ConversationStorage
    question: NodeTree
    start: Start
    branch: str | None
    label: str | None
    cell: str | None
    save: bool
    adopt: Adopt | None
    provider: str | None
    model: str | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    still: bool = False
    began: float = field(default_factory=time.perf_counter)
    answer: NodeTree | None = None

    def labels(self) -> dict[str, Label | None]:
        """What telemetry says of the call."""
        return {
            "conversation": self.state.conversation_id,
            "cell": self.cell,
            "node": lambda: calculate_node_id(self.question),
        }

    def find_known(self, response: LLMResponse) -> NodeTree | None:
        """The node that is this answer already, if the caller knows one."""
        return None if self.adopt is None else self.adopt(self.question, response)

    async def keep(
        self,
        response: LLMResponse,
        *,
        known: NodeTree | None = None,
        state: str = "complete",
        outcome: str = "complete",
    ) -> None:
        """Write the answer, the move to it, and the row of the ledger, in one transaction.

        Raises:
            StorageError: It could not be written. It hangs in the tree all the same, and waits to be written.
        """
        call = self.call(response, outcome)
        if self.answer is not None:
            await self.storage.amend(self.state, Amendment(self.answer, self.node(response, state), call, paid=True))
            return
        nodes = [] if known is not None else [self.node(response, state)]
        step = Step(known or self.question, nodes, self.branch, self.start, call, paid=True, still=self.still)
        if not self.save:
            self.answer = hang(self.state, step)
            await self.storage.record_call(call)
            return
        try:
            await self.storage.append(self.state, step)
        finally:
            self.answer = known or nodes[0].tree

    async def checkpoint(self, arrived: LLMResponse) -> None:
        """Write what has arrived of an answer that is still coming, if it says anything by now.

        Raises:
            StorageError: It could not be written; the answer will be, at its end.
        """
        if not _says_something(arrived) or self._is_told_already(arrived):
            return
        node = self.node(arrived, OPEN)
        if self.answer is not None:
            await self.storage.amend(self.state, Amendment(self.answer, node))
            return
        step = Step(self.question, [node], self.branch, self.start, still=self.still)
        self.answer = (await self.storage.append(self.state, step))[-1]

    def _is_told_already(self, arrived: LLMResponse) -> bool:
        """Whether an answer that may turn out to be this one has all that arrived: then a checkpoint adds nothing."""
        return (
            self.answer is None
            and self.adopt is not None
            and any(
                child.data.role == "assistant"
                and not child.data.hidden
                and child.data.message.content.startswith(arrived.content)
                for child in self.question.children
            )
        )

    async def failed(self, error: BaseException, arrived: LLMResponse | None) -> None:
        """Keep what arrived before ``error``, and write how the call ended; a store that fails too is only logged."""
        partial = getattr(error, "partial", None)
        if not isinstance(partial, LLMResponse) or not _says_something(partial):
            partial = arrived
        if self.answer is not None and partial is None:
            partial = LLMResponse("")
        outcome = "cancelled" if isinstance(error, asyncio.CancelledError | GeneratorExit) else type(error).__name__
        try:
            if partial is not None and (_says_something(partial) or self.answer is not None):
                await self.keep(partial, state="incomplete", outcome=outcome)
            else:
                await self.storage.record_call(self.call(partial or LLMResponse(""), outcome))
        except (StorageError, ConversationNotFound) as storage_error:
            log.warning("conversation %s: %s", self.state.conversation_id, storage_error)

    async def keep_rejected(self, responses: Sequence[LLMResponse]) -> None:
        """Write answers that a middleware did not take: siblings of the answer, which nothing moves to."""
        for response in responses:
            node = self.node(response, "complete")
            node.metadata["rejected"] = True
            aside = Step(self.question, [node], None, None, self.call(response, "rejected"), paid=True, still=True)
            with suppress(
                StorageError, ConversationNotFound
            ):  # it is owed, and the answer's own step meets the same failure
                await self.storage.append(self.state, aside)

    def node(self, response: LLMResponse, state: str) -> ConversationNode:
        """The node for an answer."""
        metadata = {
            **{str(key): plain_data(value) for key, value in response.metadata.items() if key != MARK},
            **self.metadata,
            "usage": response.usage,
            "model": response.model or None,
            "provider": response.metadata.get("provider", self.provider),
            "finish_reason": response.finish_reason,
            "cost_usd": response.cost_usd,
            "duration_s": self._seconds(response),
        }
        return ConversationNode(
            response.to_message(), branch_name=self.label, metadata=metadata, cell=self.cell, state=state
        )

    def call(self, response: LLMResponse, outcome: str) -> CallRecord:
        """The row of the ledger for an answer, or for what there is of one."""
        more = {"conversation_id": self.state.conversation_id, "cell": self.cell, "outcome": outcome}
        return CallRecord.of(response, self, self.began, **more)

    async def book(self, calls: Sequence[CallRecord]) -> None:
        """Write calls that middleware made of other models; a store that fails is only logged."""
        try:
            for call in calls:
                own = replace(call, conversation_id=self.state.conversation_id, cell=self.cell)
                await self.storage.record_call(own)
        except StorageError as error:
            log.warning("conversation %s: %s", self.state.conversation_id, error)

    def _seconds(self, response: LLMResponse) -> float:
        told = response.metadata.get("duration_s")
        return round(time.perf_counter() - self.began if told is None else told, 6)


@dataclass(slots=True)
class Arrived:
    """What has come of an answer that streams."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    model: str = ""

    def add(self, piece: LLMStreamResponse) -> None:
        """Take in a piece."""
        self.text.append(piece.delta)
        if piece.reasoning:
            self.reasoning.append(piece.reasoning)
        self.model = piece.model or self.model

    def response(self) -> LLMResponse:
        """What there is, as a response without an end."""
        return LLMResponse("".join(self.text), model=self.model, reasoning="".join(self.reasoning) or None)


async def closable(
    pieces: AsyncIterator[LLMStreamResponse], labels: Mapping[str, Label | None]
) -> AsyncGenerator[LLMStreamResponse, None]:
    """``pieces`` as a generator, which can be closed whatever ``pieces`` is; the call that it begins is labelled."""
    try:
        with labelled(**labels):
            first = await anext(pieces, None)
        if first is not None:
            yield first
        async for piece in pieces:
            yield piece
    finally:
        if (close := getattr(pieces, "aclose", None)) is not None:
            await close()


def _says_something(response: LLMResponse) -> bool:
    return bool(response.content or response.reasoning or response.tool_calls or response.parts)


def with_seq(response: LLMResponse, answer: NodeTree | None) -> LLMResponse:
    """The response that says in its metadata where it is stored, and whether it is deleted there."""
    if answer is None or answer.data.seq is None:
        return response
    told = {"deleted": True} if answer.data.hidden else {}
    return replace(response, metadata={**response.metadata, "node_seq": answer.data.seq, **told})
