"""Cells with branches run a second time in one kernel; and what ``%branch`` and side-by-side answers say."""

from __future__ import annotations

import asyncio

import pytest

from dknb.errors import BranchError, MagicError, NodeNotFound
from dknb.llm import EchoProvider


def run_all(notebook, *cells):
    """Run cells in order; each is its own id. Their texts."""
    return [notebook.ok(source, cell=f"c{number}") for number, source in enumerate(cells)]


def heads(notebook):
    talk = notebook.talk
    return {
        name: talk.head(name).data.node_id
        for name, branch in talk.manager.state.branches.items()
        if not branch.deletion
    }


def test_run_all_passes_a_branch_that_it_deletes(notebook):
    """The branch begins again with nothing on it; what was said on it before stays deleted."""
    cells = ["%%chat\nq", "%branch new z", "%%chat\non z", "%branch switch main", "%%chat\non main",
             "%branch delete z --yes"]  # fmt: skip
    for _ in range(3):
        texts = run_all(notebook, *cells)
        assert " · z · " in texts[2]
        assert " · main · " in texts[4]
        assert texts[5].startswith("branch 'z' is deleted, 2 nodes are hidden")
    shown = [node for node in notebook.talk.manager.state.message_tree.walk() if not node.data.hidden]
    assert "on z" not in [node.data.message.content for node in shown]


def test_another_cell_does_not_take_the_name_of_a_deleted_branch(notebook):
    """Only the cell that made it begins it again; elsewhere one is told how to get it back."""
    run_all(notebook, "%%chat\nq", "%branch new z", "%branch switch main", "%branch delete z --yes")
    ran = notebook.run("%branch new z", cell="other")
    assert isinstance(ran.error, BranchError)
    assert "A deleted branch has the name 'z'" in str(ran.error)


@pytest.mark.parametrize(
    "last", ["%%chat --from z\nwhy?", "%%chat\nwhy?", "%%chat --on z\nwhy?", "%%chat --branch z\nwhy?"]
)
def test_a_branch_that_begins_at_a_node_is_asked_there_again(notebook, last):
    """Though the answer of the cell above is another now, the branch stands where its line says, and so does the question."""
    cells = ["%%chat\nfirst", "%branch new z --at 0.0", last]
    for number in range(3):
        texts = run_all(notebook, *cells)
        assert f"node 0.0.0.{number} · z" in texts[2].replace("[z]\n", "")
    assert heads(notebook)["z"] == "0.0.0.2"


def test_a_pick_onto_a_branch_goes_to_where_it_stands(notebook):
    """The second time too: the copy is there already, and the branch ends at it."""
    cells = ["%%chat\nfirst", "%branch new z --at 0.0", "%branch pick 0 --onto z"]
    for _ in range(2):
        assert run_all(notebook, *cells)[2] == "1 node copied; at node 0.0.0 on z"


def test_a_cell_follows_the_branch_that_its_line_names(notebook):
    """Where the branch has left the cell's answer; as long as it goes on from there, the cell stays where it asked."""
    cells = ["%%chat\nq", "%branch new z", "%%chat --from z\na", "%%chat --from z\nb"]
    run_all(notebook, *cells)
    assert "node 0.0.0.1 " in notebook.ok(cells[2], cell="c2")
    assert "node 0.0.0.1.0.0 " in notebook.ok(cells[3], cell="c3")
    notebook.ok("%%chat --from 0 --branch z\nelsewhere", cell="d")
    assert "node 0.1.0.0.0 " in notebook.ok(cells[3], cell="c3")


def test_a_node_that_was_switched_to_is_where_a_cell_stays(notebook):
    """By its id: the cell does not follow the one that it answers to another answer."""
    cells = ["%%chat\nq", "%branch switch 0.0", "%%chat\nwhy?"]
    run_all(notebook, *cells)
    assert "node 0.0.0.1 " in run_all(notebook, *cells)[2]


def test_numbers_of_nodes_are_made_of_our_digits(notebook):
    """An Arabic one names no node."""
    notebook.ok("%%chat\nq", cell="a")
    assert "at node 0" in notebook.ok("%branch switch #1")
    for line in ("%branch switch #\u0661", "%branch delete #\u0661"):
        assert isinstance(notebook.run(line).error, BranchError | NodeNotFound)


def test_a_diff_says_who_spoke_on_each_side(notebook):
    """Of what stands beside each other, both roles; and one message is one message."""
    run_all(notebook, "%%chat\nq", "%%chat --from 0.0\nwhy?", "%%chat --from root\nother")
    notebook.ok("%branch edit 0.0 changed")
    text = notebook.ok("%branch diff 0.0.0 0.1")
    assert "(1 message in common)" in text
    assert "assistant  0.0 | 0.1" in text
    notebook.ok("%%chat --from 0\nme", cell="z")
    assert "assistant | user  0.0 | 0.2" in notebook.ok("%branch diff 0.0 0.2")


def test_an_edit_takes_words_without_quotes(notebook):
    """The words are the text, with one blank between them; a word too many elsewhere is called so."""
    notebook.ok("%%chat\nq", cell="a")
    assert "at node 1" in notebook.ok("%branch edit 0 changed text")
    assert ("changed text",) in notebook.paths()
    ran = notebook.run("%branch rename main other third")
    assert isinstance(ran.error, MagicError)
    assert "'third' is one word too many" in str(ran.error)


def test_samples_are_shown_in_the_order_in_which_they_are_counted(notebook, monkeypatch):
    """Whichever comes first is answer 1, stands first, and is gone on from."""
    calls, stream = [], EchoProvider.stream_complete

    async def last_first(self, *args, **kwargs):
        calls.append(1)
        for _ in range(20 * (4 - len(calls))):
            await asyncio.sleep(0.001)
        async for piece in stream(self, *args, **kwargs):
            yield piece

    monkeypatch.setattr(EchoProvider, "stream_complete", last_first)
    (bundle,) = notebook.run("%%chat --samples 3 --as df\nwhy?", cell="a").bundles
    counts = [line.split(" · ")[2] for line in bundle["text/plain"].splitlines() if line.startswith("node ")]
    assert counts == ["answer 1 of 3", "answer 2 of 3", "answer 3 of 3"]
    assert list(notebook.shell.user_ns["df"]["node_id"]) == ["0.0", "0.1", "0.2"]
    assert heads(notebook)["main"] == "0.0"
