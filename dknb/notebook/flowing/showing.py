"""A run of a flow on display: each state as it comes, then the whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..._sync import Stream
from ...errors import DknbError, Interrupted
from ..asking import Question, Talk
from ..live import LiveAnswer
from ..replying import waiting_note
from ..session import Session
from ..views.flow import ShownFlow, entered_bundle, left_bundle, run_bundle, status_of
from ..views.text import note
from .turn import FlowTurn

if TYPE_CHECKING:
    from ...conversations.flow import FlowEvent, FlowRun
    from ...conversations.manager import ConversationManager
    from ...llm.config import LLMConfig

__all__ = ["show_run"]


def show_run(
    session: Session,
    shell: Any,
    talk: Talk,
    question: Question,
    make: Callable[[ConversationManager], Awaitable[FlowRun]],
    config: LLMConfig,
    bind: str | None,
) -> ShownFlow:
    """Run a flow, show what happens, and return what came of it, which is bound also where the run was stopped.

    Raises:
        FlowError: See `FlowTurn.events`, as for all else.
        Interrupted: The user stopped it; what had arrived is kept.
    """
    with talk.turn:
        talk.manager.llm = session.provider(config)
        turn = FlowTurn(talk, question, make)
        display = _Display(session, shell)
        waited = len(talk.manager.state.owed)
        try:
            with Stream(turn.events) as stream:
                for batch in stream.batches(display.pause):
                    for event in batch:
                        display.take(event, known_way=turn.known_way)
        except KeyboardInterrupt:
            _show_stopped(session, turn, display, bind)
            kept = "what had arrived is kept. Go on with  %%flow --go-on" if turn.has_asked else "nothing was asked."
            raise Interrupted(f"interrupted; {kept}") from None
        except DknbError:
            _show_stopped(session, turn, display, bind)
            display.tell(waiting_note(talk, 0))
            raise
        assert turn.run is not None
        shown = ShownFlow.of(turn.run.result())
        session.bind(bind, shown)
        display.note(run_bundle(shown))
        display.tell(waiting_note(talk, waited))
        if question.text.strip() and not turn.used:
            display.tell("no state waited for the user: the cell's text was not used")
        return shown


def _show_stopped(session: Session, turn: FlowTurn, display: _Display, bind: str | None) -> None:
    """Show what there is of a run that did not come to its end."""
    cut = turn.manager.last_answer
    display.cut(cut.data.message.content if cut is not None else None)
    if turn.run is not None and turn.run.steps:
        shown = ShownFlow.of(turn.run.result())
        session.bind(bind, shown)
        display.note(run_bundle(shown))
    elif turn.run is not None and turn.has_asked:
        display.tell(status_of(turn.run.result()))


class _Display:
    """The states of a run, each with its answer as it streams."""

    def __init__(self, session: Session, shell: Any) -> None:
        self._session = session
        self._shell = shell
        self._live: LiveAnswer | None = None

    def pause(self) -> float:
        """Seconds to wait before the next update."""
        return self._live.pause() if self._live is not None else 0.0

    def take(self, event: FlowEvent, *, known_way: bool) -> None:
        """Show what happened; with a ``known_way``, the cell above has shown how its answer is gone on from."""
        if event.kind == "entered":
            self.note(entered_bundle(event))
            self._live = self._new()
        elif event.piece is not None:
            self._live = self._live or self._new()  # a question of an earlier cell is asked again
            self._live.add(event.piece.delta, event.piece.reasoning)
        elif event.kind == "left" and event.step is not None:
            answered = self._live is not None
            self.cut(event.step.response if answered else None)
            if answered or not known_way:
                self.note(left_bundle(event.step, answered=answered))

    def cut(self, text: str | None) -> None:
        """End the answer that is on display, whole or not."""
        if self._live is not None:
            self._live.finish(text)
        self._live = None

    def note(self, bundle: dict[str, Any]) -> None:
        """Show something beside the answers."""
        self._new().note(bundle)

    def tell(self, text: str | None) -> None:
        """Show a line, if there is one to show."""
        if text is not None:
            self.note(note(text))

    def _new(self) -> LiveAnswer:
        return LiveAnswer(self._shell, stream=self._session.streams())
