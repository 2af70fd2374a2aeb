"""``%%chat --samples`` and ``--on``: several answers side by side, each at its place."""

from __future__ import annotations

import pytest

from dknb.errors import BranchError, ConnectionFailed, MagicError
from dknb.llm import EchoProvider


def heads(notebook):
    return {name: branch.head.data.node_id for name, branch in notebook.talk.manager.state.branches.items()}


@pytest.fixture
def branches(notebook):
    """Two branches that end at the same answer; one is on main."""
    notebook.ok("%%chat\nhello", cell="a")
    notebook.ok("%branch new skeptic", cell="n")
    notebook.ok("%branch switch main")
    return notebook


def test_samples_are_siblings_and_the_first_goes_on(notebook):
    """So many answers to one question are shown together; the branch and the next cell go on from the first."""
    (bundle,) = notebook.run("%%chat --samples 3\nwhy?", cell="a").bundles
    assert bundle["text/plain"].startswith("3 answers\n")
    assert [f"node 0.{n} · main · answer {n + 1} of 3" in bundle["text/plain"] for n in range(3)] == [True] * 3
    assert bundle["text/html"].count('class="dknb-answer"') == 3
    assert heads(notebook) == {"main": "0.0"}
    assert "node 0.0.0.0 " in notebook.ok("%%chat\nand?", cell="b")


def test_samples_are_a_frame(notebook):
    """--as binds a DataFrame, one row an answer."""
    notebook.ok("%%chat --samples 2 --as df\nwhy?", cell="a")
    frame = notebook.shell.user_ns["df"]
    assert sorted(frame["node_id"]) == ["0.0", "0.1"]
    assert list(frame["answer"]) == ["Echo: why?"] * 2
    assert frame["prompt_tokens"].dtype == "Int64"


def test_samples_run_again_are_further_siblings(notebook):
    """The cell again gives further answers to the same question, and what is below follows to the first of them."""
    notebook.ok("%%chat --samples 2\nwhy?", cell="a")
    notebook.ok("%%chat\nand?", cell="b")
    assert "node 0.2 · main · answer 3 of 4" in notebook.ok("%%chat --samples 2\nwhy?", cell="a")
    assert "node 0.2.0.0 " in notebook.ok("%%chat\nand?", cell="b")


def test_one_question_at_several_branches(branches):
    """--on asks at each branch's end, and each branch goes along; one stays on the branch one was on."""
    branches.ok("%%chat --from skeptic\nprove it", cell="b")
    branches.ok("%branch switch main")
    text = branches.ok("%%chat --on main,skeptic --as df\nwhen?", cell="c")
    assert "[main]\nEcho: when?" in text
    assert heads(branches) == {"main": "0.0.1.0", "skeptic": "0.0.0.0.0.0"}
    assert list(branches.shell.user_ns["df"]["branch"]) == ["main", "skeptic"]
    assert branches.talk.places.branch == "main"
    assert "node 0.0.1.0.0.0 · main" in branches.ok("%%chat\nthen?", cell="d")


def test_a_question_at_several_branches_again_is_asked_where_it_was(branches):
    """The cell again answers the same questions again; it does not go further down."""
    branches.ok("%branch switch skeptic")
    branches.ok("%%chat\nprove it", cell="b")
    branches.ok("%%chat --on main,skeptic\nwhen?", cell="c")
    text = branches.ok("%%chat --on main,skeptic\nwhen?", cell="c")
    assert "node 0.0.1.1 · main · answer 2 of 2" in text
    assert "node 0.0.0.0.0.1 · skeptic · answer 2 of 2" in text
    assert branches.talk.places.branch == "skeptic"


def test_a_branch_that_is_not_asked_is_not_moved(branches):
    """Who stands elsewhere stays there, and so does that branch."""
    branches.ok("%branch new third --at 0")
    branches.ok("%branch switch main")
    branches.ok("%%chat --on skeptic,third\nx", cell="c")
    assert heads(branches)["main"] == "0.0"
    assert branches.talk.where().startswith("at node 0.0 on main")


def test_run_all_in_a_new_kernel_adds_nothing(branches):
    """Answers that the store has are taken, each once."""
    cells = [("%%chat\nhello", "a"), ("%branch new skeptic", "n"), ("%branch switch main", "s"),
             ("%%chat --samples 3\nwhy?", "b"), ("%%chat --on main,skeptic\nwhen?", "c")]  # fmt: skip
    for source, cell in cells[3:]:
        branches.ok(source, cell)
    before = branches.paths()
    branches.shell.run_line_magic("reload_ext", "dknb")
    for source, cell in cells:
        branches.ok(source, cell)
    assert branches.paths() == before


def test_a_call_that_fails_takes_no_other_with_it(notebook, monkeypatch):
    """An error of one call is shown beside the answers of the others, and is a row of the frame."""
    calls = []
    stream = EchoProvider.stream_complete

    async def second_fails(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise ConnectionFailed("the line is dead")
        async for piece in stream(self, *args, **kwargs):
            yield piece

    monkeypatch.setattr(EchoProvider, "stream_complete", second_fails)
    text = notebook.ok("%%chat --samples 3 --as df\nwhy?", cell="a")
    assert text.startswith("3 answers, 1 failed")
    assert "ConnectionFailed: the line is dead" in text
    assert list(notebook.shell.user_ns["df"]["error"].notna()) == [False, True, False]


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("--samples 0", MagicError, "1 to 100"),
        ("--samples 101", MagicError, "1 to 100"),
        ("--samples many", MagicError, "invalid int"),
        ("--on main --samples 2", MagicError, "exclude each other"),
        ("--on main --from 0", MagicError, "exclude each other"),
        ("--on main,main", MagicError, "one twice"),
        ("--on main,nope", BranchError, "no branch 'nope'"),
    ],
)
def test_mistakes_ask_nothing(branches, line, error, said):
    """A line that cannot be is refused before anything is put."""
    before = branches.paths()
    ran = branches.run(f"%%chat {line}\nx")
    assert isinstance(ran.error, error)
    assert said in str(ran.error)
    assert branches.paths() == before
