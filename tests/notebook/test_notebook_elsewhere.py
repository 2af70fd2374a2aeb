"""Branches in a notebook beside what this kernel did: other kernels, other branches at the same node, names."""

from __future__ import annotations

import pytest

from dknb._sync import run
from dknb.conversations import ConversationManager, SQLConversationStorage
from dknb.conversations.tree import calculate_node_id
from dknb.errors import ConfigError, MagicError
from dknb.llm import create_llm_provider

FLOW = """
initial_state: ask
states:
  ask: {template: "What is wrong?", transitions: [{to: hear}]}
  hear: {template: "They said: {{user_input}}", waits: true, transitions: [{to: end}]}
"""


@pytest.fixture
def talk(notebook):
    """main goes to 0.0.0.0; nothing else is there."""
    notebook.ok("%%chat\nQ1", cell="a")
    notebook.ok("%%chat\nQ2", cell="b")
    return notebook


def new_kernel(notebook, conversation="default"):
    notebook.shell.run_line_magic("reload_ext", "dknb")
    notebook.ok(f"%dknb conversation {conversation}")


def head(notebook, branch):
    return calculate_node_id(notebook.talk.manager.state.branches[branch].head)


def stored(notebook):
    return len(notebook.talk.manager.state.stored)


def test_a_pick_moves_only_the_branch_that_it_names(talk):
    """A copy below the copy on main, where main ends, takes the other branch along and leaves main where it is."""
    talk.ok("%branch new x", cell="n")
    talk.ok("%branch pick 0.0 --onto main", cell="p")
    assert talk.ok("%branch pick 0.0 0.0.0 --onto x", cell="q").startswith("2 nodes copied; at node 0.0.0.0.0.0 on x")
    for _ in range(2):
        assert (head(talk, "main"), head(talk, "x")) == ("0.0.0.0.0", "0.0.0.0.0.0")
        new_kernel(talk)


def test_a_pick_says_who_then_speaks_twice(talk):
    """An answer below an answer is one line more; an answer below a question is none."""
    text = talk.ok("%branch pick 0.0 --onto main", cell="p")
    assert "below node 0.0.0.0, an answer: the model gets two of its answers in a row" in text
    assert "in a row" not in talk.ok("%branch pick 0.0 --onto 0.0.0", cell="q")


def test_a_question_below_a_question_says_so(talk):
    """%%chat --from a question is answered, and says that the model got two messages of the user."""
    assert "below node 0.0.0, a question: the model gets two messages" in talk.ok("%%chat --from 0.0.0\nQ", cell="c")
    assert "in a row" not in talk.ok("%%chat --from 0.0\nQ", cell="d")


@pytest.mark.parametrize(("line", "more"), [("--from main", 2), ("--on main,x", 4)])
def test_a_branch_named_in_a_new_kernel_ends_where_the_store_has_it(talk, line, more):
    """The line goes on where %branch shows the branch; the same notebook run again in a third kernel adds nothing."""
    talk.ok("%branch new x", cell="n")
    talk.ok("%branch switch main", cell="s")
    talk.ok("%%chat --from x\nalone", cell="o")
    before = stored(talk)
    for _ in range(3):
        new_kernel(talk)
        talk.ok(f"%%chat {line}\nQ3", cell="c")
        assert head(talk, "main").startswith("0.0.0.0.")
        assert ("Q1", "Echo: Q1", "Q2", "Echo: Q2", "Q3", "Echo: Q3") in talk.paths()
        assert stored(talk) == before + more


def test_a_flow_is_gone_on_with_in_another_kernel(project, notebook):
    """--go-on without a run above finds the conversation's own, says where, and again adds nothing."""
    (project / "prompts" / "flows").mkdir(parents=True)
    (project / "prompts" / "flows" / "desk.yaml").write_text(FLOW)
    notebook.ok("%%flow desk --name k", cell="a")
    notebook.shell.run_line_magic("reload_ext", "dknb")
    text = notebook.ok("%%flow --go-on --name k\nthe printer", cell="b")
    assert text.startswith("there is no run above in this kernel: going on with the one at node 0.0, main")
    assert ("What is wrong?", "Echo: What is wrong?", "They said: the printer") in [p[:3] for p in notebook.paths()]
    assert "ask → hear" not in text.split("▸")[0]
    count = stored(notebook)
    notebook.shell.run_line_magic("reload_ext", "dknb")
    notebook.ok("%%flow --go-on --name k\nthe printer", cell="b")
    assert stored(notebook) == count


