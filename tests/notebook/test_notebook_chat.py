"""``%%chat`` and ``%branch`` as a user runs them."""

from __future__ import annotations

import json

import pytest

from dknb.conversations.sql import SQLConversationStorage
from dknb.errors import (
    BranchError,
    ConversationNotFound,
    DknbError,
    MagicError,
    NodeNotFound,
    PromptNotFound,
    StorageError,
)
from dknb.llm.providers.echo import EchoProvider


def test_a_cell_is_answered_in_markdown_with_a_line_of_facts(notebook):
    """The answer comes as Markdown, HTML and text; below it stand node, branch, tokens, price and seconds."""
    ran = notebook.run("%%chat\nHello **you**", cell="a")
    answer, facts = ran.bundles
    assert answer["text/markdown"] == answer["text/plain"] == "Echo: Hello **you**"
    assert "<strong>you</strong>" in answer["text/html"]
    assert facts["text/plain"].startswith("node 0.0 · main · ")
    assert "tokens · $0 · " in facts["text/plain"]


def test_the_text_is_sent_as_it_is_written(notebook):
    """Braces, dollars and templates in a body reach the model untouched."""
    notebook.shell.user_ns["x"] = 5
    body = "a {x} $x {{x}} ((y)) %d \\n"
    assert f"Echo: {body}" in notebook.ok(f"%%chat\n{body}", cell="a")


def test_a_template_is_rendered_on_demand(notebook):
    """With --template the notebook's variables go in."""
    notebook.shell.user_ns["x"] = "{{y}}"
    assert "Echo: say {{y}}!" in notebook.ok("%%chat --template\nsay {{x}}!((, {{z}}))", cell="a")


def test_the_reply_is_bound(notebook):
    """--as and >> bind an object with content, node_id, usage and cost_usd, which converts to its text."""
    notebook.ok("%%chat --as one\nHello", cell="a")
    notebook.ok("%%chat >> two\nAgain", cell="b")
    one, two = notebook.shell.user_ns["one"], notebook.shell.user_ns["two"]
    assert (str(one), one.content, one.node_id, one.cost_usd) == ("Echo: Hello", "Echo: Hello", "0.0", 0.0)
    assert one.usage["total_tokens"] > 0
    assert two.node_id == "0.0.0.0"


def test_running_a_cell_again_makes_a_sibling(notebook):
    """The same text is another sample, another text a sibling question; the cell below follows."""
    notebook.ok("%%chat\nq", cell="a")
    notebook.ok("%%chat\nr", cell="b")
    notebook.ok("%%chat\nq", cell="a")
    notebook.ok("%%chat\nedited", cell="a")
    notebook.ok("%%chat\nr", cell="b")
    assert notebook.paths() == [
        ("edited",),
        ("edited", "Echo: edited"),
        ("edited", "Echo: edited", "r"),
        ("edited", "Echo: edited", "r", "Echo: r"),
        ("q",),
        ("q", "Echo: q"),
        ("q", "Echo: q"),
        ("q", "Echo: q", "r"),
        ("q", "Echo: q", "r", "Echo: r"),
    ]


def test_cells_without_ids_go_on(notebook):
    """Where the front end tells no ids, as in a terminal, each run goes on below the one before."""
    notebook.ok("%%chat\nq")
    notebook.ok("%%chat\nq")
    assert notebook.paths()[-1] == ("q", "Echo: q", "q", "Echo: q")


def new_kernel(notebook):
    notebook.shell.run_line_magic("reload_ext", "dknb")


@pytest.mark.parametrize("ids", [True, False])
def test_run_all_in_a_new_kernel_adds_nothing(notebook, ids):
    """Restart and Run All retraces what is stored, with branches and all, whether or not cells have ids."""
    cells = ["%%chat\nq", "%%chat\nr", "%branch new alt --at 0.0", "%%chat\ns", "%branch switch main", "%%chat\nt",
             "%%chat --from main --branch side\nu", "%%chat --from 0.0\nv"]  # fmt: skip
    for number, cell in enumerate(cells):
        notebook.ok(cell, cell=f"c{number}" if ids else None)
    before = notebook.paths()
    for _ in range(2):
        new_kernel(notebook)
        for number, cell in enumerate(cells):
            notebook.ok(cell, cell=f"c{number}" if ids else None)
        assert notebook.paths() == before


