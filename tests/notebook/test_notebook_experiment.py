"""``%%experiment``, ``%experiment``, and ``prompt.map`` with a model."""

from __future__ import annotations

import pandas as pd
import pytest

import dknb
from dknb.errors import ConfigError, DknbError, ExperimentNotFound, MagicError

CRITIQUE = """%%prompt critique --save
Judge: {{text}}
"""
CELL = """%%experiment compare --as result
prompts: [critique, "Rate: {{text}}"]
models: echo
data: df
repeats: 2
scorers:
  - contains
  - {numeric: {tolerance: 0.01}}
  - mine
baseline: critique
"""


@pytest.fixture
def book(notebook):
    """A notebook with a prompt, a table and a function."""
    notebook.ok(CRITIQUE)
    notebook.shell.user_ns["df"] = pd.DataFrame({"text": ["one 1", "two 2"], "answer": ["1", "3"]}, index=["x", "y"])
    notebook.ok("def mine(output):\n    return len(output)")
    return notebook


def test_a_cell_runs_what_it_describes_and_binds_the_result(book):
    """The plan, the end, the result; the frame has what was said."""
    text = book.ok(CELL)
    assert "compare: 2 items x 2 variants x 2 repeats = 8 trials; 8 calls to make" in text
    assert "compare: 8 trials in" in text
    frame = book.shell.user_ns["result"].frame
    assert frame["output"].tolist()[:3] == ["Echo: Judge: one 1", "Echo: Judge: one 1", "Echo: Rate: one 1"]
    assert frame["contains"].tolist()[::2] == [1.0, 1.0, 0.0, 0.0]
    assert frame["numeric"].tolist()[::2] == [1.0, 1.0, 0.0, 0.0]
    assert frame["mine"].tolist()[0] == 18.0


def test_the_cell_again_goes_on_and_asks_nothing(book):
    """All comes out of the store of the project."""
    book.ok(CELL)
    text = book.ok(CELL)
    assert "8 in the store, no calls to make" in text
    assert book.shell.user_ns["result"].frame["cached"].all()


def test_an_edited_prompt_is_asked_anew(book):
    """The plan says which variant sends something else."""
    book.ok(CELL)
    book.ok("%%prompt critique --save\nBetter judge: {{text}}\n")
    text = book.ok(CELL)
    assert "4 in the store, 4 calls to make" in text
    assert "changed since the last run: variant 'critique' sends something else" in text


def test_the_plan_alone_asks_nothing(book):
    """``--plan`` says what would be done."""
    text = book.ok(CELL.replace("--as result", "--plan --as plan"))
    assert "8 calls to make" in text
    assert book.shell.user_ns["plan"].calls == 8
    assert "The store has no experiments" in book.ok("%experiment")


def test_the_list_and_a_result_out_of_the_store(book):
    """``%experiment`` lists, ``%experiment NAME`` shows without running."""
    book.ok(CELL)
    listed = book.ok("%experiment")
    assert "compare" in listed
    assert "critique, prompt 2" in listed
    book.ok("%experiment compare --as again")
    assert len(book.shell.user_ns["again"].frame) == 8
    assert book.shell.user_ns["again"].baseline == "critique"
    error = book.run("%experiment compre").error
    assert isinstance(error, ExperimentNotFound)
    assert "'compare'" in str(error)


@pytest.mark.parametrize(
    ("line", "instead", "words"),
    [
        ("models: echo", "models: ecco", ["line 3", "'ecco'", "'echo'"]),
        ("data: df", "data: ddf", ["line 4", "'ddf'", "'df'"]),
        ("repeats: 2", "repeats: two", ["line 5", "'two'"]),
        ("repeats: 2", "repets: 2", ["line 5", "'repets'", "'repeats'"]),
        ("  - mine", "  - mime", ["line 9", "'mime'"]),
        ("baseline: critique", "baseline: critik", ["line 10", "'critik'"]),
        ("baseline: critique", "baseline: {[", ["line 10", "not YAML"]),
        ("  - mine", "  - mine\nrepeats: 3", ["line 10", "'repeats'", "twice"]),
        ("prompts: [critique, ", "prompts: [critic, ", ["line 2", "'critic'", "'critique'"]),
        ('"Rate: {{text}}"', '"Rate: {{txt}}"', ["'txt'", "'text'"]),
    ],
)
def test_a_slip_in_the_cell_is_told_with_its_line(book, line, instead, words):
    """Counted from the magic's own line."""
    error = book.run(CELL.replace(line, instead)).error
    assert isinstance(error, DknbError)
    for word in words:
        assert word in f"{error} {error.hint}"


