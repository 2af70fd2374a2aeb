"""aimock, the scripted server from npm: Ollama's wire, faults, and what a test has it say.

It is installed once into ``aimock/node_modules`` beside this file, as its lock says.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent / "aimock"
TOOLCHAIN = HERE.parents[2] / "labextension" / "toolchain.py"
INSTALLED = HERE / "node_modules" / ".installed"
SERVER = HERE / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
LISTENS = re.compile(r"listening on (http://\S+)")


def _toolchain() -> ModuleType:
    """What finds Node.js for the extension finds it for us."""
    spec = importlib.util.spec_from_file_location("aimock_toolchain", TOOLCHAIN)
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, spec.name, module)
        spec.loader.exec_module(module)
    return module


def _installed() -> str:
    """The path of Node.js, after seeing that the server is installed; skips the test where one of them is not here."""
    node = _toolchain().find_node()
    if node is None:
        pytest.skip("aimock needs Node.js 20.19+ or 22.12+ with npm")
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if not INSTALLED.exists() or INSTALLED.read_text() != wanted:
        path = os.pathsep.join([str(Path(node.executable).parent), os.environ.get("PATH", os.defpath)])
        command = [*node.npm, "ci", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000"]
        done = subprocess.run(
            command,
            cwd=HERE,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"aimock cannot be installed from npm: {done.stderr.strip().splitlines()[-1:]}")
        INSTALLED.write_text(wanted)
    return node.executable


@contextmanager
def aimock(folder: Path, fixtures: list[dict[str, Any]], *options: str) -> Iterator[str]:
    """The address of a server that follows a script, for the length of a ``with``.

    Args:
        folder: Where the script may be written.
        fixtures: The script, in aimock's form.
        *options: Further arguments of its command line.
    """
    node = _installed()
    script = folder / "fixtures.json"
    script.write_text(json.dumps({"fixtures": fixtures}), encoding="utf-8")
    command = [node, str(SERVER), "-p", "0", "-f", str(script), "--log-level", "info", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if found := LISTENS.search(line):
                    break
            else:
                pytest.fail(f"aimock did not start: {''.join(said)}")
            # A pipe that nobody reads would fill up and stop it.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield found[1]
        finally:
            process.kill()
