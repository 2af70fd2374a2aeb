"""``%%flow``: run a flow, show its states as they are entered, and at the end its steps and the way that it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import MagicError, PromptError
from ..arguments import LineParser, split_pairs
from ..asking import Question
from ..live import show
from ..prompting.finding import known_prompts
from ..session import Session
from ..views.table import table_bundle
from ..views.text import note
from .above import flow_above, with_run_above
from .finding import find_flow, flow_called, known_flows
from .values import context_of, refuse_missing

if TYPE_CHECKING:
    from ...conversations.flow import ConversationFlow, FlowRun
    from ...conversations.manager import ConversationManager
    from ..views.flow import ShownFlow

__all__ = ["FLOW", "FLOWS", "flow_cell", "flow_line"]

FLOW = LineParser(
    "%%flow", "Run a flow of the library; the cell's text is what the user says in the first state that waits for it."
)
FLOW.add_argument("words", nargs="*", metavar="NAME | key=value", help="the flow, and values for its prompts")
FLOW.add_argument("--go-on", action="store_true", help="go on with the run above: it waits, or was stopped")
FLOW.add_argument("--name", metavar="CONVERSATION", help="the conversation to run in from now on")
FLOW.add_argument("--from", dest="source", metavar="NODE|BRANCH", help="run below this node, or at this branch's end")
FLOW.add_argument("--branch", metavar="NAME", help="the branch that the steps go to; made if there is none")
FLOW.add_argument("--model", metavar="SPEC", help="the model for this cell: openai/gpt-5.4-mini")
FLOW.add_argument("--as", dest="bind", metavar="VAR", help="bind the result to a variable (also: >> VAR)")

FLOWS = LineParser("%flow", "List the flows of the library; with a name, show the states of one.")
FLOWS.add_argument("flow", nargs="?", metavar="NAME")


def flow_cell(session: Session, shell: Any, line: str, body: str) -> ShownFlow:
    """Run a ``%%flow`` cell.

    Raises:
        MagicError: The line does not parse, the flow begins with words and there are none, or it has no use for a value.
        MissingParameters: A prompt of the flow needs a value that nothing gives it.
        PromptError: There is no such flow, or its file or a prompt of it is broken.
        FlowError: No way leads on, or there is no run to go on with; what was said is stored.
        ProviderError: A call failed.
        Interrupted: The user stopped it.
    """
    from .showing import show_run

    options = FLOW.parse(line)
    words, given = split_pairs(options.words, read=str)
    if len(words) > 1:
        raise MagicError(f"%%flow: one flow at a time, not {' '.join(words)!r}.", hint="Values are key=value")
    text = body.removesuffix("\n")
    flow = find_flow(session, words[0]) if words else None
    if not options.go_on:
        flow = _checked(session, flow, text)
        refuse_missing(session, flow, context_of(session, flow, given))
    question = Question(text, session.next_cell(), options.source, options.branch)
    with session.conversation_named(options.name or session.home_of(question.cell)):
        talk = session.talk()
        if options.go_on:
            question = with_run_above(talk, question, None if flow is None else flow.name)

        async def begun(manager: ConversationManager) -> FlowRun:
            if options.go_on:
                return await _resumed(session, manager, flow, given, question)
            assert flow is not None
            return flow.start(manager, context_of(session, flow, given), cell=question.cell)

        return show_run(session, shell, talk, question, begun, session.model(options.model, {}), options.bind)


def _checked(session: Session, flow: ConversationFlow | None, text: str) -> ConversationFlow:
    """The flow to begin, if the cell says what it needs, and nothing that no state would take."""
    if flow is None:
        known = ", ".join(known_flows(session)) or "none"
        raise MagicError(
            "%%flow: which one?", hint=f"%%flow NAME key=value, or %%flow --go-on.  Flows: {known} (see  %flow)"
        )
    if flow.states[flow.initial_state].waits and not text.strip():
        raise MagicError(
            f"%%flow: {flow.name!r} begins in {flow.initial_state!r} with what the user says.",
            hint="Write it below the %%flow line",
        )
    if text.strip() and not any(state.waits for state in flow.states.values()):
        raise MagicError(
            f"%%flow: no state of {flow.name!r} waits for the user: it has no use for the cell's text.",
            hint="Leave the cell empty below the line; values for prompts are key=value on it",
        )
    return flow


async def _resumed(
    session: Session,
    manager: ConversationManager,
    flow: ConversationFlow | None,
    given: Mapping[str, str],
    question: Question,
) -> FlowRun:
    title = flow.name if flow is not None else str(flow_above(manager.state.current))
    flow = flow or flow_called(session, title)
    context = context_of(session, flow, given)
    resumed = await flow.resume(manager, context=context, cell=question.cell)
    if resumed.status == "ended":
        raise MagicError(
            f"%%flow: the run of {title!r} above has ended.", hint=f"Begin another:  %%flow {title}  or say --from NODE"
        )
    return resumed


def flow_line(session: Session, line: str) -> None:
    """Run ``%flow``.

    Raises:
        PromptError: There is no such flow, or its file is broken.
    """
    name = FLOWS.parse(line).flow
    if name is not None:
        from ..views.flow import flow_bundle

        show(flow_bundle(find_flow(session, name)))
    elif not (names := known_flows(session)):
        show(note("The library has no flows. One is a file  flows/NAME.yaml  in a folder of prompts"))
    else:
        rows = [_row(session, name) for name in names]
        show(table_bundle(("flow", "states", "the user speaks in", "what it is for"), rows, title="flows"))


def _row(session: Session, name: str) -> tuple[str, str, str, str]:
    from ...conversations.flow.checking import faults, unknown_prompts

    try:
        flow = find_flow(session, name)
    except PromptError as error:
        return name, "", "", f"broken: {error}"
    if broken := [*faults(flow), *unknown_prompts(flow, known_prompts(session, ("user",)))]:
        return name, ", ".join(flow.states), "", f"cannot run: {broken[0]}"
    waiting = [state for state, told in flow.states.items() if told.waits]
    return name, ", ".join(flow.states), ", ".join(waiting), " ".join((flow.description or "").split())
