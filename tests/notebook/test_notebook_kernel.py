"""A real kernel, as a front end drives it: cell ids, the stop button, failing cells, loading."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from jupyter_client.manager import KernelManager


class Kernel:
    """An ipykernel in a project folder, and what its cells show."""

    def __init__(self, folder):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("DKNB_", "OPENAI_", "ANTHROPIC_"))}
        environment["JPY_SESSION_NAME"] = str(folder / "talk.ipynb")
        environment["IPYTHONDIR"] = str(folder / ".ipython")
        self.manager = KernelManager(kernel_name="python3")
        # The kernel of this environment, whatever kernel specs the machine has.
        self.manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager.start_kernel(cwd=str(folder), env=environment, stderr=subprocess.DEVNULL)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def send(self, source, cell=None):
        """Start a cell; the id of its request."""
        session = self.client.session
        content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = session.msg("execute_request", content, metadata={"cellId": cell} if cell else None)
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def output(self, request, until=lambda message: False):
        """The messages of a request until the kernel is idle, or ``until`` says so."""
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != request:
                continue
            messages.append(message)
            idle = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            if idle or until(message):
                return messages

    def run(self, source, cell=None):
        """Run a cell; its messages by type."""
        by_type = {}
        for message in self.output(self.send(source, cell)):
            by_type.setdefault(message["msg_type"], []).append(message["content"])
        return by_type

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.dknb]\n")
    kernel = Kernel(tmp_path)
    try:
        assert "error" not in kernel.run("%load_ext dknb")
        yield kernel
    finally:
        kernel.close()


def texts(messages):
    return [content["data"]["text/plain"] for content in messages.get("display_data", [])]


def test_the_kernels_cell_id_says_which_node_a_cell_made(kernel):
    """A cell run again by a front end that tells ids is a sibling, in a conversation named after the notebook."""
    assert texts(kernel.run("%%chat\nq", "a"))[-1].startswith("node 0.0 · main")
    assert texts(kernel.run("%%chat\nq", "a"))[-1].startswith("node 0.1 · main")
    assert texts(kernel.run("%%chat\nr", "b"))[-1].startswith("node 0.1.0.0 · main")
    assert "conversation 'talk'" in texts(kernel.run("%chat", "c"))[0]


def test_an_answer_streams_into_one_output(kernel):
    """While it arrives, the answer's display is updated in place, a bounded number of times a second."""
    kernel.run("%dknb model echo options='{\"stream_delay\":0.01}'")
    ran = kernel.run("%%chat\n" + "word " * 100, "a")
    updates = ran["update_display_data"]
    assert len(texts(ran)) == 2
    assert 3 < len(updates) < 40
    assert updates[-1]["data"]["text/plain"] == ("Echo: " + "word " * 100)


def test_the_stop_button_keeps_what_arrived(kernel):
    """An interrupt ends the call at once; the partial answer is shown, stored and marked, the kernel usable."""
    kernel.run("%dknb model echo options='{\"stream_delay\":0.05}'")
    request = kernel.send("%%chat\n" + "word " * 400, "a")
    kernel.output(request, until=lambda message: message["msg_type"] == "update_display_data")
    stopped = time.perf_counter()
    kernel.manager.interrupt_kernel()
    rest = kernel.output(request)
    seconds = time.perf_counter() - stopped
    (error,) = [message["content"] for message in rest if message["msg_type"] == "error"]
    assert error["ename"] == "Interrupted"
    assert error["traceback"] == ["dknb: interrupted; what had arrived is kept."]
    assert "incomplete" in [m["content"]["data"]["text/plain"] for m in rest if m["msg_type"] == "display_data"][-1]
    assert seconds < 5, "the limit of 0.5 s is measured in tests/bench"
    tree = kernel.run("%branch tree", "b")["display_data"][0]["data"]["application/vnd.dknb.conversation+json"]
    assert tree["nodes"]["state"] == ["complete", "complete", "incomplete"]
    assert tree["nodes"]["text"][2].startswith("Echo: word word")
    assert texts(kernel.run("%dknb model echo", "c")) == ["model: echo/echo"]


def test_a_mistake_fails_the_cell_with_two_lines(kernel):
    """The front end gets an error message, so CI sees it, made of what happened and what to do."""
    (error,) = kernel.run("%%chat --model opnai/x\nq", "a")["error"]
    assert error["ename"] == "ConfigError"
    assert error["traceback"][0] == "dknb: There is no provider 'opnai'. Did you mean 'openai'?"
    assert len(error["traceback"]) == 2


def test_a_model_without_a_key_fails_the_cell_and_names_the_variable(kernel):
    """The question is kept; the cell says which variable to set."""
    (error,) = kernel.run("%%chat --model openai/gpt-5.4-mini\nq", "a")["error"]
    assert error["ename"] == "AuthenticationError"
    assert "OPENAI_API_KEY" in " ".join(error["traceback"])


LOADED = """
import sys
from IPython.core.interactiveshell import InteractiveShell
before = set(sys.modules)
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "dknb")
heavy = {"openai", "anthropic", "pandas", "matplotlib", "sqlalchemy", "httpx", "httpx2", "numpy", "genai_prices", "ipywidgets"}
print(sorted(heavy & set(sys.modules)))
"""


def test_loading_brings_nothing_heavy(tmp_path):
    """%load_ext imports no SDK, no pandas, no matplotlib and no client of a network or a database."""
    ran = subprocess.run([sys.executable, "-c", LOADED], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_loading_twice_and_unloading_leave_nothing_behind(notebook):
    """A second load replaces the first; unloading takes out the magics and the event."""
    shell = notebook.shell
    shell.run_line_magic("reload_ext", "dknb")
    assert [type(each).__name__ for each in shell.configurables].count("DknbMagics") == 1
    shell.run_line_magic("unload_ext", "dknb")
    assert "chat" not in shell.magics_manager.magics["cell"]
    assert not [each for each in shell.configurables if type(each).__name__ == "DknbMagics"]
    shell.run_line_magic("load_ext", "dknb")
    assert "Echo: q" in notebook.ok("%%chat\nq", cell="a")