def test_a_flow_is_gone_on_with_from_a_branch_in_another_kernel(project, notebook):
    """--from names the branch that the run is on."""
    (project / "prompts" / "flows").mkdir(parents=True)
    (project / "prompts" / "flows" / "desk.yaml").write_text(FLOW)
    notebook.ok("%%flow desk --name k", cell="a")
    notebook.shell.run_line_magic("reload_ext", "dknb")
    assert "They said: the fax" in notebook.ok("%%flow --go-on --name k --from main\nthe fax", cell="b")


async def rename(project):
    async with SQLConversationStorage(project / ".dknb" / "dknb.db") as storage:
        other = await ConversationManager.resume("default", create_llm_provider("echo"), None, storage)
        await other.rename_branch("main", "trunk")
        await other.create_branch("new", "0")


def test_a_branch_that_another_kernel_renames_keeps_its_new_name(talk, project):
    """What is asked next goes on under it, and the old name does not come back."""
    run(rename(project))
    assert "· trunk ·" in talk.ok("%%chat\nQ3", cell="c")
    assert list(talk.talk.manager.state.branches) == ["trunk", "new"]
    talk.ok("%branch rename trunk main")
    talk.ok("%branch new trunk", cell="n")
    assert "· trunk ·" in talk.ok("%%chat\nQ4", cell="d")


def test_a_branch_with_a_comma_is_asked_on(talk):
    """It is named alone; --on may be given again."""
    talk.ok("%branch new a,b", cell="n")
    talk.ok('%%chat --on "a,b" --on 0.0 --as both\nwhere?', cell="c")
    assert list(talk.shell.user_ns["both"]["branch"].fillna("")) == ["a,b", ""]
    assert "no branch 'a'" in str(talk.run("%%chat --on main,a,b\nwhere?", cell="d").error)


def test_a_search_names_roles_and_labels_that_there_are(talk):
    """A mistyped role or label is no word that nobody said."""
    talk.ok("%branch label 0 start")
    error = talk.run("%branch search Q1 --role assistent").error
    assert isinstance(error, ConfigError)
    assert "Did you mean 'assistant'?" in str(error)
    error = talk.run("%branch search Q1 --label strat").error
    assert isinstance(error, MagicError)
    assert "Did you mean 'start'?" in str(error)
    assert error.hint == "Labels: start"
    assert "*Q1*" in talk.ok("%branch search Q1 --label start")
    assert "Did you mean 'user'?" in str(talk.run("%dknb search Q1 --role usr").error)


def test_words_behind_two_dashes_are_words(talk):
    """A word that begins with a dash can be looked for."""
    assert "*Q1*" in talk.ok("%branch search -- -Q1")
    assert "*Q1*" in talk.ok("%branch search --role user -- -Q1")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("label 0.0 a b", "'b' is one word too many; a text with blanks goes in quotes"),
        ("tree foo", "it takes no words, and 'foo' is one"),
        ("tree --foo x", "no option '--foo'"),
    ],
)
def test_a_word_too_many_is_no_option(talk, line, said):
    """It is called a word, where the command takes words, with the way to give several as one."""
    error = talk.run(f"%branch {line}").error
    assert isinstance(error, MagicError)
    assert said in str(error)
    assert f"%branch {line.split()[0]}" in error.hint


def test_a_new_kernel_says_where_the_conversation_was_left(talk):
    """%dknb conversation of one that is there says the node and the branch."""
    talk.shell.run_line_magic("reload_ext", "dknb")
    assert "it was left at node 0.0.0.0 on main: %chat --resume" in talk.ok("%dknb conversation default")


def test_the_store_is_told_with_its_size(talk):
    """The table has a head, and what lies beside the file counts."""
    lines = talk.ok("%dknb store").splitlines()
    assert lines[:2] == ["store", "about  value"]
    size = next(line for line in lines if line.startswith("file"))
    assert not size.endswith(" 0 kB")
    assert size.endswith(("kB", "MB"))


def test_an_export_is_shown_as_one_would_type_it(talk, project):
    """The way up and down again is left out of the path."""
    (project / "sub").mkdir()
    assert talk.ok("%branch export sub/../talk.md").endswith(": talk.md")


def test_what_was_cut_is_not_learned_from(talk, project):
    """An export for fine-tuning ends before an answer that was cut, says so, and has an option."""
    talk.talk.places.position.data.state = "incomplete"
    assert "left out from 0.0.0.0 on, an answer that was cut" in talk.ok("%branch export t.jsonl")
    assert "Q2" not in (project / "t.jsonl").read_text()
    talk.ok("%branch export t.jsonl --incomplete --force")
    assert "Echo: Q2" in (project / "t.jsonl").read_text()
    talk.talk.manager.resolve("0.0").data.state = "incomplete"
    assert isinstance(talk.run("%branch export u.jsonl").error, ConfigError)
