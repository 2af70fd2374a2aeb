"""``dknb lab``: which notebook, and JupyterLab on it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from ..errors import ConfigError, MissingExtra, did_you_mean

__all__ = ["FIRST_NOTEBOOK", "choose_notebook", "open_lab"]

#: Where a newcomer begins.
FIRST_NOTEBOOK = Path("notebooks", "00_quickstart.ipynb")


def choose_notebook(wanted: Path | None) -> Path | None:
    """The notebook to open: the one asked for, else the project's first; None when it has none.

    Raises:
        ConfigError: There is no such notebook.
    """
    if wanted is None:
        from ..conversations.project import find_project

        first = find_project().root / FIRST_NOTEBOOK
        return first if first.is_file() else None
    if not wanted.is_file():
        beside = [path.name for path in wanted.parent.glob("*.ipynb")] if wanted.parent.is_dir() else []
        raise ConfigError(
            f"There is no notebook {str(wanted)!r}.{did_you_mean(wanted.name, beside)}",
            hint=f"In {wanted.parent.resolve()} there are: {', '.join(sorted(beside)) or 'none'}",
        )
    return wanted


def open_lab(notebook: Path | None) -> NoReturn:
    """Become JupyterLab, on the notebook if there is one.

    Raises:
        MissingExtra: JupyterLab is not installed.
    """
    if find_spec("jupyterlab") is None:
        raise MissingExtra("jupyterlab is not installed.", hint='Install it with:  pip install "dknb[lab]"')
    # Without the option JupyterLab asks a newcomer, first of all, whether to fetch its news.
    command = [sys.executable, "-m", "jupyterlab", "--LabApp.news_url=None"]
    if notebook is not None:
        command.append(str(notebook))
    sys.stdout.flush()
    if os.name == "posix":
        if os.geteuid() == 0:
            command.append("--allow-root")  # in a container there is often nobody else
        # Not a child: Ctrl-C must reach JupyterLab's own question and nobody else.
        os.execv(sys.executable, command)
    sys.exit(subprocess.run(command, check=False).returncode)
