"""Loading dknb into IPython and out of it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .session import Session

__all__ = ["current_session", "load", "session_here", "unload"]

_BARE = re.compile(r"^(get_ipython\(\)\.run_cell_magic\('(?:chat|prompt|flow|experiment)', .*, )''\)$", re.MULTILINE)
_CELLS = ("chat", "prompt", "flow", "experiment")
_NAMES = {"line": (*_CELLS, "prompts", "branch", "dknb"), "cell": _CELLS}


def with_body(lines: list[str]) -> list[str]:
    """Give a cell magic of ours without a body a blank one.

    IPython refuses an empty cell magic with an error that tools like nbval take for success; ours is seen. It is done
    to the Python that the cell became: done to the cell, a terminal would take the first line for the whole.
    """
    return [_BARE.sub(r"\1'\\n')", line) for line in lines]


def load(shell: InteractiveShell) -> None:
    """Register the magics; a second time, in place of the first."""
    from ..experiments.surroundings import surround
    from .experimenting.here import KernelSurroundings
    from .magics import DknbMagics

    magics = DknbMagics(shell)  # first: where it fails, the old one stays
    unload(shell)
    shell.register_magics(magics)
    shell.events.register("pre_run_cell", magics.before_cell)
    shell.input_transformers_post.append(with_body)
    shell.Completer.custom_matchers.append(magics.complete)
    surround(lambda: KernelSurroundings(magics.session))


def unload(shell: InteractiveShell) -> None:
    """Take the magics out, and let go of what they hold."""
    from ..experiments.surroundings import surround

    surround(None)
    magics = shell.magics_manager.registry.pop("DknbMagics", None)
    if magics is None:
        return
    for kind, names in _NAMES.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    shell.events.unregister("pre_run_cell", magics.before_cell)
    shell.input_transformers_post.remove(with_body)
    shell.Completer.custom_matchers.remove(magics.complete)
    magics.session.close()


def current_session() -> Session | None:
    """The session of this kernel, where the extension is loaded."""
    from IPython import get_ipython

    shell = get_ipython()
    magics = None if shell is None else shell.magics_manager.registry.get("DknbMagics")
    session: Session | None = None if magics is None else magics.session
    return session


def session_here() -> Session:
    """The session of this kernel, or one of this script."""
    return current_session() or _script_session()


@cache
def _script_session() -> Session:
    from .session import Session

    return Session({})
