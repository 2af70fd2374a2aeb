"""The way that a run took from an answer, kept until the next question says it: conditions are asked once.

A question's metadata say which transition led to it. A run that waits or has ended has no next question: its way is then
in the conversation's metadata, under a key of the run.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import StorageError
from ..node import ConversationNode
from ..tree import Tree, calculate_node_id
from .keeping import marks_in

if TYPE_CHECKING:
    from ..manager import ConversationManager
    from .definition import FlowState

__all__ = ["Decided", "decided_at", "keep_decided"]

NodeTree = Tree[ConversationNode]


class Decided(NamedTuple):
    """A way that was taken.

    Attributes:
        transition: The condition that was true; None where the flow ends with the state.
        target: Where it leads.
        judged_usd: What models were paid to decide it; None where nobody knows.
        judged: Whether a model was asked, be it for nothing.
    """

    transition: str | None
    target: str
    judged_usd: float | None = 0.0
    judged: bool = False


def _key(run_id: str) -> str:
    return f"flow_way:{run_id}"


async def keep_decided(
    manager: ConversationManager, run_id: str, answer: NodeTree, way: Decided, *, ended: bool
) -> None:
    """Keep the way from ``answer``; of a run that has ended only if a model was asked for it.

    A store that fails loses no more than that: the conditions are asked again.
    """
    key = _key(run_id)
    with suppress(StorageError):
        if not ended or way.judged:
            told = {"answer": calculate_node_id(answer), **way._asdict()}
            if manager.state.metadata.get(key) != told:
                await manager.update_metadata({key: told})
        elif key in manager.state.metadata:
            await manager.remove_metadata(key)


def decided_at(manager: ConversationManager, run_id: str, answer: NodeTree, state: FlowState) -> Decided | None:
    """The way that the run took from ``answer``, which ``state`` was given; None if there is none, or none any more."""
    # What was decided last goes first: a notebook that is run again from its top may have decided anew.
    ways = [_kept(manager.state.metadata.get(_key(run_id)), calculate_node_id(answer)), *_asked_below(run_id, answer)]
    return next(
        (way for way in ways if way is not None and state.transitions.get(str(way.transition)) == way.target), None
    )


def _asked_below(run_id: str, answer: NodeTree) -> list[Decided]:
    """The ways to the questions of the run that stand below ``answer``."""
    told = [marks_in(child.data.metadata) for child in answer.children if child.data.metadata.get("flow_run") == run_id]
    return [
        Decided(marks.via, marks.state, marks.via_usd) for marks in told if marks is not None and marks.via is not None
    ]


def _kept(data: Any, answer_id: str) -> Decided | None:
    if not isinstance(data, dict) or data.get("answer") != answer_id:
        return None
    transition, target, paid = data.get("transition"), data.get("target"), data.get("judged_usd")
    if isinstance(transition, str) and isinstance(target, str) and isinstance(paid, float | int | None):
        return Decided(transition, target, paid, bool(data.get("judged")))
    return None
