"""How far a run is: a bar with rate, price so far and time left, and a line before it and after it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from html import escape
from typing import Any

from ..._text import printable
from ..amounts import counted, money

__all__ = ["Progress"]

#: Seconds between two updates of what is written beside the bar.
_INTERVAL = 0.25
#: A quiet line like the others below a cell, in which dollars are no mathematics.
_QUIET = 'class="mathjax_ignore tex2jax_ignore" style="color:var(--jp-ui-font-color2, #616161);font-size:90%"'


class Progress:
    """The display of a run; nothing is shown where it is not wanted.

    In a notebook the bar is a widget, which gives its place to a line of text at the end: a saved notebook has no widget
    that nobody can draw.

    Args:
        name: What stands before the bar.
        wanted: Whether to show anything.
        say: Shows a line of text.

    Attributes:
        wanted: Whether anything is shown.
    """

    def __init__(self, name: str, *, wanted: bool, say: Callable[[str], None]) -> None:
        self._name, self.wanted, self._say = name, wanted, say
        self._bar: Any = None
        self._place: Any = None
        self._spent, self._unknown, self._errors = 0.0, 0, 0
        self._began = self._told_at = time.monotonic()

    def tell(self, text: str) -> None:
        """Show a line."""
        if self.wanted and text:
            self._say(text)

    def begin(self, total: int, done: int) -> None:
        """Show the bar, with ``done`` of ``total`` trials behind it."""
        self._began = time.monotonic()
        if not self.wanted or done >= total:
            return
        from tqdm.auto import tqdm  # type: ignore[import-untyped]

        facts: dict[str, Any] = {"total": total, "initial": done, "desc": self._name, "unit": " trials"}
        facts |= {"dynamic_ncols": True, "leave": False, "mininterval": _INTERVAL}
        if not _is_widget(tqdm):
            self._bar = tqdm(**facts)
            return
        from IPython.display import display

        self._bar = tqdm(display=False, **facts)
        self._place = display(self._bar.container, display_id=True)  # type: ignore[no-untyped-call]

    def ended(self, cost_usd: float | None, *, failed: bool) -> None:
        """One more trial is done, for so many US dollars; None where nobody knows."""
        self._errors += failed
        if cost_usd is not None:
            self._spent += cost_usd
        elif not failed:
            self._unknown += 1
        with suppress(Exception):  # a bar that cannot be drawn must not stop what it is about
            self._draw()

    def _draw(self) -> None:
        if self._bar is None:
            return
        now = time.monotonic()
        if now - self._told_at > _INTERVAL:
            self._told_at = now
            self._bar.set_postfix_str(self.spent(), refresh=False)
        self._bar.update()

    def spent(self) -> str:
        """The price so far, and how many trials failed."""
        unknown = f" + {self._unknown:,} of unknown price" if self._unknown else ""
        errors = f", {counted(self._errors, 'error')}" if self._errors else ""
        return f"{money(self._spent)}{unknown}{errors}"

    @property
    def seconds(self) -> float:
        """How long the calls have been going on."""
        return time.monotonic() - self._began

    def close(self, text: str) -> None:
        """Take the bar away, and say how it ended."""
        bar, self._bar = self._bar, None
        place, self._place = self._place, None
        if bar is not None:
            with suppress(Exception):  # a widget that cannot be taken away must not cost what the run has brought
                bar.close()
        if place is None:
            self.tell(text)
            return
        with suppress(Exception):
            for widget in (*bar.container.children, bar.container):
                widget.layout.close()
                widget.close()
        place.update(
            {"text/plain": printable(text), "text/html": f"<div {_QUIET}>{escape(printable(text))}</div>"}, raw=True
        )


def _is_widget(kind: type) -> bool:
    """Whether a bar of that kind is a widget of a notebook."""
    return any(base.__module__ == "tqdm.notebook" for base in kind.__mro__)
