"""What is loaded when: a newcomer's first cell must not wait for what it does not use."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from house_files import ROOT

HEAVY = ["openai", "anthropic", "httpx", "httpx2", "pandas", "numpy", "matplotlib", "sqlalchemy", "genai_prices"]
JUPYTER = ["IPython", "ipykernel", "ipywidgets", "anywidget", "traitlets"]
CORE = ["dknb", "dknb.errors", "dknb.templates", "dknb.llm", "dknb.prompts", "dknb.conversations"]


def _loaded_by(statements: str) -> set[str]:
    """The names of the modules that a fresh Python has loaded after ``statements``, and whether it used the network."""
    program = f"""
import json, sys
used = []
sys.addaudithook(lambda event, _: used.append("network") if event in ("socket.connect", "socket.getaddrinfo") else None)
{statements}
print(json.dumps([*used, *sys.modules]))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", CORE)
def test_the_core_loads_without_jupyter_or_anything_heavy(module):
    """Importing a part of the core brings no SDK, no pandas, no matplotlib, no IPython, and opens no connection."""
    loaded = _loaded_by(f"import {module}")
    assert loaded & {*HEAVY, *JUPYTER, "network"} == set()


def test_loading_the_extension_loads_nothing_heavy():
    """``%load_ext dknb`` brings no SDK, no pandas, no matplotlib, and opens no connection."""
    shell = "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell()\n"
    before = _loaded_by(shell)
    loaded = _loaded_by(shell + "shell.run_line_magic('load_ext', 'dknb')")
    assert "dknb.notebook.extension" in loaded
    assert (loaded - before) & {*HEAVY, "network"} == set()


def test_the_front_door_leads_to_every_name_that_it_lists():
    """Each name of ``dknb.__all__`` is there when it is asked for."""
    loaded = _loaded_by("import dknb\nassert [name for name in dknb.__all__ if not hasattr(dknb, name)] == []")
    assert "dknb.conversations" in loaded