def test_run_all_follows_the_notebook_as_it_is_now(notebook):
    """After a restart the order of the cells decides: one put between two others is asked between them."""
    notebook.ok("%%chat\nq", cell="a")
    notebook.ok("%%chat\nr", cell="b")
    notebook.ok("%%chat\nbetween", cell="c")
    new_kernel(notebook)
    for cell, text in (("a", "q"), ("c", "between"), ("b", "r")):
        notebook.ok(f"%%chat\n{text}", cell=cell)
    assert ("q", "Echo: q", "between", "Echo: between", "r", "Echo: r") in notebook.paths()


def test_a_new_cell_in_a_new_kernel_begins_at_the_top_and_says_so(notebook):
    """%chat --resume goes to where the conversation was left, and says so."""
    notebook.ok("%%chat\nq", cell="a")
    new_kernel(notebook)
    assert "%chat --resume" not in notebook.ok("%%chat\nq", cell="a")
    new_kernel(notebook)
    assert "%chat --resume goes on at node 0.0" in notebook.ok("%%chat\nnew", cell="z")
    new_kernel(notebook)
    said = notebook.ok("%chat --resume", cell="y")
    assert "conversation 'default': resumed at node 1.0 on main" in said
    notebook.ok("%%chat\nmore", cell="x")
    assert ("new", "Echo: new", "more", "Echo: more") in notebook.paths()


def test_a_conversation_is_named_after_its_notebook(notebook, project, monkeypatch):
    """The kernel knows its notebook's path; --name changes to another conversation and stays there."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(project / "week" / "talk.ipynb"))
    new_kernel(notebook)
    notebook.ok("%%chat\nq", cell="a")
    assert notebook.talk.name == "week/talk"
    notebook.ok("%%chat --name other\nq", cell="b")
    notebook.ok("%%chat\nr", cell="c")
    assert notebook.talk.name == "other"
    assert ("q", "Echo: q", "r", "Echo: r") in notebook.paths()


def test_asking_elsewhere(notebook):
    """--from asks below a node or branch, again and again at the same place; --branch names the way."""
    notebook.ok("%%chat\nq", cell="a")
    notebook.ok("%%chat\nr", cell="b")
    for _ in range(2):
        notebook.ok("%%chat --from 0.0 --branch side\ns", cell="c")
    notebook.ok("%%chat --from main\nt", cell="d")
    assert notebook.paths().count(("q", "Echo: q", "s", "Echo: s")) == 2
    assert ("q", "Echo: q", "r", "Echo: r", "t", "Echo: t") in notebook.paths()
    assert notebook.talk.head("side").data.node_id == "0.0.1.1"


def test_a_cell_asked_from_its_own_branch_does_not_grow(notebook):
    """A cell whose --from names the branch that its own answer is on stays where it first asked."""
    notebook.ok("%%chat\nq", cell="a")
    for _ in range(3):
        notebook.ok("%%chat --from main\nr", cell="b")
    assert max(len(path) for path in notebook.paths()) == 4
    notebook.ok("%%chat --from main\nq", cell="a")
    notebook.ok("%%chat --from main\nq", cell="a")
    assert max(len(path) for path in notebook.paths()) == 6


def test_a_system_prompt_is_the_root_and_can_be_replaced(notebook):
    """The first --system is the conversation's own; another one holds for its question and what is below."""
    notebook.ok('%%chat --system "Be kind."\nq', cell="a")
    assert notebook.talk.manager.state.message_tree.data.message.content == "Be kind."
    seen = []
    notebook.session.provider(notebook.session.config).set_response_function(
        lambda messages: seen.append([(m.role, m.content) for m in messages]) or "ok"
    )
    notebook.ok('%%chat --system "Be harsh."\nq', cell="a")
    notebook.ok("%%chat\nr", cell="b")
    assert seen[0] == [("system", "Be harsh."), ("user", "q")]
    assert seen[1][0] == ("system", "Be harsh.")
    assert notebook.talk.places.position.data.node_id == "1.0.0.0"


def test_a_system_prompt_of_the_library_is_rendered(notebook, project):
    """--system NAME renders the library's prompt with the notebook's variables."""
    (project / "prompts" / "user").mkdir(parents=True)
    (project / "prompts" / "user" / "critique.yaml").write_text("template: 'You are {{tone}}.'\n")
    notebook.shell.user_ns["tone"] = "kind"
    notebook.ok("%%chat --system critique\nq", cell="a")
    assert notebook.talk.manager.state.message_tree.data.message.content == "You are kind."
    assert isinstance(notebook.run("%%chat --system critque\nq", cell="b").error, PromptNotFound)


