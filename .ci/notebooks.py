"""Run the notebooks and keep what they show: `make notebooks`, when that has changed on purpose.

They run as `make test` runs them, one kernel each, in a project of their own.
"""

from __future__ import annotations

import os
import shutil
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from project_copy import ROOT, project_copy


def main() -> int:
    """Run them all; those that ran without an error are saved."""
    os.environ.pop("JPY_SESSION_NAME", None)
    os.environ["DKNB_STREAM"] = "0"  # nbval does not see that a display was updated
    failed = 0
    with project_copy() as project:
        for path in sorted((project / "notebooks").glob("*.ipynb")):
            notebook = nbformat.read(path, as_version=4)
            resources = {"metadata": {"path": str(path.parent)}}
            client = NotebookClient(notebook, resources=resources, store_widget_state=False, record_timing=False)
            try:
                client.execute()
            except CellExecutionError as error:
                print(f"{path.name} was not saved, a cell failed:\n{error}", file=sys.stderr)
                failed = 1
                continue
            nbformat.write(notebook, path)
            shutil.copy(path, ROOT / "notebooks" / path.name)
            print(f"saved notebooks/{path.name}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
