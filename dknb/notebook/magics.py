"""The magics: each parses its line, calls one function, and shows what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.completer import CompletionContext, context_matcher
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Bool

from ..errors import Interrupted
from .branching import BRANCH_HELP, branch_line
from .chatting import CHAT, RESUME, chat_cell, chat_line
from .control import CONTROL_HELP, control_line
from .experimenting.magic import EXPERIMENT, EXPERIMENTS, experiment_cell, experiment_line
from .flowing.magic import FLOW, FLOWS, flow_cell, flow_line
from .live import show
from .prompting.cell import PROMPT, prompt_cell, prompt_line
from .prompting.magic import PROMPTS_HELP, prompts_line
from .session import Session
from .views.text import note

__all__ = ["DknbMagics"]


@contextmanager
def stoppable() -> Iterator[None]:
    """Around a magic's work: the stop button ends it with one line instead of a traceback."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted("interrupted.") from None


def asks_for_help(line: str) -> bool:
    """Whether a line asks how its magic is used."""
    return line.strip() in ("-h", "--help", "help", "?")


def _matcher(session: Session) -> Callable[[CompletionContext], Any]:
    """What IPython asks for completions; what answers is loaded at the first Tab."""

    @context_matcher()  # type: ignore[untyped-decorator]
    def dknb_matcher(context: CompletionContext) -> dict[str, Any]:
        from .completion import completions

        return completions(session, context)

    matcher: Callable[[CompletionContext], Any] = dknb_matcher
    return matcher


@magics_class
class DknbMagics(Magics):
    """Prompts and conversations in cells."""

    stream = Bool(True, help="Show answers while they arrive.").tag(config=True)

    def __init__(self, shell: InteractiveShell, **kwargs: Any) -> None:
        super().__init__(shell, **kwargs)
        self.session = Session(shell.user_ns, streams=lambda: bool(self.stream), next_cell=self._next_cell)
        self.complete = _matcher(self.session)
        self._cell_id: str | None = None
        self._turns = 0

    def before_cell(self, info: Any) -> None:
        """Note which cell runs; IPython tells it before each."""
        self._cell_id = getattr(info, "cell_id", None)
        self._turns = 0

    def _next_cell(self) -> str | None:
        """Who asks: the cell's id, with a number where one run of a cell asks more than once."""
        self._turns += 1
        if self._cell_id is None or self._turns == 1:
            return self._cell_id
        return f"{self._cell_id}#{self._turns}"

    def _tell_changes(self) -> None:
        """Say in one line which prompts were edited since they were read."""
        from .prompting.listing import changes_told

        if told := changes_told(self.session):
            show(note(told))

    @no_var_expand
    @line_cell_magic
    def chat(self, line: str, cell: str | None = None) -> None:
        """Ask the model (%%chat), or say where the conversation stands (%chat)."""
        with stoppable():
            self._tell_changes()
            if asks_for_help(line):
                show(note(str(DknbMagics.chat.__doc__)))
            elif cell is None:
                chat_line(self.session, line)
            else:
                chat_cell(self.session, self.shell, line, cell)

    @no_var_expand
    @line_cell_magic
    def prompt(self, line: str, cell: str | None = None) -> None:
        """Render a prompt template of the cell (%%prompt) or of the library (%prompt)."""
        with stoppable():
            self._tell_changes()
            if asks_for_help(line):
                show(note(str(DknbMagics.prompt.__doc__)))
            elif cell is not None:
                prompt_cell(self.session, self.shell, line, cell)
            else:
                prompt_line(self.session, self.shell, line)

    @no_var_expand
    @line_cell_magic
    def flow(self, line: str, cell: str | None = None) -> None:
        """Run a flow of the library (%%flow), or show the flows (%flow)."""
        with stoppable():
            self._tell_changes()
            if asks_for_help(line):
                show(note(str(DknbMagics.flow.__doc__)))
            elif cell is None:
                flow_line(self.session, line)
            else:
                flow_cell(self.session, self.shell, line, cell)

    @no_var_expand
    @line_cell_magic
    def experiment(self, line: str, cell: str | None = None) -> None:
        """Run an experiment (%%experiment), or show what the store has of them (%experiment)."""
        with stoppable():
            self._tell_changes()
            if asks_for_help(line):
                show(note(str(DknbMagics.experiment.__doc__)))
            elif cell is None:
                experiment_line(self.session, line)
            else:
                experiment_cell(self.session, line, cell)

    @no_var_expand
    @line_magic
    def prompts(self, line: str) -> Any:
        """List, show, compare, edit and check the prompts of the library."""
        with stoppable():
            self._tell_changes()
            if asks_for_help(line):
                return show(note(PROMPTS_HELP))
            return prompts_line(self.session, self.shell, line)

    @no_var_expand
    @line_magic
    def branch(self, line: str) -> Any:
        """Show and change the branches of the conversation."""
        with stoppable():
            if asks_for_help(line):
                return show(note(BRANCH_HELP))
            return branch_line(self.session, self.shell, self._cell_id, line)

    @no_var_expand
    @line_magic
    def dknb(self, line: str) -> None:
        """Show what is set, and set it."""
        with stoppable():
            if asks_for_help(line):
                show(note(CONTROL_HELP))
            else:
                control_line(self.session, line)


DknbMagics.chat.__doc__ = f"{CHAT.format_help()}\n{RESUME.format_help()}"
DknbMagics.flow.__doc__ = f"{FLOW.format_help()}\n{FLOWS.format_help()}"
DknbMagics.experiment.__doc__ = f"{EXPERIMENT.format_help()}\n{EXPERIMENTS.format_help()}"
DknbMagics.prompt.__doc__ = PROMPT.format_help()
DknbMagics.prompts.__doc__ = PROMPTS_HELP
DknbMagics.branch.__doc__ = BRANCH_HELP
DknbMagics.dknb.__doc__ = CONTROL_HELP
