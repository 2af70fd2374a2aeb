"""What fresh eyes found: threads, loops through branches, interleaved conversations, secrets, long answers."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dknb.errors import ConfigError, DknbError, Interrupted, MissingParameters, ServerError
from dknb.llm.messages import LLMResponse
from dknb.notebook.markdown import markdown_to_html
from dknb.notebook.views.answer import Reply, status_bundle


def test_questions_from_threads_are_answered_in_turn(notebook):
    """Each thread gets the answer of the model it asked, and the node that holds it."""
    from dknb import chat

    def ask(number):
        return chat("hi", source="root", options={"echo_prefix": f"M{number}: "})

    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(ask, range(12)))
    assert [reply.content for reply in replies] == [f"M{number}: hi" for number in range(12)]
    tree = notebook.talk.manager
    assert [tree.resolve(reply.node_id).data.message.content for reply in replies] == [r.content for r in replies]


def test_asking_from_each_others_branch_does_not_grow(notebook):
    """Two cells that would hang on each other stay where they are."""
    notebook.ok("%%chat\nq1", cell="a")
    notebook.ok("%%chat\nq2", cell="b")
    for _ in range(4):
        notebook.ok("%%chat --from main\nq1b", cell="a")
        notebook.ok("%%chat\nq2", cell="b")
    assert max(map(len, notebook.paths())) == 8


@pytest.mark.parametrize(
    "cells",
    [
        ["%%chat --from root\nq1", "%%chat --from main\nq2"],
        ["%%chat --branch x\nq1", "%%chat\nq2", "%%chat --from main\nq3"],
        ["%%chat\nq1", "%branch new s --at 0.0", "%%chat\nq2", "%branch switch main", "%branch delete s --yes"],
        ["%%chat\nq1", "%%chat\nq2", "%branch switch 0.0", "%branch new z"],
    ],
)
@pytest.mark.parametrize("ids", [True, False])
def test_run_all_adds_nothing_wherever_cells_ask(notebook, cells, ids):
    """Options that name branches lead to the same places in each new kernel."""
    sizes = []
    for _ in range(3):
        for number, cell in enumerate(cells):
            notebook.ok(cell, cell=str(number) if ids else None)
        sizes.append(len(notebook.paths()))
        notebook.shell.run_line_magic("reload_ext", "dknb")
    assert len(set(sizes)) == 1


def test_a_cell_stays_in_its_conversation(notebook):
    """Run again after another conversation was begun, a cell asks where it asked before."""
    notebook.ok("%%chat\nq1", cell="a")
    notebook.ok("%%chat --name side\nq2", cell="b")
    notebook.ok("%%chat\nq1", cell="a")
    assert notebook.talk.name == "default"
    assert notebook.paths() == [("q1",), ("q1", "Echo: q1"), ("q1", "Echo: q1")]


def test_a_failed_cell_does_not_change_the_conversation(notebook):
    """A name on a line that fails is not kept."""
    notebook.ok("%%chat\nq1", cell="a")
    for line in ("--name oops --model nope/x", "--name oops --from 0.7", "--name oops --system nothing"):
        assert isinstance(notebook.run(f"%%chat {line}\nq", cell="b").error, DknbError)
        assert notebook.session.conversation == "default"


def test_a_cell_of_a_deleted_branch_can_be_run_again(notebook):
    """Nodes that another branch shares outlive the branch, and so do their cells."""
    notebook.ok("%%chat\nq1", cell="a")
    notebook.ok("%branch new alt --at 0.0")
    notebook.ok("%%chat\nq3", cell="c")
    notebook.ok("%branch delete main --yes")
    notebook.ok("%%chat\nq1", cell="a")
    assert notebook.talk.places.branch == "alt"


def test_a_renamed_branch_is_followed(notebook):
    """A cell's answers go to its branch under the new name."""
    notebook.ok("%%chat --branch old\nq1", cell="a")
    notebook.ok("%branch rename old new")
    notebook.ok("%%chat\nq1", cell="a")
    assert notebook.talk.head("new").data.node_id == "0.1"


