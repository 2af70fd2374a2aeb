"""``%branch``: stars, labels, search, saying again, and giving the conversation away."""

from __future__ import annotations

import json

import pytest

from dknb.errors import BranchError, ConfigError, MagicError, NodeNotFound, StorageError
from dknb.notebook.views.text import MIME


@pytest.fixture
def talk(notebook):
    """main: hello (0.0), mills (0.0.0.0); skeptic: proof (0.0.1.0); one is on main."""
    notebook.ok("%%chat\nhello", cell="a")
    notebook.ok("%branch new skeptic", cell="n")
    notebook.ok("%branch switch main")
    notebook.ok("%%chat\nabout mills", cell="b")
    notebook.ok("%%chat --from skeptic\nabout proof", cell="c")
    notebook.ok("%branch switch main")
    return notebook


def stored(notebook):
    return len(notebook.talk.manager.state.stored)


def test_stars_and_labels_are_shown_in_the_tree(talk):
    """A star and labels stand in the picture, in its text, its HTML and its data, until they are taken away."""
    assert talk.ok("%branch star") == "★ node 0.0.0.0"
    talk.ok("%branch label skeptic 'to check'")
    (bundle,) = talk.run("%branch tree").bundles
    assert "0.0.0.0 ★  assistant: Echo: about mills [main]" in bundle["text/plain"]
    assert "Echo: about proof [skeptic] #to check" in bundle["text/plain"]
    nodes = bundle[MIME["conversation"]]["nodes"]
    assert [n for n, star in enumerate(nodes["starred"]) if star] == [4]
    assert nodes["labels"][6] == ["to check"]
    talk.ok("%branch unstar main")
    talk.ok("%branch unlabel skeptic 'to check'")
    text = talk.ok("%branch tree")
    assert "★" not in text
    assert "#to check" not in text
    assert "no label 'to check'" in str(talk.run("%branch unlabel skeptic 'to check'").error)


def test_search_finds_words_with_node_and_branch(talk):
    """A search shows the node, its branches, who said it, and the words marked."""
    (bundle,) = talk.run("%branch search mills").bundles
    assert bundle["text/plain"].splitlines() == [
        "2 messages with 'mills'",
        "0.0.0    main  user       about *mills*",
        "0.0.0.0  main  assistant  Echo: about *mills*",
    ]
    assert "about <mark>mills</mark>" in bundle["text/html"]
    assert "1 message with" in talk.ok("%branch search mills --role user")
    assert "nothing was said with 'wheels'" in talk.ok("%branch search wheels")
    assert isinstance(talk.run("%branch search mills --limit 0").error, MagicError)


def test_search_by_label_and_in_what_was_deleted(talk):
    """--label narrows a search; --deleted widens it, and says which is deleted."""
    talk.ok("%branch label 0.0.1 doubt")
    assert talk.ok("%branch search about --label doubt").splitlines()[1:] == ["0.0.1  skeptic  user  *about* proof"]
    talk.ok("%branch delete skeptic --yes")
    assert "nothing" in talk.ok("%branch search proof")
    assert "Echo: about *proof*  (deleted)" in talk.ok("%branch search proof --deleted")


def test_what_is_found_is_data(talk):
    """Markup in what was said stays text around the marks."""
    talk.ok("%%chat\n<b>bold</b> words", cell="d")
    html = talk.run("%branch search bold --role user").bundles[0]["text/html"]
    assert "&lt;b&gt;<mark>bold</mark>&lt;/b&gt; words" in html


def test_a_search_in_the_store_names_conversations(talk):
    """%dknb search looks in every conversation and says which."""
    talk.ok("%dknb conversation other")
    talk.ok("%%chat\nmore mills", cell="z")
    text = talk.ok("%dknb search mills --role user")
    assert "default" in text
    assert "#1  other" in text


def test_deleted_nodes_can_be_seen(talk):
    """%branch tree --deleted shows what was deleted, marked as such; without it they are left out."""
    talk.ok("%branch delete skeptic --yes")
    assert "proof" not in talk.ok("%branch tree")
    (bundle,) = talk.run("%branch tree --deleted").bundles
    assert "✕ 0.0.1.0  assistant: Echo: about proof (deleted)" in bundle["text/plain"]
    assert sum(bundle[MIME["conversation"]]["nodes"]["deleted"]) == 2


def test_an_edited_answer_is_a_sibling_that_is_gone_on_from(talk):
    """An answer said otherwise stands beside the first; asking again to edit it so adds no other."""
    assert talk.ok("%branch edit 0.0.0.0 'Mills grind.'").startswith("at node 0.0.0.1, said in the place of 0.0.0.0")
    count = stored(talk)
    talk.ok("%branch edit 0.0.0.0 'Mills grind.'")
    assert stored(talk) == count
    talk.ok("%%chat\nwhy?", cell="e")
    assert ("hello", "Echo: hello", "about mills", "Mills grind.", "why?", "Echo: why?") in talk.paths()


