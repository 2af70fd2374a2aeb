"""``%%flow``: refused, stopped, misled, replayed; and gone on with."""

from __future__ import annotations

import pytest

from dknb._sync import run
from dknb.errors import BudgetExceeded, FlowError, MagicError, MissingParameters, PromptError
from dknb.llm import EchoProvider

STEPS = """
initial_state: a
states:
  a: {template: one, transitions: [{to: b}]}
  b: {template: "two {{response}}", transitions: [{to: c}]}
  c: {waits: true}
"""
JUDGE = """
initial_state: a
states:
  a:
    template: one
    transitions:
      - {name: good, to: b, when: {llm: {classifier_prompt: "good? {{response}}", expected_value: "Echo: good? Echo: one"}}}
      - {name: bad, to: end}
  b: {waits: true}
"""


@pytest.fixture
def folder(project, notebook):
    """The folder of the flows of the notebook's library."""
    folder = project / "prompts" / "flows"
    folder.mkdir(parents=True)
    (folder / "steps.yaml").write_text(STEPS)
    (folder / "judge.yaml").write_text(JUDGE)
    return folder


@pytest.fixture
def refusing(monkeypatch):
    """Call it with numbers: these calls of the model are refused, counted from 1."""
    calls, stream, refused = [], EchoProvider.stream_complete, set()

    async def perhaps(self, *args, **kwargs):
        calls.append(1)
        if len(calls) in refused:
            raise BudgetExceeded("the budget is spent", limit=1.0, spent=1.0)
        async for piece in stream(self, *args, **kwargs):
            yield piece

    monkeypatch.setattr(EchoProvider, "stream_complete", perhaps)
    return refused.update


def test_a_run_goes_on_with_its_own_file(notebook, folder):
    """Files of one name in two folders are two flows."""
    for each in ("a", "b"):
        (folder / each).mkdir()
        (folder / each / "x.yaml").write_text(
            f"initial_state: s\nstates:\n  s: {{template: {each * 3}, transitions: [{{to: w}}]}}\n"
            f"  w: {{waits: true, transitions: [{{to: e}}]}}\n  e: {{template: from {each}}}\n"
        )
    assert "b/x · waits" in notebook.ok("%%flow b/x", cell="a")
    assert "Echo: from b" in notebook.ok("%%flow --go-on\nhey", cell="b")


def test_flows_of_one_title_are_told_apart(notebook, folder):
    """Where two files give themselves one name, the cell must say which; files that say the same are one."""
    for name, text in (("p", "pp"), ("q", "qq")):
        (folder / f"{name}.yaml").write_text(
            f"name: t\ninitial_state: s\nstates: {{s: {{template: {text}, transitions: [{{to: w}}]}}, w: {{waits: true}}}}"
        )
    notebook.ok("%%flow q", cell="a")
    ran = notebook.run("%%flow --go-on\nhey", cell="b")
    assert isinstance(ran.error, PromptError)
    assert "Several flows call themselves 't': p, q." in str(ran.error)
    assert "ended in 'w'" in notebook.ok("%%flow q --go-on\nhey", cell="b")
    (folder / "p.yaml").write_text((folder / "q.yaml").read_text())
    assert "ended in 'w'" in notebook.ok("%%flow --go-on --from 0.0\nhey", cell="c")


@pytest.mark.parametrize("refused", [1, 2])
def test_a_question_that_was_refused_is_asked_again(notebook, folder, refusing, refused):
    """Be it the first of the run or a later one: --go-on answers it, and adds no other beside it."""
    refusing([refused])
    ran = notebook.run("%%flow steps", cell="a")
    assert isinstance(ran.error, BudgetExceeded)
    assert "go on with  %%flow --go-on" in ran.text
    assert "steps · waits for the user in 'c'" in notebook.ok("%%flow --go-on", cell="b")
    assert notebook.paths()[-1] == ("one", "Echo: one", "two Echo: one", "Echo: two Echo: one")
    assert len(notebook.paths()) == 4
    assert "ended in 'c'" in notebook.ok("%%flow --go-on\nbye", cell="c")


def test_a_refused_cell_that_is_run_again_takes_its_question(notebook, folder, refusing):
    """The run begins with the question that nobody answered, not with one like it."""
    refusing([1])
    notebook.run("%%flow steps", cell="a")
    notebook.ok("%%flow steps", cell="a")
    assert len(notebook.paths()) == 4


def test_a_stop_before_anything_came_can_be_gone_on_with(notebook, folder, monkeypatch):
    """The cell says so, and it is so."""
    stream = EchoProvider.stream_complete

    async def stopped(self, *args, **kwargs):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(EchoProvider, "stream_complete", stopped)
    ran = notebook.run("%%flow steps", cell="a")
    assert "Go on with  %%flow --go-on" in str(ran.error)
    monkeypatch.setattr(EchoProvider, "stream_complete", stream)
    assert "waits for the user in 'c'" in notebook.ok("%%flow --go-on", cell="b")
    assert len(notebook.paths()) == 4


def judged(notebook):
    calls = run(notebook.session.storage.list_calls(notebook.talk.name))
    return sum(call.kind == "condition" for call in calls)