def test_several_questions_in_one_cell_go_on_and_keep_their_places(notebook):
    """dknb.chat in a loop asks below itself; run again, each question is a sibling of what it was."""
    source = "from dknb import chat\nfor n in range(2):\n    last = chat(f'question {n}')"
    for _ in range(2):
        notebook.ok(source, cell="loop")
    assert notebook.shell.user_ns["last"].content == "Echo: question 1"
    assert max(len(path) for path in notebook.paths()) == 4
    assert notebook.paths().count(("question 0", "Echo: question 0")) == 2


def test_branches(notebook):
    """Branches are made, listed, renamed, compared, hidden and shown again."""
    notebook.ok("%%chat\nq", cell="a")
    assert "begins at node 0.0" in notebook.ok("%branch new alt")
    notebook.ok("%%chat\nwhy", cell="b")
    notebook.ok("%branch switch main")
    notebook.ok("%%chat\nhow", cell="c")
    assert "part after node 0.0" in notebook.ok("%branch diff main alt")
    assert "[-how-]{+why+}" in notebook.ok("%branch diff main alt")
    notebook.ok("%branch rename alt 'other way'")
    listed = notebook.ok("%branch")
    assert "* main" in listed
    assert "other way" in listed
    assert "would hide 2 nodes" in notebook.ok("%branch delete 'other way'")
    assert "2 nodes are hidden" in notebook.ok("%branch delete 'other way' --yes")
    assert "why" not in notebook.ok("%branch tree")
    notebook.ok("%branch undelete 'other way'")
    assert "why" in notebook.ok("%branch tree")


def test_an_end_that_lost_its_name_is_listed(notebook):
    """A way that a rerun cell left behind is still found in the list."""
    notebook.ok("%%chat\nq", cell="a")
    notebook.ok("%%chat\nr", cell="b")
    notebook.ok("%%chat\nother", cell="a")
    assert "0.0.0.0" in notebook.ok("%branch list")


def test_numbers_stand_for_nodes_too(notebook):
    """#N is the N-th node of the conversation, short also where its path is long."""
    for number in range(6):
        notebook.ok(f"%%chat\nq{number}", cell=str(number))
    assert "node #12" in notebook.ok("%chat")
    notebook.ok("%branch switch #4")
    assert notebook.talk.places.position.data.message.content == "Echo: q1"


MISTAKES = [
    ("%%chat", MagicError, "the cell is empty"),
    ("%%chat --as x\n", MagicError, "the cell is empty"),
    ("%%prompt p", MagicError, "the cell is empty"),
    ("%%chat\n   \n", MagicError, "the cell is empty"),
    ("%%chat --form 0.0\nx", MagicError, "Did you mean '--from'?"),
    ("%%chat --from 0.7\nx", NodeNotFound, "no node '0.7'"),
    ("%%chat --from mian\nx", BranchError, "Did you mean 'main'?"),
    ("%%chat --branch 0.1\nx", BranchError, "reads as a node id"),
    ("%%chat --model opnai/gpt\nx", DknbError, "Did you mean 'openai'?"),
    ("%%chat temprature=1\nx", DknbError, "Did you mean 'temperature'?"),
    ("%%chat api_key=sk-1234567890\nx", DknbError, "key"),
    ("%%chat --system critque\nx", PromptNotFound, "no prompt 'critque'"),
    ("%branch swich main", MagicError, "Did you mean 'switch'?"),
    ("%branch switch mian", BranchError, "Did you mean 'main'?"),
    ("%branch switch 9", NodeNotFound, "no node '9'"),
    ("%branch switch #99", NodeNotFound, "no node '#99'"),
    ("%branch new", MagicError, "required"),
    ("%branch new main", BranchError, "already a branch 'main'"),
    ("%branch delete nope --yes", BranchError, "no branch 'nope'"),
    ("%branch diff main", MagicError, "required"),
    ("%chat --resume --name nope", ConversationNotFound, "no conversation 'nope'"),
    ("%dknb modle echo", MagicError, "Did you mean 'model'?"),
    ("%dknb model echo temprature=1", DknbError, "Did you mean 'temperature'?"),
    ("%dknb model openai/gpt-5.4-mini api_key=sk-1234567890", DknbError, "key"),
    ("%dknb library nowhere", DknbError, "no folder 'nowhere'"),
    ("%dknb replay nowhere.jsonl", DknbError, "nowhere.jsonl"),
]


