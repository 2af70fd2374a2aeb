"""Every check of the repository: `make test`. Runs in `.venv`, goes on after a failure, and counts at the end.

The last line is `N passed, N failed`: each test of pytest counts as one, and so does each of the other checks.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from project_copy import ROOT, project_copy

sys.path.insert(0, str(ROOT / "labextension"))

import toolchain

SOURCES = ["dknb", "tests", ".ci", "labextension/toolchain.py", "hatch_build.py"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Tally:
    """What has been counted so far."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, name: str, *, failed: bool) -> None:
        """Count one check."""
        self.passed += not failed
        self.failed += failed
        if failed:
            self.failures.append(name)


class Skipped(Exception):
    """Why a check cannot run here."""


def _title(name: str) -> None:
    print(f"\n== {name}", flush=True)


def _run(*command: str | Path, **environment: str) -> bool:
    parts = [str(part) for part in command]
    return subprocess.run(parts, cwd=ROOT, env={**os.environ, **environment}, check=False).returncode == 0


def _tool(name: str, *arguments: str) -> Callable[[], bool]:
    return lambda: _run(Path(sys.executable).with_name(name), *arguments)


def _typescript() -> bool:
    try:
        toolchain.install()
    except toolchain.ToolchainError as error:
        raise Skipped(f"its packages cannot be installed here: {error}") from error
    try:
        toolchain.check()
    except toolchain.ToolchainError as error:
        print(error)
        return False
    return True


def _wheel() -> bool:
    """Build the wheel, install it into a fresh environment as a user does, and try it there."""
    if not toolchain.is_built():
        raise Skipped("it carries the JupyterLab extension, which could not be built here")
    uv = Path(sys.executable).with_name("uv")
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder, "venv", "bin", "python")
        constraints = ROOT / ".ci" / "constraints.txt"
        build: list[str | Path]
        make: list[str | Path]
        install: list[str | Path]
        if uv.exists():
            build = [uv, "build", "-q", "--no-build-isolation", "-p", sys.executable, "-o", folder]
            make = [uv, "venv", "-q", "-p", sys.executable, python.parent.parent]
            install = [uv, "pip", "install", "-q", "-p", python, "-c", constraints]
        else:
            build = [sys.executable, "-m", "hatchling", "build", "-d", folder]
            make = [sys.executable, "-m", "venv", python.parent.parent]
            install = [python, "-m", "pip", "install", "-q", "-c", constraints]
        if not (_run(*build) and _run(*make) and _run(*install, *Path(folder).glob("*.whl"))):
            return False
        return _run(python, "-I", ROOT / ".ci" / "try_wheel.py")


def _checks() -> dict[str, Callable[[], bool]]:
    return {
        "ruff: lint": _tool("ruff", "check", *SOURCES),
        "ruff: format": _tool("ruff", "format", "--check", *SOURCES),
        "mypy": _tool("mypy"),
        "import contracts": _tool("lint-imports"),
        "TypeScript: lint, types, tests": _typescript,
        "wheel: build, install, try": _wheel,
    }


def _find_browser() -> None:
    """Browser tests need Chromium: root may install it, others are told that those tests are skipped."""
    if any(shutil.which(name) for name in BROWSERS) or os.name == "nt":
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _title("installing Chromium for the browser tests")
        quiet = ["-q", "-o", "Acquire::http::Timeout=30"]
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", *quiet], stdout=subprocess.DEVNULL, check=False)
        command = ["apt-get", "install", "-y", "--no-install-recommends", *quiet, "chromium"]
        subprocess.run(command, stdout=subprocess.DEVNULL, env={**os.environ, **environment}, check=False)
    if not any(shutil.which(name) for name in BROWSERS):
        print("Chromium is not installed: the browser tests are skipped", flush=True)


def _pytest(tally: Tally, name: str, *arguments: str | Path) -> None:
    """Run pytest, and add what it counts in its last line."""
    _title(name)
    command = [sys.executable, "-m", "pytest", "-q", "-r", "fEs", *map(str, arguments)]
    counted: dict[str, int] = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if re.search(r"\bin \d+\.\d+s", line):
                counted = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", line)}
    tally.passed += counted.get("passed", 0)
    tally.skipped += counted.get("skipped", 0)
    wrong = counted.get("failed", 0) + counted.get("error", 0) + counted.get("errors", 0)
    # A run that died without a count is a failure too.
    tally.failed += wrong or int(process.returncode != 0)
    if wrong or process.returncode:
        tally.failures.append(name)


def _notebooks(tally: Tally) -> None:
    """Run copies of the notebooks, in a project of their own, and compare what they show with what was saved."""
    os.environ.pop("JPY_SESSION_NAME", None)
    os.environ["DKNB_STREAM"] = "0"  # nbval does not see that a display was updated
    with project_copy() as project:
        compare: list[str | Path] = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout", "120"]
        clean: list[str | Path] = ["--nbval-sanitize-with", ROOT / ".ci" / "sanitize.cfg"]
        where: list[str | Path] = ["-c", ROOT / "pyproject.toml", f"--rootdir={project}", "-p", "no:cacheprovider"]
        _pytest(tally, "notebooks", *compare, *clean, *where, project / "notebooks")


def main() -> int:
    """Run all checks; 1 if one failed."""
    # A shell starts what runs in its background deaf to the stop key, and tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began = time.monotonic()
    tally = Tally()
    for name, check in _checks().items():
        _title(name)
        started = time.monotonic()
        try:
            tally.add(name, failed=not check())
        except Skipped as reason:
            tally.skipped += 1
            print(f"skipped: {reason}")
        print(f"({time.monotonic() - started:.1f} s)", flush=True)
    _find_browser()
    _pytest(tally, "pytest", "tests")
    _notebooks(tally)
    print(f"\nin {time.monotonic() - began:.0f} s, {tally.skipped} skipped")
    for name in tally.failures:
        print(f"FAILED: {name}")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return int(tally.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
