"""An IPython with dknb loaded, in a project folder of its own."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest


class Notebook:
    """Runs cells as a front end would, and keeps what they show."""

    def __init__(self, shell):
        self.shell = shell

    def run(self, source, cell=None):
        """Run a cell; what it displayed, and the error it ended with, if any."""
        from IPython.utils.capture import capture_output

        with capture_output() as shown:
            result = self.shell.run_cell(source, store_history=False, cell_id=cell)
        bundles = [output.data for output in shown.outputs]
        error = result.error_in_exec or result.error_before_exec
        text = "\n".join(str(bundle.get("text/plain", "")) for bundle in bundles)
        return SimpleNamespace(bundles=bundles, text=text, error=error, printed=shown.stdout + shown.stderr)

    def ok(self, source, cell=None):
        """Run a cell that must not fail; its text."""
        ran = self.run(source, cell)
        assert ran.error is None, ran.error
        return ran.text

    @property
    def talk(self):
        return self.session.open_talk

    @property
    def session(self):
        return self.shell.magics_manager.registry["DknbMagics"].session

    def paths(self):
        """The texts from the top to each node of the current conversation."""
        tree = self.talk.manager.state.message_tree
        return sorted(tuple(n.data.message.content for n in node.path()[1:]) for node in tree.walk() if node.parent)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project folder, which is the current one; no keys, no notebook."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("DKNB_", "OPENAI_", "ANTHROPIC_", "JPY_SESSION_NAME")):
            monkeypatch.delenv(name)
    (tmp_path / "pyproject.toml").write_text("[tool.dknb]\n")
    return tmp_path


@pytest.fixture
def notebook(project):
    """A fresh IPython with dknb loaded."""
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "dknb")
    book = Notebook(shell)
    yield book
    if "dknb" in shell.extension_manager.loaded:
        shell.run_line_magic("unload_ext", "dknb")
    InteractiveShell.clear_instance()
