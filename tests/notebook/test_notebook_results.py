"""``%%chat --result``: what a tool answered goes to the model that called it."""

from __future__ import annotations

import pytest

from dknb.errors import ConfigError, MagicError
from dknb.llm.messages import LLMResponse
from dknb.llm.parts import ToolCall

ADD = {
    "name": "add",
    "description": "Add two numbers.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}


@pytest.fixture
def book(notebook):
    """A notebook that has a tool."""
    notebook.shell.user_ns["tools"] = [ADD]
    return notebook


def calling(*calls):
    """An answer that asks for calls, each a name and an id."""
    return LLMResponse("", tool_calls=[ToolCall(name, {"a": 2}, id=identity) for name, identity in calls])


def answers(book, *replies):
    """Let Echo say these."""
    session = book.session
    session.provider(session.config).set_responses(replies)


def said(book):
    """The messages from the top to where the conversation stands: role, text, and the call that is answered."""
    path = book.talk.places.position.path()[1:]
    messages = [node.data.message for node in path]
    return [(message.role, message.content, message.tool_call_id) for message in messages]


def test_the_result_of_a_call_goes_to_the_model(book):
    """The cell's text is a message of role `tool` below the answer that called, and the model is asked on."""
    text = book.ok("%%chat --tools tools mode=function\nadd 2 and 3", cell="a")
    assert text.endswith("answer with  %%chat --result")
    book.ok("%%chat --result --tools tools --as reply\n5", cell="b")
    assert book.shell.user_ns["reply"].content == "Echo: add 2 and 3"
    assert said(book) == [
        ("user", "add 2 and 3", None),
        ("assistant", "", None),
        ("tool", "5", "call_echo"),
        ("assistant", "Echo: add 2 and 3", None),
    ]
    book.ok("%%chat\nThanks", cell="c")
    assert said(book)[-1] == ("assistant", "Echo: Thanks", None)


def test_what_is_sent_answers_every_call(book):
    """The model sees its call and then the result, both with the call's id."""
    answers(book, calling(("add", "one"), ("sub", "two")))
    book.ok("%%chat\nadd and subtract", cell="a")
    seen = []
    session = book.session
    session.provider(session.config).set_response_function(lambda messages: seen.extend(messages) or "done")
    book.ok('%%chat --result\n{"two": "-1", "add": {"sum": 5}}', cell="b")
    assert [(message.role, message.content, message.tool_call_id) for message in seen] == [
        ("user", "add and subtract", None),
        ("assistant", "", None),
        ("tool", '{"sum": 5}', "one"),
        ("tool", "-1", "two"),
    ]


def test_running_the_result_again_is_another_sample_and_another_result_a_sibling(book):
    """The same results are the same question; the store has no result twice."""
    answers(book, calling(("add", "one"), ("add", "two")))
    book.ok("%%chat\nq", cell="a")
    for _ in range(2):
        text = book.ok('%%chat --result\n{"one": 1, "two": 2}', cell="b")
    assert "answer 2 of 2" in text
    book.ok('%%chat --result\n{"one": 1, "two": 3}', cell="b")
    tools = [node for node in book.talk.manager.state.message_tree.walk() if node.data.role == "tool"]
    assert sorted(node.data.message.content for node in tools) == ["1", "2", "3"]


def test_the_result_follows_the_cell_that_called(book):
    """Where the cell above is run again, its new calls are those that are answered."""
    answers(book, calling(("add", "one")), "done", calling(("add", "other")))
    book.ok("%%chat\nq", cell="a")
    book.ok("%%chat --result\n5", cell="b")
    book.ok("%%chat\nq", cell="a")
    book.ok("%%chat --result\n5", cell="b")
    assert said(book)[2] == ("tool", "5", "other")


def test_run_all_in_a_new_kernel_adds_nothing(book):
    """The chain of results is found again."""
    cells = ["%%chat --tools tools mode=function\nadd", "%%chat --result\n5", "%%chat\nThanks"]
    for number, cell in enumerate(cells):
        book.ok(cell, cell=str(number))
    before = book.paths()
    book.shell.run_line_magic("reload_ext", "dknb")
    for number, cell in enumerate(cells):
        book.ok(cell, cell=str(number))
    assert book.paths() == before


def test_a_question_where_calls_wait_is_refused(book):
    """Vendors refuse such a conversation; the error says what waits and what to do, and nothing is stored."""
    answers(book, calling(("add", "one")))
    book.ok("%%chat\nq", cell="a")
    before = book.paths()
    ran = book.run("%%chat\nand now?", cell="b")
    assert isinstance(ran.error, ConfigError)
    assert 'waits for the result of add({"a": 2})' in str(ran.error)
    assert "%%chat --result" in ran.error.hint
    assert "--from" in ran.error.hint
    assert book.paths() == before
    book.ok("%%chat --from root\nand now?", cell="b")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("5", "2 calls wait"),
        ("five", "no JSON"),
        ('{"one": 1}', "no result for the call 'two'"),
        ('{"one": 1, "two": 2, "twu": 3}', "No call 'twu' waits for a result. Did you mean 'two'?"),
        ('{"add": 1}', "no result for the call 'one'"),
    ],
)
def test_results_that_do_not_fit_the_calls_are_refused(book, body, message):
    """Two calls of one tool are told apart by their ids, and both must be answered; nothing is stored otherwise."""
    answers(book, calling(("add", "one"), ("add", "two")))
    text = book.ok("%%chat\nq", cell="a")
    assert text.endswith('answer with  %%chat --result, as {"one": …, "two": …}')
    before = book.paths()
    ran = book.run(f"%%chat --result\n{body}", cell="b")
    assert isinstance(ran.error, ConfigError)
    assert message in str(ran.error)
    assert book.paths() == before


