"""Message indexes in a notebook: shown, rendered, called, edited, and with the form."""

from __future__ import annotations

import inspect

import pytest

import dknb
from dknb.errors import PromptNotFound
from dknb.notebook.views.text import MIME

SENTIMENT = """metadata: {description: How a review sounds, when_to_use: Few-shot}
parameters:
  text: {type: string, required: true, description: The review}
  shots: {type: list, default: [{said: Great, label: good}]}
messages:
- {role: system, content: Say good or bad.}
- examples: shots
  messages:
  - {role: user, content: '{{said}}'}
  - {role: assistant, content: '{{label}}'}
- {role: user, content: '{{text}}'}
"""


@pytest.fixture
def library(notebook, project):
    """A library with a message index, and a name that a user and a system prompt share."""
    for path, text in {
        "messages/sentiment.yaml": SENTIMENT,
        "user/both.yaml": "template: user\n",
        "system/both.yaml": "template: system\n",
        "rag/docs.yaml": "adapter_name: docs\nquery: '{{q}}'\n",
        "messages/found.yaml": "rag_config_refs: [docs]\nmessages:\n- {role: system, content: Short.}\n"
        "- {role: user, content: 'From {{RAG_CONTENT}}: {{q}}'}\n",
    }.items():
        file = project / "prompts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return project / "prompts"


def test_messages_are_rendered_with_their_roles(notebook, library):
    """By the line, by the function and by the form."""
    said = notebook.ok("%prompt sentiment text=Meh --as result")
    assert said.startswith("[system]\nSay good or bad.\n\n[user]\nGreat\n\n[assistant]\ngood\n\n[user]\nMeh")
    result = notebook.shell.user_ns["result"]
    assert [message.role for message in result.messages] == ["system", "user", "assistant", "user"]
    assert result.origins == {"shots": "default", "text": "line"}
    assert dknb.prompt("sentiment")(text="Meh").content == result.content
    assert dknb.form("sentiment", text="Meh").result.content == result.content
    assert list(dknb.prompt("sentiment").map([{"text": "a"}, {"text": "b"}])["error"]) == [None, None]


def test_messages_are_sent_as_messages(notebook, library):
    """``--run`` asks with all of them, and not while there is a hole."""
    assert "MissingParameters" in type(notebook.run("%prompt sentiment --run").error).__name__
    notebook.ok("%prompt sentiment text=Meh --run --as reply")
    assert "Meh" in notebook.shell.user_ns["reply"].content


def test_passages_stand_in_their_message(notebook, library):
    """The fences are where the text is, behind the roles."""
    notebook.shell.user_ns["docs"] = ["The moon is far."]
    bundle = notebook.run("%prompt found q=moon").bundles[0][MIME["prompt"]]
    (passage,) = bundle["passages"]
    assert bundle["text"][passage["start"] : passage["end"]] == "The moon is far."
    frame = dknb.leave_one_out("found", {"q": "moon"})
    assert frame["placeholder"].tolist() == ["RAG_CONTENT"]


def test_messages_are_shown_listed_and_edited(notebook, library):
    """Each message with its role; declared parameters are listed, and the file is what is edited."""
    shown = notebook.ok("%prompts show sentiment")
    for part in ("messages", "system\nSay good or bad.", "for each of\nshots", "assistant\n{{label}}", "Few-shot"):
        assert part in shown
    notebook.ok("frame = %prompts")
    frame = notebook.shell.user_ns["frame"].set_index("name")
    assert frame.loc["sentiment", "parameters"] == ["text", "shots"]
    notebook.ok("%prompts edit sentiment")
    cell = notebook.shell.rl_next_input
    assert cell == f"%%writefile prompts/messages/sentiment.yaml\n{SENTIMENT}"
    assert "missing" not in notebook.run(cell.replace("good or bad", "yes or no")).printed
    assert notebook.ok("%prompt sentiment text=Meh").count("Say yes or no.") == 1


def test_the_kind_of_a_name_can_be_chosen(notebook, library):
    """``--system``, where a user prompt has the name too."""
    assert "\nuser" in notebook.ok("%prompts show both")
    assert "\nsystem" in notebook.ok("%prompts show both --system")
    notebook.ok("%prompts edit both --system")
    assert notebook.shell.rl_next_input.startswith("%%prompt both --system\n")
    with pytest.raises(PromptNotFound):
        dknb.prompt("sentiment", kind="user")


def test_a_prompt_says_what_it_takes_as_a_function_does(notebook, library):
    """Signature and docstring, as shift-tab shows them; required ones have no default."""
    sentiment = dknb.prompt("sentiment")
    shown = str(inspect.signature(sentiment))
    assert shown == "(*, text: string, shots: list = [{'said': 'Great', 'label': 'good'}])"
    assert sentiment.__doc__.startswith("How a review sounds\nWhen to use: Few-shot\n")
    assert "text (required): The review" in sentiment.__doc__


def test_when_to_use_a_prompt_is_told(notebook, library):
    """In the list to a pointer that rests, with required parameters marked; the frame itself has plain names."""
    html = notebook.run("%prompt").bundles[0]["text/html"]
    assert 'title="Few-shot"' in html
    assert "text *, shots" in html
