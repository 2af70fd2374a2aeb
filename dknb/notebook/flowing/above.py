"""The run that ``%%flow --go-on`` goes on with: the one above the cell, else the conversation's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..._sync import run
from ...errors import MagicError
from ..asking import Question, Talk
from ..live import show
from ..places import Node
from ..views.text import note
from ..views.tree import node_label

__all__ = ["flow_above", "with_run_above"]


def flow_above(node: Node) -> str | None:
    """The flow whose run the way to ``node`` holds."""
    told = (above.data.metadata.get("flow") for above in node.upward())
    return next((str(title) for title in told if title is not None), None)


def with_run_above(talk: Talk, question: Question, title: str | None) -> Question:
    """The question at a place with a run of ``title`` (of any flow, if None) above, and say so where that is elsewhere.

    A new kernel stands at the top, and has no run above: it goes on with the run that the conversation was left in, or that
    one of its branches ends in.

    Raises:
        MagicError: There is none of any flow.
    """
    run(talk.refresh())
    if _holds(talk.places.parent(talk.place_for(question)), title):
        return question
    if question.source is None:
        for ref, node in _ends(talk):
            if _holds(node, title):
                show(
                    note(
                        f"there is no run above in this kernel: going on with the one at node {node_label(node)}, {ref}"
                    )
                )
                return replace(question, source=ref)
    if title is not None:
        return question  # the flow itself says what is missing
    raise MagicError(
        "%%flow: there is no run above to go on with.",
        hint="Begin one:  %%flow NAME  or say where it is:  --from NODE|BRANCH",
    )


def _holds(node: Node, title: str | None) -> bool:
    found = flow_above(node)
    return found is not None and title in (None, found)


def _ends(talk: Talk) -> Iterator[tuple[str, Node]]:
    """Where the conversation was left, then its branches, those that moved last first."""
    branches = [branch for branch in talk.manager.state.branches.values() if not branch.deletion]
    if talk.left_at is not None:
        node, name = talk.left_at
        ends = any(branch.name == name and branch.head is node for branch in branches)
        if not any(above.data.hidden for above in node.upward()):
            yield name if ends and name is not None else node.data.node_id, node
    for branch in sorted(branches, key=lambda branch: branch.updated_at, reverse=True):
        yield branch.name, talk.head(branch.name)