def test_calls_without_ids_are_answered_by_name(book):
    """As some servers leave ids out; what is called twice is numbered."""
    answers(book, calling(("add", None), ("sub", None), ("add", None)))
    text = book.ok("%%chat\nq", cell="a")
    assert text.endswith('as {"add#1": …, "sub": …, "add#3": …}')
    book.ok('%%chat --result\n{"add#1": 1, "sub": 2, "add#3": 3}', cell="b")
    assert [content for role, content, _ in said(book) if role == "tool"] == ["1", "2", "3"]
    book.ok("%%chat\nThanks", cell="c")


def test_a_result_that_nothing_waits_for_is_refused(book):
    """Below an answer without calls, and at the top."""
    assert "No call of a tool waits" in str(book.run("%%chat --result\n5", cell="a").error)
    book.ok("%%chat\nq", cell="b")
    assert isinstance(book.run("%%chat --result\n5", cell="c").error, ConfigError)
    assert book.paths() == [("q",), ("q", "Echo: q")]


def test_an_attachment_does_not_go_with_a_result(book):
    """It would be left out."""
    assert isinstance(book.run("%%chat --result --attach tools\n5", cell="a").error, MagicError)


def test_chat_takes_results_too(book):
    """A text, JSON data, or a dict by call."""
    answers(book, calling(("add", "one")), "first", calling(("add", "two")), "second")
    book.ok("from dknb import chat; chat('q'); chat(result=5); chat('r'); reply = chat(result={'add': [6]})")
    assert book.shell.user_ns["reply"].content == "second"
    assert [(content, call) for role, content, call in said(book) if role == "tool"] == [("5", "one"), ("[6]", "two")]
    assert isinstance(book.run("chat()").error, ConfigError)
    assert isinstance(book.run("chat('q', result='5')").error, ConfigError)


def test_a_real_model_is_told_what_its_tool_answered(book):
    """A llama.cpp model calls the tool, and says what came of it."""
    pytest.importorskip("xllamacpp", reason="the package 'xllamacpp' is not installed")
    from pathlib import Path

    model = Path(__file__).resolve().parents[1] / "fixtures" / "tiny-model" / "tiny.gguf"
    book.ok(f"%dknb model local/{model} temperature=0 options={{'n_threads': 1}}")
    book.ok("%%chat --tools tools --as asked\nadd 2 and 3", cell="a")
    assert [(call.name, call.arguments) for call in book.shell.user_ns["asked"].tool_calls] == [
        ("add", {"a": 2, "b": 3})
    ]
    book.ok("%%chat --result --tools tools --as reply\n5", cell="b")
    assert book.shell.user_ns["reply"].content == "The sum is 5."
