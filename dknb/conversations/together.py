"""Several calls of a model side by side: answers to one question, or one question at several places."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .._frames import frame_of
from ..errors import ConfigError, StorageError
from ..llm.messages import LLMMessage, LLMResponse
from . import branches as _branches
from .given import given_count, given_text, message_metadata
from .inquiry import Inquiry
from .node import ConversationNode
from .state import ConversationState
from .steps import Start, Step
from .storage import ConversationStorage
from .tree import Tree

if TYPE_CHECKING:
    from .._frames import DataFrame

__all__ = ["CallReply", "answer_many", "ask_below"]

#: The columns of a table of replies, with their dtypes.
_KINDS = {
    "branch": "object",
    "question_id": "object",
    "node_id": "object",
    "answer": "object",
    "model": "object",
    "finish_reason": "object",
    "prompt_tokens": "Int64",
    "completion_tokens": "Int64",
    "cost_usd": "float64",
    "duration_s": "float64",
    "error": "object",
}

NodeTree = Tree[ConversationNode]


@dataclass(frozen=True, slots=True)
class CallReply:
    """What came of one of several calls.

    Attributes:
        question: The node that was to be answered.
        node: The node of the answer; of a call that failed, of what had arrived; None if nothing had.
        response: The answer; None if the call failed.
        error: Why it failed; None if it did not.
        branch: The branch that it belongs to, if one was named.
    """

    question: NodeTree
    node: NodeTree | None = None
    response: LLMResponse | None = None
    error: Exception | None = None
    branch: str | None = None

    def to_row(self) -> dict[str, Any]:
        """The same as a row of a table."""
        metadata = self.node.data.metadata if self.node is not None else {}
        usage = metadata.get("usage") or {}
        return {
            "branch": self.branch,
            "question_id": self.question.data.node_id,
            "node_id": None if self.node is None else self.node.data.node_id,
            "answer": self.node.data.message.content if self.node is not None else None,
            "model": metadata.get("model"),
            "finish_reason": metadata.get("finish_reason"),
            "prompt_tokens": usage.get("prompt_tokens"),
            "completion_tokens": usage.get("completion_tokens"),
            "cost_usd": metadata.get("cost_usd"),
            "duration_s": metadata.get("duration_s"),
            "error": None if self.error is None else f"{type(self.error).__name__}: {self.error}",
        }


class Asks(Protocol):
    """What a conversation must be able to do for this."""

    state: ConversationState
    storage: ConversationStorage

    def inquire(
        self, at: NodeTree | str | None, start: Start | None, overrides: Mapping[str, Any], *, system: str | None = None
    ) -> Inquiry:
        """A call that is not made yet."""


async def answer_many(
    talk: Asks, question: NodeTree, n: int, system: str | None, overrides: Mapping[str, Any]
) -> list[CallReply]:
    """``n`` answers to ``question``; see `ModelConversation.complete_many`."""
    given_count(n, "The number of answers")
    if talk.state.open:
        await talk.storage.refresh(talk.state)
    start = Start.of(talk.state)
    inquiries = [talk.inquire(question, None, overrides, system=system) for _ in range(n)]
    await talk.storage.write_owed(talk.state)
    replies = await _together([_reply(inquiry, None) for inquiry in inquiries])
    there = iter(sorted((reply for reply in replies if reply.node is not None), key=_ordinal))
    replies = [reply if reply.node is None else next(there) for reply in replies]
    first = next((reply.node for reply in replies if reply.response is not None), None)
    if first is not None:
        with suppress(StorageError):  # it is owed, and the answers are there
            await talk.storage.append(talk.state, Step(first, (), start.branch, start, paid=True))
    return replies


async def ask_below(
    talk: Asks,
    leaves: Iterable[NodeTree | str],
    text: str,
    system: str | None,
    metadata: Mapping[str, Any] | None,
    overrides: Mapping[str, Any],
) -> DataFrame:
    """``text`` below each of ``leaves``; see `ModelConversation.ask_all`."""
    given_text(text, "The question")
    kept = message_metadata(metadata)
    await talk.storage.refresh(talk.state)
    ends = [_branches.end_of(talk.state, leaf) for leaf in _listed(leaves)]
    await talk.storage.write_owed(talk.state)
    inquiries = []
    for end, branch in ends:
        question = ConversationNode(LLMMessage("user", text), metadata=dict(kept))
        step = Step(end, [question], branch, Start(end, branch, end))
        asked = (await talk.storage.append(talk.state, step))[-1]
        inquiries.append(talk.inquire(asked, Start(asked, branch, asked), overrides, system=system))
    replies = await _together([_reply(inquiry, inquiry.turn.branch) for inquiry in inquiries])
    return frame_of([reply.to_row() for reply in replies], _KINDS)


def _ordinal(reply: CallReply) -> int:
    """Which of its siblings the node of a reply is."""
    assert reply.node is not None
    return reply.node.ordinal


def _listed(leaves: Iterable[NodeTree | str]) -> Sequence[NodeTree | str]:
    if isinstance(leaves, str | Tree) or not isinstance(leaves, Iterable):
        raise ConfigError(f"Several places are wanted, not {leaves!r:.60}.", hint='ask_all(["main", "0.1"], "...")')
    return list(leaves)


async def _reply(inquiry: Inquiry, branch: str | None) -> CallReply:
    try:
        response = await inquiry.complete()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other calls go on, and it is in the reply
        return CallReply(inquiry.turn.question, inquiry.turn.answer, error=error, branch=branch)
    return CallReply(inquiry.turn.question, inquiry.turn.answer, response, branch=branch)


async def _together(calls: Sequence[Coroutine[Any, Any, CallReply]]) -> list[CallReply]:
    """All replies, in order.

    Raises:
        Exception: Every call failed; the error of the first.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call) for call in calls]
    replies = [task.result() for task in tasks]
    if replies and all(reply.error is not None for reply in replies):
        assert replies[0].error is not None
        raise replies[0].error
    return replies
