"""``dknb lab --execute``: run a notebook without a browser."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _sync
from .._lazy import extra
from ..conversations.project import find_project
from ..errors import ConfigError, DknbError

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["execute"]

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def execute(notebook: Path | None, *, then: str | None = None) -> Path:
    """Run a notebook from top to bottom in its own folder.

    Args:
        notebook: The notebook.
        then: The source of one cell more, at the end.

    Returns:
        Where the notebook with its outputs lies: ``.dknb/executed`` of its project. It is there after an error too.

    Raises:
        ConfigError: There is no notebook, or the file is none.
        DknbError: A cell failed, or the kernel died.
        MissingExtra: What runs notebooks is not installed.
    """
    if notebook is None:
        raise ConfigError("This project has no notebooks/00_quickstart.ipynb.", hint="Name one:  dknb lab NOTEBOOK")
    with extra("lab"):
        import nbclient  # noqa: F401 - installed at all?
        import nbformat
    path = notebook.resolve()
    content = _read(path)
    if then is not None:
        content.cells.append(nbformat.v4.new_code_cell(then))
    target = _folder(find_project(path.parent).root) / path.name
    try:
        _run(content, path)
    finally:
        nbformat.write(content, target)
    return target


def _folder(project: Path) -> Path:
    """Where results go; like the store beside it, nothing to be committed."""
    folder = project / ".dknb" / "executed"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error}", hint="Run it where you may write") from error
    return folder


def _read(path: Path) -> NotebookNode:
    import nbformat

    try:
        content: NotebookNode = nbformat.read(path, as_version=4)
    except (OSError, UnicodeDecodeError, ValueError, nbformat.ValidationError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"{path.name} is not a notebook: {first[:200]}") from error
    return content


def _run(content: NotebookNode, path: Path) -> None:
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    client = NotebookClient(
        content,
        timeout=None,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],
    )
    try:
        # A kernel knows its notebook by the name of its session, as JupyterLab gives it.
        _sync.run(client.async_execute(env={**os.environ, "JPY_SESSION_NAME": str(path)}))
    except CellExecutionError as error:
        raise _failure(content, path) from error
    except DeadKernelError as error:
        raise DknbError(f"{path.name}: the kernel died.", hint="Run it in JupyterLab to see at which cell") from error
    except NoSuchKernel as error:
        raise DknbError(
            f"{path.name} asks for the kernel {error.name!r}, which is not installed.",
            hint="See what there is:  jupyter kernelspec list",
        ) from error


def _failure(content: NotebookNode, path: Path) -> DknbError:
    """The error that a cell ended with, in a line of what and perhaps one of what to do."""
    for number, cell in enumerate(content.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                what, hint = _lines(output)
                return DknbError(f"{path.name}, cell {number}: {what}", hint=hint)
    return DknbError(f"{path.name}: a cell failed.", hint="Run it in JupyterLab to see which")


def _lines(output: Any) -> tuple[str, str | None]:
    shown = [_COLOUR.sub("", line) for line in output.traceback]
    if shown and shown[0].startswith("dknb: "):
        return shown[0].removeprefix("dknb: "), shown[1] if len(shown) > 1 else None
    return f"{output.ename}: {output.evalue}".splitlines()[0], None