@pytest.mark.parametrize("removed", ["dknb.db", ""])
def test_a_store_that_was_removed_is_written_again(notebook, project, removed):
    """What the kernel has of the conversation goes into a new store."""
    import shutil

    notebook.ok("%%chat\nq1", cell="a")
    for file in (project / ".dknb").glob("dknb.db*"):
        file.unlink()
    if not removed:
        shutil.rmtree(project / ".dknb")
    notebook.ok("%%chat\nq2", cell="b")
    notebook.shell.run_line_magic("reload_ext", "dknb")
    notebook.ok("%chat")
    assert ("q1", "Echo: q1", "q2", "Echo: q2") in notebook.paths()


def test_a_partial_answer_of_a_failed_call_is_shown_and_bound(notebook):
    """What arrived before a server failed is shown, stored, marked, and in the variable."""
    echo = notebook.session.provider(notebook.session.config)

    async def broken(*_, **__):
        from dknb.llm.messages import LLMStreamResponse

        yield LLMStreamResponse("half an ans")
        raise ServerError("it fell over\x1b[2J", hint="try again")

    echo._stream = broken
    ran = notebook.run("%%chat --as got\nq", cell="a")
    assert isinstance(ran.error, ServerError)
    assert "half an ans" in ran.text
    assert "incomplete" in ran.text
    assert "\x1b[2J" not in ran.printed
    assert notebook.shell.user_ns["got"].incomplete
    ran = notebook.run("%%prompt p --run\nq", cell="b")
    assert "incomplete" in ran.text


def test_nothing_with_holes_is_sent(notebook, project):
    """A prompt with missing parameters is shown and not sent, by whatever way."""
    for source in ("%%prompt p --run\n{{hole}}", "%%chat --template\n{{hole}}"):
        assert isinstance(notebook.run(source, cell="a").error, MissingParameters)
    notebook.ok("%%prompt saved --save\nYou are {{tone}}.")
    assert isinstance(notebook.run("%%chat --system saved\nq", cell="a").error, MissingParameters)
    assert isinstance(notebook.run("%prompt saved --run").error, MissingParameters)
    assert notebook.ok("%prompt saved --run tone=kind").endswith("echo")
    assert "saved" in notebook.ok("%prompt")


def test_a_replaced_prompt_is_kept(notebook, project):
    """Saving over a prompt keeps the version before, and says where."""
    notebook.ok("%%prompt p --save\nfirst")
    said = notebook.ok("%%prompt p --save\nsecond")
    (kept,) = (path for path in (project / ".dknb" / "replaced").rglob("*") if path.is_file())
    assert kept.name in said
    assert "first" in kept.read_text()


def test_settings_show_no_secret(notebook):
    """Headers in options are not shown."""
    notebook.ok('%dknb model openai/x api_base=http://127.0.0.1:1/v1 options=\'{"extra_headers":{"a":"sk-12"}}\'')
    said = notebook.ok("%dknb")
    assert "127.0.0.1:1/v1" in said
    assert "sk-12" not in said


def test_an_address_with_a_password_is_refused_and_not_shown(notebook):
    """A password in an address would be saved with the notebook; what refuses it does not repeat it."""
    ran = notebook.run("%dknb model openai/x api_base=http://me:PASSW0RD@127.0.0.1:1/v1")
    assert isinstance(ran.error, ConfigError)
    assert "PASSW0RD" not in ran.printed


def test_what_was_not_called_costs_nothing(notebook):
    """Calls that never went out are no expense."""
    notebook.run("%%chat --model openai/gpt-5.4-mini\nq", cell="a")
    assert "openai" not in notebook.ok("%dknb costs")


