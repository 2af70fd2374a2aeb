"""JupyterLab in a browser: one server for all tests, one browser for each file, a fresh page for each test."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = Path(__file__).with_name(".screenshots")

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Else outputs that are out of sight are not in the page.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Attributes:
        url: Where it listens, without a slash at its end.
        token: What lets one in.
        folder: The folder that it shows.
    """

    url: str
    token: str
    folder: Path

    def save(self, name: str, notebook: nbformat.NotebookNode) -> None:
        """Put a notebook there that names neither kernel nor language, so that no kernel is started."""
        notebook.metadata.clear()
        nbformat.write(notebook, self.folder / name)

    def save_outputs(self, name: str, outputs: list[dict[str, Any]]) -> None:
        """Put a notebook there in which each of ``outputs`` (MIME bundles) is what a cell showed."""
        cells = [
            nbformat.v4.new_code_cell(f"# {number}", outputs=[nbformat.v4.new_output("display_data", data=data)])
            for number, data in enumerate(outputs)
        ]
        self.save(name, nbformat.v4.new_notebook(cells=cells))

    def open_without_kernel(self, page: Any, name: str) -> None:
        """Open a notebook that names no kernel, and choose none when JupyterLab asks."""
        page.goto(f"{self.url}/lab/tree/{name}?token={self.token}&reset")
        page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=60_000)
        page.get_by_role("dialog").get_by_role("button", name="No Kernel").click()
        page.wait_for_selector(".jp-NotebookPanel .jp-Notebook")


def _built_extension() -> Path:
    """The extension's folder; skips where it was not built from the sources as they are."""
    spec = importlib.util.spec_from_file_location("dknb_toolchain_e2e", ROOT / "labextension" / "toolchain.py")
    assert spec is not None
    assert spec.loader is not None
    toolchain = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(toolchain)
    if not toolchain.is_built():
        pytest.skip("the JupyterLab extension is not built: python labextension/toolchain.py build")
    return Path(toolchain.OUTPUT)


def _environment(home: Path) -> dict[str, str]:
    """Folders of its own, so that nothing of this machine's Jupyter is seen or touched."""
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "JUPYTER_PATH": "share",
    }
    for name, content in _SETTINGS.items():
        path = home / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    extensions = home / "share" / "labextensions"
    extensions.mkdir(parents=True)
    (extensions / "dknb").symlink_to(_built_extension())
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **{name: str(home / folder) for name, folder in own.items()}, "PYTHONPATH": path}


def _wait_for_url(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    for _ in range(600):
        for described in runtime.glob("jpserver-*.json"):
            return str(json.loads(described.read_text())["url"]).rstrip("/")
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab with our extension in it."""
    if importlib.util.find_spec("jupyterlab") is None:
        pytest.skip("jupyterlab is not installed")
    home, folder = tmp_path_factory.mktemp("jupyter"), tmp_path_factory.mktemp("notebooks")
    token, log = secrets.token_hex(16), home / "log"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"]
    options = [
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, *options], env=_environment(home), start_new_session=True, stdout=out, stderr=out
        )
        try:
            yield Lab(_wait_for_url(process, home / "runtime", log), token, folder)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


@pytest.fixture(scope="module")  # not the session: while it lives, no other test can run an event loop
def browser() -> Iterator[Any]:
    """Chromium; skips where there is none."""
    executable = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if executable is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=executable, headless=True, args=_FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, lab: Lab) -> Iterator[Any]:
    """A page in which no script may fail, no dialog may open and nothing but JupyterLab may be asked."""
    context = browser.new_context(viewport={"width": 1280, "height": 1600})
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    opened.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}") or dialog.dismiss())
    opened.on("request", lambda request: _is_local(request.url, lab) or wrong.append(f"request: {request.url}"))
    yield opened
    context.close()
    assert wrong == []


def _is_local(url: str, lab: Lab) -> bool:
    return url.startswith((lab.url, "data:", "blob:"))


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Any:
    """A function that keeps a picture of the page for a person to look at."""

    def take(page: Any, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{request.node.name}-{name}.png")

    return take
