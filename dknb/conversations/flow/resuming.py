"""A run of a flow, read back from the nodes of a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import FlowError, did_you_mean
from ..node import ConversationNode
from ..tree import Tree
from .decided import Decided, decided_at
from .definition import END, ConversationFlow
from .keeping import copied, marks_in
from .run import FlowRun, step_of

if TYPE_CHECKING:
    from ..manager import ConversationManager

__all__ = ["resumed_run"]

NodeTree = Tree[ConversationNode]


async def resumed_run(
    flow: ConversationFlow,
    manager: ConversationManager,
    run_id: str | None,
    context: Mapping[str, Any] | None = None,
    *,
    cell: str | None = None,
) -> FlowRun:
    """The run of ``flow`` on the way to the current node; see `ConversationFlow.resume`.

    An answer that was cut counts as none. Where the answer is there and the way on was not decided, the conditions are
    asked again.
    """
    await manager.refresh()
    nodes = _nodes(flow, manager, run_id)
    first = nodes[0].data.metadata
    run = FlowRun(flow, manager, {}, run_id=first["flow_run"], cell=cell)
    lost: list[str] = []
    for tree in nodes:
        if tree.data.role == "assistant":
            run.answer = tree if tree.data.state == "complete" else None
        else:
            lost = _enter(run, tree)
    run.resumed_with = run.answer
    _decide(run)
    _give(run, context or {}, lost)
    return run


def _decide(run: FlowRun) -> None:
    """Let a run whose way on from its last answer is known go that way; it has ended, if that leads to the end."""
    question, answer = run.question, run.answer
    if question is None or answer is None:
        return
    if run.flow.ends_after(run.state):
        run.decided = Decided(None, END)
    else:
        run.decided = decided_at(run.manager, run.run_id, answer, run.flow.states[run.state])
    if run.decided is not None and (run.decided.transition is None or run.flow.is_end(run.decided.target)):
        run.steps.append(step_of(run, question, answer, run.decided))
        run.status, run.question, run.answer, run.decided = "ended", None, None, None


def _give(run: FlowRun, context: Mapping[str, Any], lost: list[str]) -> None:
    """Add what the caller gives to what was kept; all that could not be kept must be among it."""
    missing = [name for name in lost if name not in set(map(str, context))]
    if missing and run.status != "ended":
        names = ", ".join(map(repr, missing))
        given = ", ".join(f"{name!r}: …" for name in missing)
        line = " ".join(f"{name}=…" for name in missing)
        raise _error(
            run.flow,
            run.state,
            f"its context held {names}, which is no JSON data and could not be kept.",
            hint=f"Give it anew:  flow.resume(manager, context={{{given}}}), in a notebook  %%flow --go-on {line}",
        )
    run.context |= context


def _enter(run: FlowRun, question: NodeTree) -> list[str]:
    """Bring the run from its last state to the one where ``question`` was asked; names of what was not kept there."""
    told = marks_in(question.data.metadata)
    if told is None:
        raise _error(run.flow, run.state, f"no run wrote what the metadata of node {question.data.node_id!r} says.")
    if told.state not in run.flow.states:
        near = did_you_mean(told.state, run.flow.states)
        raise _error(run.flow, told.state, f"it has no state {told.state!r} any more.{near}")
    if run.question is not None and run.answer is not None:
        run.steps.append(step_of(run, run.question, run.answer, Decided(told.via, told.state, told.via_usd)))
    run.state = told.state
    run.loops[run.state] += 1
    initial = run.flow.initial_context
    run.context = {**{name: copied(initial[name]) for name in told.initial if name in initial}, **told.context}
    run.said = told.said
    run.question, run.answer = question, None
    return [*told.lost, *(name for name in told.initial if name not in initial)]


def _nodes(flow: ConversationFlow, manager: ConversationManager, run_id: str | None) -> list[NodeTree]:
    """The nodes of the run, oldest first."""
    found: list[NodeTree] = []
    for tree in manager.state.current.upward():
        told = tree.data.metadata
        found_id = told.get("flow_run")
        if told.get("flow") != flow.name or not isinstance(found_id, str) or found_id != (run_id or found_id):
            continue
        run_id = found_id
        found.append(tree)
        if told.get("flow_step") == 1 and tree.data.role != "assistant":
            return found[::-1]
    which = "no run" if run_id is None else f"no run {run_id!r}"
    raise _error(flow, flow.initial_state, f"the way to the current node holds {which} of it.")


def _error(flow: ConversationFlow, state: str, what: str, hint: str | None = None) -> FlowError:
    return FlowError(
        f"The flow {flow.name!r} cannot be resumed here: {what}",
        flow=flow.name,
        state=state,
        reason="state",
        hint=hint or "Go to a node of the run, or begin anew:  flow.start(manager)",
    )