def test_an_edited_question_is_put_into_a_cell_that_asks_it(talk):
    """A question said otherwise is a sibling, and the cell that comes with it has it answered there."""
    talk.ok("%branch edit 0.0.0 'about windmills'")
    cell = talk.shell.rl_next_input
    assert cell == "%%chat --from 0.0\nabout windmills"
    count = stored(talk)
    talk.ok(cell, cell="e")
    assert stored(talk) == count + 1
    assert talk.talk.places.position.data.node_id == "0.0.2.0"


def test_edit_without_a_text_gives_a_cell_to_write_it_in(talk):
    """The cell holds what was said, as its magic takes it, and nothing is stored."""
    count = stored(talk)
    talk.ok("%branch edit 0.0")
    assert talk.shell.rl_next_input == '%branch edit 0.0 "Echo: hello"'
    talk.ok("%branch edit 0.0.0")
    assert talk.shell.rl_next_input == "%%chat --from 0.0\nabout mills"
    assert stored(talk) == count
    assert isinstance(talk.run("%branch edit root x").error, BranchError)


def test_nodes_are_picked_onto_a_branch_once(talk):
    """Copies go below each other at the branch's end; the same cell again adds none, another cell goes on from there."""
    line = "%branch pick 0.0.1 0.0.1.0 --onto main"
    assert talk.ok(line, cell="p") == "2 nodes copied; at node 0.0.0.0.0.0 on main"
    assert talk.ok(line, cell="p") == "2 nodes copied; at node 0.0.0.0.0.0 on main"
    copies = ("Echo: about mills", "about proof", "Echo: about proof")
    assert [path[3:] for path in talk.paths() if len(path) == 6] == [copies]
    assert talk.ok(line, cell="q") == "2 nodes copied; at node 0.0.0.0.0.0.0.0 on main"
    assert talk.talk.manager.state.branches["main"].head.depth == 8
    assert isinstance(talk.run("%branch pick 9 --onto main").error, NodeNotFound)


def test_a_diff_says_what_each_side_took(talk):
    """Tokens, price and time of each side stand above the words, with the difference."""
    rows = [line.split() for line in talk.ok("%branch diff main skeptic").splitlines()[3:7]]
    assert rows[0] == ["after", "the", "fork", "messages", "tokens", "price", "time"]
    assert rows[1][:5] == ["main", "2", "8", "+", "5"]
    assert rows[3][:6] == ["difference", "+0", "+0", "+", "+0", "$0"]


def test_the_way_to_a_node_is_exported(talk, project):
    """The ending says the form: Markdown, a notebook, or messages for fine-tuning."""
    assert talk.ok("%branch export talk.md") == "4 messages, to node 0.0.0.0: talk.md"
    assert "> about mills" in (project / "talk.md").read_text()
    talk.ok("%branch export talk.ipynb --at skeptic")
    cells = json.loads((project / "talk.ipynb").read_text())["cells"]
    assert [cell["source"] for cell in cells] == [
        "%load_ext dknb\n%dknb conversation default", "%%chat\nhello", "%%chat\nabout proof",
    ]  # fmt: skip
    talk.ok("%branch export talk.jsonl --at 0.0")
    assert json.loads((project / "talk.jsonl").read_text()) == {
        "messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "Echo: hello"}]
    }


def test_a_file_is_not_written_over_unasked(talk, project):
    """The same content again is fine; another needs --force; an unknown ending or folder is one line."""
    talk.ok("%branch export talk.md")
    talk.ok("%branch export talk.md")
    before = (project / "talk.md").read_text()
    assert isinstance(talk.run("%branch export talk.md --at skeptic").error, ConfigError)
    assert (project / "talk.md").read_text() == before
    talk.ok("%branch export talk.md --at skeptic --force")
    assert "about proof" in (project / "talk.md").read_text()
    assert isinstance(talk.run("%branch export talk.txt").error, ConfigError)
    assert isinstance(talk.run("%branch export no/talk.md").error, StorageError)


def test_the_conversation_is_a_frame(talk):
    """%branch frame is a DataFrame of one row a node, as the value of the line or bound."""
    frame = talk.shell.run_cell("%branch frame").result
    assert list(frame["content"]) == [
        "hello", "Echo: hello", "about mills", "Echo: about mills", "about proof", "Echo: about proof",
    ]  # fmt: skip
    assert talk.ok("%branch frame >> nodes") == "nodes: 6 rows, 24 columns"
    assert talk.shell.user_ns["nodes"].equals(frame)


def test_help_has_every_command(notebook):
    """%branch help says how each command is used, once."""
    text = notebook.ok("%branch help")
    assert all(text.count(f"%branch {name}") == 1 for name in ("star", "search", "edit", "pick", "export", "frame"))