def test_system_prompts_that_differ_are_seen(notebook):
    """Tree and diff show with which system prompt a question was asked."""
    notebook.ok('%%chat --system "You are kind."\nq', cell="a")
    notebook.ok('%%chat --system "You are harsh."\nq', cell="a")
    assert "[system: You are harsh.]" in notebook.ok("%branch tree")
    assert "You are [-kind-]{+harsh+}." in notebook.ok("%branch diff 0.0 1.0")


def test_an_answer_says_which_of_how_many_it_is(notebook):
    """Beside others, an answer says so; one that was cut at the limit does too."""
    notebook.ok("%%chat\nq", cell="a")
    assert "answer 2 of 2" in notebook.ok("%%chat\nq", cell="a")
    assert "cut at the token limit" in status_bundle(Reply("x", finish_reason="length"))["text/plain"]


def test_help_is_given_on_demand(notebook):
    """Each magic explains itself."""
    for line in ("%%chat --help\n", "%branch --help", "%dknb help", "%prompt --help"):
        assert "[--" in notebook.ok(line) or "SPEC" in notebook.ok(line)


@pytest.mark.parametrize(
    "text", ["\\( " * 15_000, "$ a " * 15_000, "- x\n" * 15_000, "`" * 50_000, "[" * 50_000, "word " * 400_000]
)
def test_no_answer_takes_long_to_show(text):
    """Rendering stays far below what would hold up the stop button for long; the bound is generous, machines are busy."""
    started = time.process_time()
    markdown_to_html(text)
    assert time.process_time() - started < 10


async def test_the_magics_work_beside_a_users_own_loop(notebook):
    """A cell that awaits something of its own can ask in a thread meanwhile."""
    from dknb import chat

    replies = await asyncio.gather(*(asyncio.to_thread(chat, f"q{n}", source="root") for n in range(4)))
    assert [reply.content for reply in replies] == [f"Echo: q{n}" for n in range(4)]
    assert len({reply.node_id for reply in replies}) == 4


def test_an_interrupted_call_without_an_answer_says_so(notebook):
    """Nothing is shown or bound where nothing had arrived."""

    def stop(_):
        raise KeyboardInterrupt

    echo = notebook.session.provider(notebook.session.config)
    echo.set_response_function(lambda _: LLMResponse("fine"))
    notebook.ok("%%chat --as got\nq", cell="a")
    notebook.session.bind("got", None)
    notebook.session.streams = lambda: stop(None)
    assert isinstance(notebook.run("%%chat --as got\nr", cell="b").error, Interrupted)
    assert notebook.shell.user_ns["got"] is None


def test_what_was_deleted_is_not_taken_up_again(notebook):
    """A deleted question is asked anew beside itself; below a deleted answer nothing is asked."""
    notebook.ok("%%chat\nq1", cell="a")
    notebook.ok("%branch new s --at 0.0")
    notebook.ok("%%chat\nq2", cell="b")
    notebook.ok("%%chat\nq3", cell="c")
    notebook.ok("%branch switch main")
    notebook.ok("%branch delete s --yes")
    assert "below node '0.0.0.0', which is deleted" in str(notebook.run("%%chat\nq3", cell="c").error)
    notebook.ok("%%chat\nq2", cell="b")
    assert notebook.talk.places.position.data.node_id == "0.0.1.0"


def test_a_cut_answer_is_not_taken_for_a_whole_one(notebook):
    """An answer that equals what a stop left behind is an answer of its own."""
    notebook.ok("%%chat\nq1", cell="a")
    notebook.talk.places.position.data.state = "incomplete"
    notebook.talk.places._given.clear()
    notebook.ok("%%chat\nq1", cell="a")
    assert notebook.talk.places.position.data.node_id == "0.1"


def test_an_answer_of_another_model_is_an_answer_of_its_own(notebook):
    """The same words of two models are two nodes."""
    notebook.ok("%%chat\nq1", cell="a")
    notebook.talk.places._given.clear()
    notebook.ok("%%chat --model echo/other\nq1", cell="a")
    assert notebook.talk.places.position.data.node_id == "0.1"
