"""Flows: the states of one, a state on its way, and what came of a run."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from ...conversations.flow.definition import ConversationFlow
from ...conversations.flow.events import FlowEvent
from ...conversations.flow.result import FlowResult, FlowStep
from ...conversations.flow.ways import shown_times
from .table import table_bundle
from .text import chip, escape, money, note, one_line, printable, seconds, verbatim
from .tree import node_label

__all__ = ["ShownFlow", "entered_bundle", "flow_bundle", "left_bundle", "run_bundle", "status_of"]

_GO_ON = {
    "waiting": "waits for the user in {state!r}: answer in a cell  %%flow --go-on",
    "ready": "stopped in {state!r}: go on with  %%flow --go-on",
    "ended": "ended in {state!r}",
}


@dataclass(frozen=True, slots=True)
class ShownFlow(FlowResult):
    """What came of a run, which shows itself as a table of its steps and a picture of its way."""

    @classmethod
    def of(cls, result: FlowResult) -> Self:
        """The same result."""
        return cls(**{each.name: getattr(result, each.name) for each in fields(FlowResult)})

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return run_bundle(self)


def entered_bundle(event: FlowEvent) -> dict[str, str]:
    """A state that is entered: its name, and what the model is asked there."""
    loop = shown_times(event.loop)
    asked = printable(event.prompt)
    return {
        "text/plain": f"▸ {printable(event.state)}{loop}: {one_line(asked, 90)}",
        "text/html": verbatim(
            f'<details style="margin-top:6px"><summary>{chip(event.state + loop, strong=True)} '
            f'<span style="color:var(--jp-ui-font-color2, #616161);font-size:90%">{escape(one_line(asked, 110))}</span>'
            f'</summary><div style="white-space:pre-wrap;margin:4px 0 6px 16px">{escape(asked)}</div></details>'
        ),
    }


def left_bundle(step: FlowStep, *, answered: bool = True) -> dict[str, str]:
    """The line below a state's answer: its figures, and the way that is taken; only that where nothing was asked anew."""
    facts = [f"node {node_label(step.answer)}"]
    if answered:
        facts += [
            "tokens unknown" if step.tokens is None else f"{step.tokens:,} tokens",
            money(step.cost_usd),
            *([] if step.duration_s is None else [seconds(step.duration_s)]),
            *(["replayed"] if step.replayed else []),
        ]
    way = "" if step.transition is None else f"{step.state} → {step.target} ({step.transition})"
    return note(" · ".join([*facts, *([way] if way else [])]))


def run_bundle(result: FlowResult) -> dict[str, str]:
    """The steps of a run as a table, and its states as a picture with the way that was taken."""
    rows = [_step_row(step) for step in result.steps]
    head = ("step", "state", "the user said", "answer", "node", "tokens", "price", "way on")
    return _with_picture(head, rows, status_of(result), result.to_svg())


def status_of(result: FlowResult) -> str:
    """Where a run is, and how it is gone on with."""
    return f"{result.flow.name} · {_GO_ON[result.status].format(state=result.state)}"


def _step_row(step: FlowStep) -> tuple[str, ...]:
    return (
        str(step.number),
        step.state + shown_times(step.loop),
        one_line(step.user_input or "", 40),
        one_line(step.response, 60),
        node_label(step.answer),
        "" if step.tokens is None else f"{step.tokens:,}",
        money(step.cost_usd) + (" (replayed)" if step.replayed else ""),
        "ended" if step.transition is None else f"{step.transition} → {step.target}",
    )


def flow_bundle(flow: ConversationFlow) -> dict[str, str]:
    """The states of a flow, with what is asked in each and where it goes on, and a picture."""
    rows = [
        (
            name + (" (first)" if name == flow.initial_state else ""),
            state.prompt_name or one_line(state.template or "", 60),
            "waits" if state.waits else "",
            "ends"
            if flow.ends_after(name)
            else ", ".join(f"{way} → {target}" for way, target in state.transitions.items()),
        )
        for name, state in flow.states.items()
    ]
    about = f": {' '.join(flow.description.split())}" if flow.description else ""
    return _with_picture(("state", "prompt", "user", "way on"), rows, flow.name + about, flow.to_svg())


def _with_picture(head: Sequence[str], rows: Sequence[Sequence[str]], title: str, svg: str) -> dict[str, str]:
    bundle = table_bundle(head, rows, title=title)
    # As an image nothing in it can act, and no style of it reaches the page; a viewer that sanitises HTML keeps it.
    source = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    picture = (
        f'<details open><summary>picture</summary><img src="{source}" alt="{escape(title)}" '
        'style="max-width:100%"></details>'
    )
    return {**bundle, "text/html": bundle["text/html"] + picture}
