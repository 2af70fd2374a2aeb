"""What a model thinks, while it answers and afterwards."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dknb.llm.messages import LLMResponse
from dknb.llm.parts import ToolCall
from dknb.notebook.live import LiveAnswer

KERNEL = SimpleNamespace(kernel=object())


def displayed(notebook, *pieces, whole):
    """The texts that one display shows after another, of an answer in pieces of text and reasoning."""
    from IPython.utils.capture import capture_output

    with capture_output() as shown:
        live = LiveAnswer(KERNEL, stream=True)
        for piece in pieces:
            live.add(*piece)
        live.finish(whole)
    assert [output.update for output in shown.outputs] == [number > 0 for number in range(len(shown.outputs))]
    return [output.data["text/plain"] for output in shown.outputs]


def test_thoughts_are_shown_while_nothing_is_said(notebook):
    """The newest of them on one line, until the answer takes their place; later thoughts do not show."""
    pieces = [("", "Two and"), ("", "\ntwo ..."), ("Fo", ""), ("", "hm"), ("ur", "")]
    assert displayed(notebook, *pieces, whole="Four") == [
        "thinking … Two and",
        "thinking … Two and two ...",
        "Fo",
        "Four",
    ]


def test_of_long_thoughts_the_end_is_shown(notebook):
    """So that the line stays a line."""
    (first, last) = displayed(notebook, ("", f"{'a' * 300} end"), whole="x")
    assert first.endswith("a end")
    assert len(first) < 200
    assert last == "x"


def test_thoughts_go_when_the_answer_is_only_calls(notebook):
    """Nothing is said then, so nothing is left of the display."""
    assert displayed(notebook, ("", "I will add."), whole="") == ["thinking … I will add.", ""]


def test_without_thoughts_and_text_nothing_is_displayed(notebook):
    """An answer of calls alone has no empty box."""
    assert displayed(notebook, ("", ""), whole="") == []


@pytest.mark.parametrize("source", ["%%chat\nWhat is 2 + 2?", "%%prompt p --run\nWhat is 2 + 2?"])
def test_what_the_model_thought_stands_folded_below_its_answer(notebook, source):
    """Closed until one opens it, between the answer and the line of facts."""
    provider = notebook.session.provider(notebook.session.config)
    provider.set_responses([LLMResponse("4", reasoning="2 + 2 is <4>")])
    answer, reasoning, facts = notebook.run(source, cell="a").bundles[-3:]
    assert answer["text/plain"] == "4"
    assert reasoning["text/plain"] == "reasoning: 2 + 2 is <4>"
    assert "<details" in reasoning["text/html"]
    assert "2 + 2 is &lt;4&gt;" in reasoning["text/html"]
    assert "tokens" in facts["text/plain"]


def test_an_answer_of_calls_shows_its_reasoning_too(notebook):
    """And no empty answer."""
    provider = notebook.session.provider(notebook.session.config)
    provider.set_responses([LLMResponse("", reasoning="I will add.", tool_calls=[ToolCall("add", {"a": 1}, id="x")])])
    reasoning, facts = notebook.run("%%chat\nAdd.", cell="a").bundles
    assert reasoning["text/plain"] == "reasoning: I will add."
    assert 'asks for add({"a": 1})' in facts["text/plain"]
