"""``label(result)``: a widget in which one labels answers with the keys 1 to 5."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, DknbError
from ...experiments.scoring.labels import HumanLabels, LabelTask
from ..extension import session_here
from ..views.labels import labels_bundle

if TYPE_CHECKING:
    from ipywidgets import Widget  # type: ignore[import-untyped]

__all__ = ["Labelling", "label"]

_NAME = re.compile(r"[\w.-]+")
_UNDO, _SKIP = "u", "s"


def label(trials: Any, name: str = "labels", **options: Any) -> Labelling:
    """A widget to label the answers of an experiment, blind to what gave them, in a shuffled order.

    Labels are written as they are given, to ``.dknb/labels/NAME.jsonl`` of the project; the same call goes on there.

    Args:
        trials: The result of an experiment, or a frame of trials.
        name: Of the labels.
        **options: As for `HumanLabels`: ``scale``, ``annotator``, ``question``, ``most``, ``seed``.

    Raises:
        ConfigError: It has no trials, or an option is wrong.
    """
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise ConfigError(f"{name!r} is no name for labels.", hint="Use letters, digits, - and _")
    path = session_here().project.root / ".dknb" / "labels" / f"{name}.jsonl"
    return Labelling(HumanLabels(trials, path, **options))


class Labelling:
    """Answers one by one, each with a button for every label; keys do the same.

    What is typed into the field for keys: 1 to 5 labels, ``u`` takes the last label back, ``s`` leaves an answer for later.
    Question and answer are shown as text. In a saved notebook the widget is a table of how far one got.

    Attributes:
        labels: The labels; ``labels.set(4)`` does what a button does.
        task: What is shown; None when all are labelled.
        widget: The widget, to be put into a layout of one's own.
    """

    def __init__(self, labels: HumanLabels) -> None:
        self.labels = labels
        self.task: LabelTask | None = None
        # Handlers of widgets may run on another thread than the cell that runs.
        self._lock = threading.RLock()
        self._later: list[str] = []
        self._typed = ""
        self._made_widget()
        self._show(self._next())

    def give(self, value: int) -> None:
        """Label what is shown, and show the next one."""
        with self._lock:
            if self.task is not None and self._told(lambda task=self.task: self.labels.set(value, number=task.number)):
                self._show(self._next())

    def undo(self) -> None:
        """Take back the last label, and show its answer again."""
        with self._lock:
            taken: list[LabelTask | None] = []
            if self._told(lambda: taken.append(self.labels.undo())) and taken[0] is not None:
                self._show(taken[0])

    def skip(self) -> None:
        """Leave what is shown for later."""
        with self._lock:
            if self.task is not None:
                self._later.append(self.task.key)
                self._show(self._next())

    def _told(self, work: Any) -> bool:
        """Whether it could be done; else what was in the way is shown."""
        try:
            work()
        except DknbError as error:
            self._note.value = f"{error} {error.hint or ''}".strip()
            return False
        return True

    def _next(self) -> LabelTask | None:
        """The first one without a label that was not left for later; then those that were."""
        left = [task for task in self.labels.tasks if self.labels.label_of(task) is None]
        if left and all(task.key in self._later for task in left):
            self._later.clear()
        return next((task for task in left if task.key not in self._later), None)

    def _show(self, task: LabelTask | None) -> None:
        self.task = task
        self._question.value = "" if task is None else task.question
        self._answer.value = "All are labelled." if task is None else task.output
        self._note.value = f"{self.labels.labelled:,} of {len(self.labels):,} labelled"

    def _key(self, change: Any) -> None:
        """What was typed since the last time; the field is never emptied, since somebody may be typing into it."""
        with self._lock:
            typed, before = str(change["new"]), self._typed
            self._typed = typed
            for key in typed[len(before) :] if typed.startswith(before) else "":
                if key.lower() == _UNDO:
                    self.undo()
                elif key.lower() == _SKIP:
                    self.skip()
                elif key.isdecimal() and 1 <= int(key) <= self.labels.scale:
                    self.give(int(key))

    def _made_widget(self) -> None:
        from ipywidgets import Button, HBox, Label, Layout, Text, Textarea, VBox

        wide = Layout(width="100%")
        # Fields of text: nothing in a question or an answer can be HTML there.
        self._question: Widget = Textarea(disabled=True, rows=3, layout=wide)
        self._answer: Widget = Textarea(disabled=True, rows=12, layout=wide)
        self._note: Widget = Label()
        self._keys: Widget = Text(placeholder=f"keys: 1-{self.labels.scale}, u, s", continuous_update=True)
        self._keys.observe(self._key, names="value")
        buttons = []
        for value in range(1, self.labels.scale + 1):
            button = Button(description=str(value), layout=Layout(width="3em"))
            button.on_click(lambda _, value=value: self.give(value))
            buttons.append(button)
        for text, tip, work in (("Undo", "take the last label back (u)", self.undo), ("Skip", "later (s)", self.skip)):
            button = Button(description=text, tooltip=tip, layout=Layout(width="5em"))
            button.on_click(lambda _, work=work: work())
            buttons.append(button)
        self.widget: Widget = VBox([self._note, self._question, self._answer, HBox([*buttons, self._keys])])

    def _ipython_display_(self) -> None:
        from IPython.display import display

        bundle = {**self.widget._repr_mimebundle_(), **labels_bundle(self.labels)}
        display(bundle, raw=True)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"Labelling({self.labels!r})"
