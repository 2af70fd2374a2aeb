"""A flow in a real kernel: streaming, the stop button, and going on."""

from __future__ import annotations

import pytest
from test_notebook_kernel import Kernel, texts

WALK = """
initial_state: town
states:
  town: {template: Name a town., transitions: [{to: story}]}
  story: {template: "Tell {{length}} of it.", transitions: [{to: bye}]}
  bye: {template: Say good bye.}
"""


@pytest.fixture
def kernel(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.dknb]\n")
    (tmp_path / "prompts" / "flows").mkdir(parents=True)
    (tmp_path / "prompts" / "flows" / "walk.yaml").write_text(WALK)
    kernel = Kernel(tmp_path)
    try:
        assert "error" not in kernel.run("%load_ext dknb")
        yield kernel
    finally:
        kernel.close()


def test_each_state_streams_into_an_output_of_its_own(kernel):
    """A state's answer is updated in place below the state's name; the table comes last."""
    kernel.run("%dknb model echo options='{\"stream_delay\":0.02}'")
    ran = kernel.run("%%flow walk length='" + "word " * 60 + "'", "a")
    shown = texts(ran)
    assert [line.split(":")[0] for line in shown if line.startswith("▸")] == ["▸ town", "▸ story", "▸ bye"]
    assert any(each["data"]["text/plain"].startswith("Echo: Tell word") for each in ran["update_display_data"])
    assert shown[-1].startswith("walk · ended in 'bye'")


def test_a_stopped_flow_is_gone_on_with(kernel):
    """The stop button keeps what arrived, the steps are shown and bound, and --go-on asks the cut question again."""
    kernel.run("%dknb model echo options='{\"stream_delay\":0.05}'")
    request = kernel.send("%%flow walk --as res length='" + "word " * 300 + "'", "a")
    kernel.output(request, until=lambda message: "▸ story" in str(message["content"].get("data")))
    kernel.output(request, until=lambda message: message["msg_type"] == "update_display_data")
    kernel.manager.interrupt_kernel()
    rest = kernel.output(request)
    (error,) = [message["content"] for message in rest if message["msg_type"] == "error"]
    assert error["traceback"] == ["dknb: interrupted; what had arrived is kept. Go on with  %%flow --go-on"]
    kernel.run("%dknb model echo")
    assert kernel.run("print(res.states, res.status)")["stream"][0]["text"] == "['town'] ready\n"
    shown = texts(kernel.run("%%flow --go-on", "b"))
    assert shown[-1].startswith("walk · ended in 'bye'")
    tree = kernel.run("%branch tree", "c")["display_data"][0]["data"]["application/vnd.dknb.conversation+json"]
    assert tree["nodes"]["state"].count("incomplete") == 1
    assert tree["nodes"]["text"][-1] == "Echo: Say good bye."