@pytest.mark.parametrize(("source", "kind", "said"), MISTAKES)
def test_a_mistake_is_one_line_of_what_and_loses_nothing(notebook, source, kind, said):
    """The cell fails with the nearest right name and without a traceback; the conversation is as before."""
    notebook.ok("%%chat\nq", cell="a")
    before = notebook.paths()
    notebook.ok("%branch new alt")
    notebook.ok("%branch switch main")
    ran = notebook.run(source, cell="m")
    assert isinstance(ran.error, kind)
    assert said in str(ran.error)
    lines = ran.printed.splitlines()
    assert lines[0].startswith("dknb: ")
    assert len(lines) <= 2
    assert "sk-1234567890" not in ran.printed
    assert notebook.paths() == before


def test_tb_shows_the_traceback(notebook):
    """After the short message, %tb still has the whole."""
    notebook.run("%branch nonsense", cell="a")
    assert "Traceback" in notebook.run("%tb").printed


def test_a_corrupt_store_is_an_error_that_leaves_it_alone(notebook, project):
    """A file that is no database is named, and not overwritten."""
    (project / ".dknb").mkdir()
    (project / ".dknb" / "dknb.db").write_bytes(b"this is no database" * 100)
    assert isinstance(notebook.run("%%chat\nq", cell="a").error, StorageError)
    assert (project / ".dknb" / "dknb.db").read_bytes() == b"this is no database" * 100


def test_an_unwritable_store_is_an_error(notebook, project):
    """A file where the folder should be is named."""
    (project / ".dknb").write_text("")
    assert isinstance(notebook.run("%%chat\nq", cell="a").error, StorageError)


async def test_two_kernels_on_one_notebook_lose_nothing(notebook, project):
    """What another kernel adds meanwhile stays, and is told."""
    from dknb.conversations.manager import ConversationManager
    from dknb.llm.config import LLMConfig

    notebook.ok("%%chat\nq", cell="a")
    storage = SQLConversationStorage(project / ".dknb" / "dknb.db")
    other = await ConversationManager.resume("default", EchoProvider(LLMConfig("echo")), None, storage)
    await other.switch_to_node("")
    await other.add_message("user", "theirs")
    await other.complete()
    await storage.close()
    assert "another kernel has added 2 nodes" in notebook.ok("%%chat\nr", cell="b")
    assert ("theirs", "Echo: theirs") in notebook.paths()
    assert ("q", "Echo: q", "r", "Echo: r") in notebook.paths()


def test_what_is_shown_of_a_tree_is_data_too(notebook):
    """%branch tree shows the conversation's own MIME type with HTML and text beside it."""
    notebook.ok("%%chat\nq", cell="a")
    (bundle,) = notebook.run("%branch tree").bundles
    data = bundle["application/vnd.dknb.conversation+json"]
    assert json.loads(json.dumps(data))["nodes"]["text"] == ["", "q", "Echo: q"]
    assert {"text/html", "text/plain"} < set(bundle)


def test_a_connection_that_failed_before_an_answer_costs_nothing(notebook):
    """Only what may have cost is counted: what broke off under an answer does, a refused connection does not."""
    from dknb.errors import ConnectionFailed
    from dknb.llm.messages import LLMResponse

    notebook.ok("%dknb model echo retry_count=0")
    broken = ConnectionFailed("It broke.")
    broken.partial = LLMResponse("Half an")
    notebook.session.provider(notebook.session.config).set_responses([ConnectionFailed("No."), ConnectionFailed("No.")])
    assert notebook.run("%%chat\nq", cell="a").error is not None
    assert notebook.run("%%prompt p --run\nsay it", cell="b").error is not None
    assert "echo" not in notebook.ok("%dknb costs")
    notebook.session.provider(notebook.session.config).set_responses([broken])
    assert notebook.run("%%chat\nq", cell="a").error is not None
    assert "echo/echo  1      $0 + 1 of unknown price" in notebook.ok("%dknb costs")


def test_costs_are_kept_in_the_ledger(notebook):
    """%dknb costs sums the calls of the project by model."""
    notebook.ok("%%chat\nq", cell="a")
    notebook.ok("%%prompt p --run\nsay it", cell="b")
    said = notebook.ok("%dknb costs")
    assert "echo/echo  2      $0" in said
