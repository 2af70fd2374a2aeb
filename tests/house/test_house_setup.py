"""The way from a clone to a working environment, where it is not a matter of downloads."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from house_files import ROOT

SETUP = ROOT / ".ci" / "setup"


def _program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path):
    """A folder of programs that is all a machine has, and a function that runs the set-up there."""
    for tool in ("dirname", "sh"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / tool).symlink_to(found)

    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(tmp_path), **environment}
        return subprocess.run([str(tmp_path / "sh"), str(SETUP)], env=env, capture_output=True, text=True, check=False)

    return tmp_path, run


def test_a_python_that_is_too_old_gets_one_sentence(machine):
    """The sentence says what is needed, what there is, and how to point at another one."""
    folder, run = machine
    _program(folder, "python3", 'case "$1" in --version) echo Python 3.8.18 ;; *) exit 1 ;; esac')
    done = run()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "dknb needs Python 3.11 or later, and this machine has Python 3.8.18. "
        "Install a newer one, or say where it is: make PYTHON=/path/to/python3\n"
    )


def test_no_python_gets_the_same_sentence(machine):
    """Without any Python the sentence says so."""
    _, run = machine
    assert "and this machine has no python3." in run().stderr


def test_a_newer_python_beside_an_old_one_is_found(machine):
    """An old `python3` (or a shim that fails) does not hide a `python3.12`."""
    folder, run = machine
    _program(folder, "python3", "exit 1")
    _program(folder, "python3.12", 'case "$1" in -c) exit 0 ;; *) echo "it runs $1" ;; esac')
    assert run().stdout == f"it runs {ROOT}/.ci/bootstrap.py\n"


def test_a_python_that_is_named_is_taken(machine):
    """`make PYTHON=...` wins over what lies in PATH."""
    folder, run = machine
    for name in ("python3", "mine"):
        _program(folder, name, f'case "$1" in -c) exit 0 ;; *) echo "{name}" ;; esac')
    assert run(PYTHON=str(folder / "mine")).stdout == "mine\n"


def test_continuous_integration_runs_the_readmes_command_and_nothing_else():
    """`.ci/run` is `make test`, which the README names too."""
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert lines == ["set -euo pipefail", 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', "exec make test"]
    assert "make test" in (ROOT / "README.md").read_text()
