"""A run of a flow, read back from the nodes of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import FlowError, did_you_mean
from ..node import ConversationNode
from ..tree import Tree
from .definition import END, ConversationFlow
from .run import FlowRun, step_of

if TYPE_CHECKING:
    from ..manager import ConversationManager

__all__ = ["resumed_run"]

NodeTree = Tree[ConversationNode]


async def resumed_run(
    flow: ConversationFlow, manager: ConversationManager, run_id: str | None, *, cell: str | None = None
) -> FlowRun:
    """The run of ``flow`` on the way to the current node; see `ConversationFlow.resume`.

    An answer that was cut counts as none. Where the answer is there and the way on is not, the conditions are asked
    again.
    """
    await manager.refresh()
    nodes = _nodes(flow, manager, run_id)
    first = nodes[0].data.metadata
    run = FlowRun(flow, manager, {}, run_id=first["flow_run"], cell=cell)
    for tree in nodes:
        if tree.data.role == "assistant":
            run.answer = tree if tree.data.state == "complete" else None
        else:
            _enter(run, tree)
    if run.question is not None and run.answer is not None and flow.ends_after(run.state):
        run.steps.append(step_of(run, run.question, run.answer, None, END))
        run.status, run.question, run.answer = "ended", None, None
    return run


def _enter(run: FlowRun, question: NodeTree) -> None:
    """Bring the run from its last state to the one where ``question`` was asked."""
    told = question.data.metadata
    if told["state"] not in run.flow.states:
        near = did_you_mean(told["state"], run.flow.states)
        raise _error(run.flow, told["state"], f"it has no state {told['state']!r} any more.{near}")
    if run.question is not None and run.answer is not None:
        run.steps.append(step_of(run, run.question, run.answer, told.get("flow_via"), told["state"]))
    run.state = told["state"]
    run.loops[run.state] += 1
    run.context = dict(told.get("flow_context") or {})
    run.said = told.get("user_input")
    run.question, run.answer = question, None


def _nodes(flow: ConversationFlow, manager: ConversationManager, run_id: str | None) -> list[NodeTree]:
    """The nodes of the run, oldest first."""
    found: list[NodeTree] = []
    for tree in manager.state.current.upward():
        told = tree.data.metadata
        if told.get("flow") != flow.name or "flow_run" not in told or told["flow_run"] != (run_id or told["flow_run"]):
            continue
        run_id = told["flow_run"]
        found.append(tree)
        if told["flow_step"] == 1 and tree.data.role != "assistant":
            return found[::-1]
    which = "no run" if run_id is None else f"no run {run_id!r}"
    raise _error(flow, flow.initial_state, f"the way to the current node holds {which} of it.")


def _error(flow: ConversationFlow, state: str, what: str) -> FlowError:
    return FlowError(
        f"The flow {flow.name!r} cannot be resumed here: {what}",
        flow=flow.name,
        state=state,
        reason="state",
        hint="Go to a node of the run, or begin anew:  flow.start(manager)",
    )
