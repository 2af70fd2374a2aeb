"""A project with copies of the notebooks, so that running them leaves nothing behind in the repository."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def project_copy() -> Iterator[Path]:
    """The folder of such a project: notebooks with their recordings, prompts, and no conversation yet."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        for part in ("notebooks", "prompts"):
            shutil.copytree(ROOT / part, project / part, ignore=shutil.ignore_patterns(".*"))
        (project / "pyproject.toml").touch()
        yield project
