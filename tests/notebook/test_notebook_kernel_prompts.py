"""Prompts in a real kernel, as a front end drives it: completion, the cell below, the live form."""

from __future__ import annotations

import pytest
from test_notebook_kernel import Kernel, texts

PROMPT = "parameters: {tone: {type: enum, choices: [kind, plain], default: kind}}\ntemplate: '{{tone}}: {{text}}'\n"


@pytest.fixture
def kernel(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.dknb]\n")
    (tmp_path / "prompts" / "user").mkdir(parents=True)
    (tmp_path / "prompts" / "user" / "say.yaml").write_text(PROMPT)
    kernel = Kernel(tmp_path)
    try:
        assert "error" not in kernel.run("%load_ext dknb\nimport dknb")
        yield kernel
    finally:
        kernel.close()


def completed(kernel, text):
    """What may stand at the end of a text, by complete_request."""
    request = kernel.client.complete(text, len(text))
    while True:
        reply = kernel.client.get_shell_msg(timeout=60)
        if reply["parent_header"]["msg_id"] == request:
            return [text[: reply["content"]["cursor_start"]] + match for match in reply["content"]["matches"]]


def reply_of(kernel, source):
    """The execute_reply of a cell."""
    request = kernel.send(source)
    kernel.output(request)
    while True:
        reply = kernel.client.get_shell_msg(timeout=60)
        if reply["parent_header"]["msg_id"] == request:
            return reply["content"]


def test_names_and_parameters_are_completed(kernel):
    """The kernel answers a front end's Tab."""
    assert completed(kernel, "%%prompt s") == ["%%prompt say"]
    assert completed(kernel, "%prompt say t") == ["%prompt say text=", "%prompt say tone="]
    assert completed(kernel, "%prompt say tone=p") == ["%prompt say tone=plain"]
    assert completed(kernel, "%%prompt say\n{{ te") == ["%%prompt say\n{{ text"]


def test_edit_puts_a_cell_below(kernel):
    """The front end is told to insert the cell, not to replace this one."""
    (payload,) = reply_of(kernel, "%prompts edit say")["payload"]
    assert (payload["source"], payload["replace"]) == ("set_next_input", False)
    assert payload["text"].startswith("%%prompt say\n---\nparameters:")
    assert payload["text"].endswith("---\n{{tone}}: {{text}}")


def test_the_list_is_the_result_of_its_cell(kernel):
    """``%prompts`` is Out[n], shown as a table of ours."""
    (result,) = kernel.run("%prompts")["execute_result"]
    assert "prompts/user/say.yaml" in result["data"]["text/html"]


def test_the_form_renders_while_one_types(kernel):
    """A change of a widget in the front end updates the render, in place."""
    shown = kernel.run("form = dknb.form('say')\nform")["display_data"]
    assert "application/vnd.jupyter.widget-view+json" in shown[0]["data"]
    render = shown[1]["transient"]["display_id"]
    (comm,) = texts(
        kernel.run(
            "from IPython.display import display\ndisplay({'text/plain': form.fields['text'].widget.comm.comm_id}, raw=True)"
        )
    )
    content = {"comm_id": comm, "data": {"method": "update", "state": {"value": "typed"}, "buffer_paths": []}}
    message = kernel.client.session.msg("comm_msg", content)
    kernel.client.shell_channel.send(message)
    updates = [
        each["content"]
        for each in kernel.output(message["header"]["msg_id"])
        if each["msg_type"] == "update_display_data"
    ]
    assert [each["transient"]["display_id"] for each in updates] == [render]
    assert updates[0]["data"]["text/plain"].startswith("kind: typed\n")
