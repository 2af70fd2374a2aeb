"""An answer that grows while it streams, in whatever front end there is."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from .markdown import answer_bundle
from .views.text import note, printable

__all__ = ["LiveAnswer", "show"]

_INTERVAL = 0.05
_LONGEST = 1.0
#: Characters of a thought that are shown while there is no answer yet.
_THOUGHTS = 160
#: Rendering may take at most this share of the time while an answer streams.
_SHARE = 0.1


class LiveAnswer:
    """The display of one answer: updated in place in a notebook, written on in a terminal, nowhere in a script.

    ``DKNB_STREAM=0`` in the environment shows it at the end, for tools that check notebooks: they miss updates.
    """

    def __init__(self, shell: Any, *, stream: bool) -> None:
        self.text = ""
        self._nowhere = shell is None
        self._in_notebook = getattr(shell, "kernel", None) is not None
        self._to_terminal = not (self._nowhere or self._in_notebook) and sys.stdout.isatty()
        self._stream = stream and os.environ.get("DKNB_STREAM", "1") != "0"
        self._handle: Any = None
        self._cost = 0.0
        self._shown: str | None = ""  # the answer on display; None while it is something else
        self._thoughts = ""

    def pause(self) -> float:
        """Seconds to wait before the next update: longer where showing the text takes longer."""
        return min(max(_INTERVAL, self._cost / _SHARE), _LONGEST)

    def add(self, text: str, reasoning: str = "") -> None:
        """Show more; of what the model thinks before it speaks, the newest line."""
        self.text += text
        self._thoughts = (self._thoughts + reasoning)[-_THOUGHTS:]
        if self._to_terminal:
            sys.stdout.write(printable(text))
            sys.stdout.flush()
        elif self._stream and self._in_notebook and (text or (reasoning and not self.text)):
            self._show()

    def finish(self, text: str | None = None) -> None:
        """Show the whole answer, which is ``text`` where that is given."""
        if text is not None:
            self.text = text
        if self._to_terminal:
            sys.stdout.write("\n")
        elif (self.text or self._handle is not None) and self.text != self._shown:
            self._show(ended=True)

    def note(self, bundle: dict[str, Any]) -> None:
        """Show something beside the answer."""
        if not self._nowhere:
            show(bundle)

    def _show(self, *, ended: bool = False) -> None:
        if self._nowhere:
            return
        from IPython.display import DisplayHandle

        started = time.perf_counter()
        answers = bool(self.text) or ended
        bundle = answer_bundle(self.text) if answers else note(f"thinking … {' '.join(self._thoughts.split())}")
        if self._handle is None:
            self._handle = DisplayHandle()  # type: ignore[no-untyped-call]
            self._handle.display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)
            self._cost = time.perf_counter() - started  # that of the first includes what has to be loaded
        self._shown = self.text if answers else None


def show(bundle: dict[str, Any]) -> None:
    """Display a MIME bundle."""
    from IPython.display import display

    display(bundle, raw=True)  # type: ignore[no-untyped-call]