def test_cells_without_what_it_takes(book):
    """An empty cell, no data, no name."""
    assert "is empty" in str(book.run("%%experiment e").error)
    assert "no 'data'" in str(book.run("%%experiment e\nprompts: [critique]").error)
    assert isinstance(book.run("%%experiment\nprompts: [critique]").error, MagicError)


def test_errors_are_asked_again_by_the_cell(book):
    """``--retry-errors`` asks just those."""
    book.ok(
        "from dknb.llm import EchoProvider\n"
        "fail = [True]\n"
        "def say(messages):\n"
        "    if fail[0] and 'two' in messages[-1].content:\n"
        "        raise ValueError('no')\n"
        "    return 'yes'\n"
        "model = EchoProvider().set_response_function(say)"
    )
    cell = "%%experiment e --as r\nprompts: [critique]\nmodels: model\ndata: df\n"
    assert "1 trial failed; retry_errors() runs just those." in book.ok(cell)
    book.ok("fail[0] = False")
    book.ok(cell.replace("--as", "--retry-errors --as"))
    assert book.shell.user_ns["r"].frame["output"].tolist() == ["yes", "yes"]


def test_one_can_talk_on_below_a_trial(book):
    """The experiment's conversation is one like others."""
    book.ok(CELL)
    node = book.shell.user_ns["result"].frame["node_id"][0]
    book.ok("%dknb conversation compare")
    book.ok(f"%branch switch {node}")
    assert "Echo: Why?" in book.ok("%%chat\nWhy?", cell="c1")
    assert "echo/echo" in book.ok("%dknb costs")


def test_the_kernel_s_model_is_asked_where_none_is_named(book):
    """What is set with %dknb model counts."""
    book.ok("%dknb model echo temperature=0.5")
    book.ok("%%experiment e --as r\nprompts: [critique]\ndata: df\n")
    assert book.shell.user_ns["r"].frame["model"].unique().tolist() == ["echo/echo"]


def test_a_prompt_is_asked_for_each_row(book):
    """``map`` with a model gives answers with the index of the table; without, texts as before."""
    df = book.shell.user_ns["df"]
    answers = dknb.prompt("critique").map(df, model="echo", progress=False)
    assert answers.index.tolist() == ["x", "y"]
    assert answers["output"].tolist() == ["Echo: Judge: one 1", "Echo: Judge: two 2"]
    again = dknb.prompt("critique").map(df, model="echo", progress=False, scorers=["contains"], repeats=2)
    assert again["cached"].tolist() == [True, False, True, False]
    assert again["contains"].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert dknb.prompt("critique").map(df)["content"].tolist() == ["Judge: one 1", "Judge: two 2"]


def test_map_refuses_what_nothing_takes(book):
    """What is no parameter and no argument of an experiment is a setting of the model, or a slip."""
    with pytest.raises(ConfigError, match="'tone'"):
        dknb.prompt("critique").map(book.shell.user_ns["df"], model="echo", tone="kind")


def test_lines_and_bodies_complete(book):
    """Names of experiments on the line; keys, prompts, variables and scorers in the body."""
    from IPython.core.completer import CompletionContext

    from dknb.notebook.completion import completions

    def completed(text):
        lines = text.split("\n")
        context = CompletionContext(
            token=lines[-1], full_text=text, cursor_position=len(lines[-1]), cursor_line=len(lines) - 1, limit=None
        )
        return [each.text for each in completions(book.session, context)["completions"]]

    book.ok(CELL)
    assert completed("%experiment com") == ["compare"]
    assert completed("%%experiment com") == ["compare"]
    assert "--plan" in completed("%%experiment compare --p")
    assert completed("%%experiment e\nprom") == ["prompts: "]
    assert "critique" in completed("%%experiment e\nprompts: [crit")
    assert completed("%%experiment e\nscorers:\n  - exa") == ["exact"]
    assert completed("%%experiment e\ndata: d") == ["df"]
    assert completed("%%experiment e\nstop: ") == ["decided"]