def test_going_on_asks_no_condition_again(notebook, folder):
    """The run showed which way it takes; a model was paid to say it once."""
    assert "a → b (good)" in notebook.ok("%%flow judge", cell="a")
    notebook.ok("%%flow --go-on", cell="b")
    assert "good → b" in notebook.ok("%%flow --go-on\nhello", cell="b")
    notebook.ok("%%flow --go-on --from 0.0\nagain", cell="c")
    assert judged(notebook) == 1


def test_a_date_of_the_flow_does_not_keep_it_from_going_on(notebook, folder):
    """A value that is no JSON data: the flow's own is there still, and that of a hook is given on the line."""
    (folder / "dated.yaml").write_text(
        "initial_state: a\ninitial_context: {when: 2020-01-01}\n"
        "states: {a: {template: 'on {{when}}', transitions: [{to: b}]}, b: {template: 'still {{when}}', waits: true}}"
    )
    notebook.ok("%%flow dated", cell="a")
    assert "Echo: still 2020-01-01" in notebook.ok("%%flow --go-on\nhello", cell="b")
    (folder / "hooked.yaml").write_text(
        "initial_state: a\nstates: {a: {template: q, on_enter: put, transitions: [{to: b}]}, b: {waits: true}}"
    )
    notebook.ok("import datetime\ndef put(context):\n    context['t'] = datetime.datetime.now()\n")
    notebook.ok("%%flow hooked --from root", cell="c")
    ran = notebook.run("%%flow --go-on\nhello", cell="d")
    assert isinstance(ran.error, FlowError)
    assert "%%flow --go-on t=…" in ran.error.hint
    assert "ended in 'b'" in notebook.ok("%%flow --go-on t=1\nhello", cell="d")


@pytest.fixture
def five(folder, project):
    """A flow whose second state needs a topic, by a template and by a prompt."""
    (project / "prompts/user").mkdir()
    (project / "prompts/user/about.yaml").write_text(
        "parameters: {mood: {type: enum, choices: [kind, stern]}}\ntemplate: 'about {{topic}} ((and {{more}}))'\n"
    )
    (folder / "five.yaml").write_text(
        "initial_state: a\nstates:\n  a: {template: 'one {{loop_count}}', transitions: [{to: b}]}\n  b: {prompt_name: about}\n"
    )
    (folder / "six.yaml").write_text("initial_state: a\nstates: {a: {template: 'one {{topic}}'}}\n")


@pytest.mark.parametrize("name", ["five", "six"])
def test_a_value_that_is_missing_or_of_no_use_is_told_before_anything_is_asked(notebook, five, name):
    """No hole goes to a model, and no word of the line is dropped."""
    ran = notebook.run(f"%%flow {name}", cell="a")
    assert isinstance(ran.error, MissingParameters)
    assert ran.error.names == ["topic"]
    assert f"%%flow {name} topic=…" in ran.error.hint
    ran = notebook.run(f"%%flow {name} topci=cats topic=dogs", cell="a")
    assert isinstance(ran.error, MagicError)
    assert f"nothing in {name!r} uses 'topci'. Did you mean 'topic'?" in str(ran.error)
    assert notebook.talk is None or notebook.paths() == []
    assert "ended in" in notebook.ok(f"%%flow {name} topic=cats", cell="a")


def test_what_functions_may_add_or_read_is_seen_in_its_state(notebook, folder, five):
    """A hook may give the value, so the run begins; a prompt with a hole is not sent all the same."""
    (folder / "hooked.yaml").write_text(
        "initial_state: a\nstates: {a: {template: x, on_exit: put, transitions: [{to: b}]}, b: {prompt_name: about}}"
    )
    notebook.ok("def put(context):\n    context.update(extra)\nextra = {'topic': 'cats'}\n")
    assert "Echo: about cats" in notebook.ok("%%flow hooked anything=1", cell="a")
    notebook.ok("extra = {}")
    ran = notebook.run("%%flow hooked", cell="a")
    assert isinstance(ran.error, MissingParameters)
    assert not any("{{" in text for path in notebook.paths() for text in path)


def test_a_prompt_that_is_not_there_is_told_before_anything_is_asked(notebook, folder):
    """Also that of a later state; the list of flows says it, too."""
    (folder / "lost.yaml").write_text(
        "initial_state: a\nstates: {a: {template: x, transitions: [{to: b}]}, b: {prompt_name: nosuch}}"
    )
    assert "no user prompt 'nosuch'" in str(notebook.run("%%flow lost").error)
    assert notebook.talk is None
    assert "cannot run: The state 'b' asks with 'nosuch'" in notebook.ok("%flow")


def test_a_replay_is_called_one(notebook, folder, project, monkeypatch):
    """As in %%chat: below each answer, and in the table; judges are priced as answers are."""
    monkeypatch.setattr(EchoProvider, "recorded", True)
    notebook.ok("%dknb record tape.jsonl")
    assert "replayed" not in notebook.ok("%%flow judge", cell="a")
    notebook.ok("%dknb replay tape.jsonl")
    texts = notebook.ok("%%flow judge --from root >> result", cell="b")
    assert " · replayed · a → b (good)" in texts
    assert "(replayed)" in texts
    assert [row["replayed"] for row in notebook.shell.user_ns["result"].rows()] == [True]
