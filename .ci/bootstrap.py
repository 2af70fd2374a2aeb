"""Makes `.venv` and installs dknb into it, with all that its notebooks and checks need. Standard library only.

Nothing is done when `.venv` was made from these same sources. uv installs if it can be had, else pip does.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
MADE_FROM = VENV / ".made-from"
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
WHAT = ".[lab,test]"


class SetupError(Exception):
    """Why there is no environment, and what to do, in a sentence or two."""


def _say(text: str) -> None:
    print(f"dknb: {text}", flush=True)


def _run(*command: str | Path, env: dict[str, str] | None = None) -> tuple[bool, str]:
    """Run a command; whether it succeeded, and what it said."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        return False, str(error)
    return done.returncode == 0, done.stdout


def _toolchain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dknb_toolchain", ROOT / "labextension" / "toolchain.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _digest() -> str:
    """A hash of everything that decides what is in the environment."""
    digest = hashlib.sha256(f"{ROOT}\n{_toolchain().source_digest()}".encode())
    for path in (ROOT / "pyproject.toml", ROOT / "hatch_build.py", CONSTRAINTS, Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _venv_by_pip() -> bool:
    """An environment without pip of its own, which the pip of this Python then puts there."""
    made, _ = _run(sys.executable, "-m", "venv", "--without-pip", "--clear", VENV)
    return made and _run(sys.executable, "-m", "pip", "--python", PYTHON, "install", "pip")[0]


def _venv_by_apt() -> bool:
    """Debian keeps what `venv` needs in a package of its own; root may install it."""
    if os.name == "nt" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    _say(f"installing {package}, which this Python needs to make an environment")
    _run("apt-get", "update", "-q")
    _run(
        "apt-get", "install", "-q", "-y", "--no-install-recommends", package, env={"DEBIAN_FRONTEND": "noninteractive"}
    )
    return _run(sys.executable, "-m", "venv", "--clear", VENV)[0]


def _make_venv() -> None:
    _say(f"making .venv with Python {sys.version.split()[0]}")
    uv = shutil.which("uv")
    if uv and _run(uv, "venv", "--clear", "--seed", "--python", sys.executable, VENV)[0]:
        return
    if _run(sys.executable, "-m", "venv", "--clear", VENV)[0]:
        return
    if _run(sys.executable, "-m", "virtualenv", "--clear", VENV)[0] or _venv_by_pip() or _venv_by_apt():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    raise SetupError(
        f"{sys.executable} cannot make a virtual environment: it has neither ensurepip nor pip. "
        "On Debian or Ubuntu: apt install python3-venv (as root); then run this again."
    )


def _uv_settings() -> dict[str, str]:
    """What pip was told about this machine's network, for uv, which does not read pip's settings."""
    settings = {"UV_SYSTEM_CERTS": "1", "UV_HTTP_TIMEOUT": "60"}
    _, listed = _run(PYTHON, "-m", "pip", "config", "list")
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        if name.endswith(".index-url"):
            settings["UV_DEFAULT_INDEX"] = value.strip("'\"")
    return {name: value for name, value in settings.items() if name not in os.environ}


def _uv() -> str | None:
    """A uv to install with: the machine's, or one that pip brings into `.venv`."""
    own = SCRIPTS / ("uv.exe" if os.name == "nt" else "uv")
    if not own.exists() and (found := shutil.which("uv")):
        return found
    if own.exists() or _run(PYTHON, "-m", "pip", "install", "-q", "uv")[0]:
        return str(own)
    return None


def _install() -> None:
    _say("installing packages into .venv (a minute or two the first time)")
    pinned = ["-c", str(CONSTRAINTS)]
    toolchain = _toolchain()
    what = ["-e", WHAT, *([] if toolchain.find_node() else [toolchain.NODE_REQUIREMENT])]
    said = ""
    if uv := _uv():
        done, said = _run(uv, "pip", "install", "-q", "-p", PYTHON, *pinned, *what, env=_uv_settings())
        if done:
            return
        _say("uv could not install them, trying pip")
    pip = [str(PYTHON), "-m", "pip", "install", "-q"]
    for how in (pinned, []):
        done, said = _run(*pip, *how, *what)
        if done:
            if not how:
                _say("the versions of .ci/constraints.txt cannot be had here: installed the newest that fit")
            return
    tail = "\n".join(said.strip().splitlines()[-15:])
    raise SetupError(f"the packages could not be installed. pip says:\n{tail}")


def main() -> int:
    """Set up, or find that all is there."""
    try:
        digest = _digest()
        if PYTHON.exists() and MADE_FROM.exists() and MADE_FROM.read_text() == digest:
            return 0
        if not PYTHON.exists():
            _make_venv()
        _install()
        MADE_FROM.write_text(digest)
    except SetupError as error:
        print(f"dknb: {error}", file=sys.stderr)
        return 1
    if not (VENV / "share" / "jupyter" / "labextensions" / "dknb" / "package.json").exists():
        _say("the JupyterLab extension was not built; notebooks show plain HTML instead. To see why:")
        _say("    .venv/bin/python labextension/toolchain.py build")
    return 0


if __name__ == "__main__":
    sys.exit(main())
