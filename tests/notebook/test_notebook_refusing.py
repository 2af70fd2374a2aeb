"""What a magic does not send, what it lets a template call, and what it warns of."""

from __future__ import annotations

import json

import pytest

from dknb.errors import InvalidParameters, MissingParameters, PromptError, RAGError, TemplateError

TYPED = "parameters: {days: {type: integer, required: true}}\ntemplate: 'Plan {{days}} days.'\n"


@pytest.fixture
def put(notebook, project):
    """A function that writes a file of the library."""

    def write(path, text):
        file = project / "prompts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return write


@pytest.fixture
def searching(notebook):
    """A saved prompt whose data source is gone."""
    notebook.shell.user_ns.update(docs=["The mill burned."], question="mill")
    notebook.ok("%%prompt q1 --rag docs --query {{question}} --save\n<{{docs}}> {{question}}")
    del notebook.shell.user_ns["docs"]


@pytest.mark.parametrize(
    "cell", ["%prompt q1 --run", "%%chat --system q1\nHi", "%%chat --system q1 --param question=mill\nHi"]
)
def test_a_prompt_whose_search_failed_is_not_sent(notebook, searching, cell):
    """As a question and as a system prompt; the error says what to do."""
    ran = notebook.run(cell, cell="a")
    assert isinstance(ran.error, RAGError)
    assert "'q1' cannot be sent" in str(ran.error)
    assert "'docs'" in ran.error.hint
    assert "--no-rag" in ran.error.hint
    assert ran.error.adapter_name == "docs"
    assert "node 0" not in ran.text


def test_it_is_sent_without_a_search_where_that_is_said(notebook, searching):
    """``--no-rag`` leaves its places empty, for a question and for a system prompt."""
    assert "<> mill" in notebook.ok("%prompt q1 --no-rag --run")
    notebook.ok("%%chat --system q1 --no-rag\nHi", cell="a")
    assert notebook.talk.manager.state.message_tree.data.message.content == "<> mill"
    assert "--no-rag" in str(notebook.run("%%chat --no-rag\nHi", cell="b").error)


@pytest.mark.parametrize(
    ("kind", "cell"), [("user", "%prompt plan days=abc --run"), ("system", "%%chat --system plan --param days=abc\nHi")]
)
def test_a_value_that_is_not_of_its_type_is_not_sent(notebook, put, kind, cell):
    """The prompt says nothing of validation: a render warns, and sending refuses."""
    put(f"{kind}/plan.yaml", TYPED)
    assert "must be a whole number" in notebook.ok("%prompt plan days=abc")
    ran = notebook.run(cell, cell="a")
    assert isinstance(ran.error, InvalidParameters)
    assert list(ran.error.problems) == ["days"]
    assert "not sent" in ran.error.hint
    assert isinstance(
        notebook.run("%prompt plan --run" if kind == "user" else "%%chat --system plan\nHi").error, MissingParameters
    )


def test_what_a_prompt_does_not_validate_is_sent(notebook, put):
    """It says itself that types do not matter to it."""
    put("user/plan.yaml", f"validation: {{level: ignore}}\n{TYPED}")
    assert "Plan abc days." in notebook.ok("%prompt plan days=abc --run")


def test_messages_are_no_system_prompt_and_the_error_says_so(notebook, put):
    """The library lists the name, so it cannot say that there is none."""
    put("messages/rate.yaml", "messages:\n- {role: system, content: Rate.}\n- {role: user, content: '{{text}}'}\n")
    ran = notebook.run("%%chat --system rate\nHi", cell="a")
    assert isinstance(ran.error, PromptError)
    assert str(ran.error) == "'rate' is a sequence of messages, not the text of a system prompt."
    assert "%prompt rate --run" in ran.error.hint


def test_a_function_is_called_where_the_line_gives_it(notebook):
    """By its name in braces, and no other: the notebook's functions are no data."""
    notebook.ok("def shout(text): return text.upper()\ndef other(text): return text")
    ran = notebook.run('%%prompt loud\n{{shout("hi")}}')
    assert isinstance(ran.error, TemplateError)
    assert "shout={shout}" in ran.error.hint
    text = notebook.ok('%%prompt loud shout={shout}\n{{shout("hi")}}')
    assert text.startswith("HI\n")
    assert "shout = 'shout()' (this line)" in text
    ran = notebook.run('%%prompt loud shout={shout}\n{{shout("hi")}}{{other("hi")}}')
    assert "'other'" in str(ran.error)


def test_braces_around_what_is_no_function_are_text(notebook):
    """A value of the notebook comes by its own name alone."""
    notebook.ok("x = 1")
    assert notebook.ok("%%prompt p text={x}\n<{{text}}>").startswith("<{x}>\n")


def test_parentheses_that_go_are_warned_of_in_the_view(notebook):
    """With the place, and how to write them; so written, nothing is said."""
    text = notebook.ok("%%prompt np\nUse np.zeros((3,4)).")
    assert text.startswith("Use np.zeros3,4.\n")
    assert "warning: line 1, column 13: '((3,4))'" in text
    assert "( (3, 4) )" in text
    assert "warning" not in notebook.ok("%%prompt np\nUse np.zeros( (3,4) ) and {% raw %}f((x)){% endraw %}.")


def test_sequences_of_messages_are_counted_with_the_prompts(notebook, put):
    """As ``%prompts`` lists them."""
    put("user/plan.yaml", TYPED)
    put("messages/rate.yaml", "messages:\n- {role: user, content: '{{text}}'}\n")
    assert "(2 prompts)" in notebook.ok("%dknb")
    assert "(2 prompts)" in notebook.ok("%dknb library")


def test_a_missing_zip_file_is_called_one(notebook):
    """It is no folder that is missing."""
    assert "There is no zip file 'none.zip'" in str(notebook.run("%dknb library none.zip").error)
    assert "There is no folder 'none'" in str(notebook.run("%dknb library none").error)


def test_a_saved_notebook_does_not_hold_the_address_of_a_function(notebook):
    """It would be another in each kernel."""
    notebook.ok("def shout(text): return text.upper()")
    ran = notebook.run('%%prompt loud shout={shout}\n{{shout("hi")}}')
    assert "0x" not in json.dumps(ran.bundles)


def test_a_name_that_is_called_is_not_advised_to_be_a_string(notebook, put):
    """A function is declared without a type of values."""
    put("user/loud.yaml", "parameters: {text: string}\ntemplate: '{{shout(text)}} {{name}}'\n")
    (called, plain) = notebook.session.library.validate()
    assert "'shout'" in called.message
    assert "shout: any" in called.hint
    assert "shout={shout}" in called.hint
    assert "name: string" in plain.hint
