"""Values on a prompt's line, and columns of a frame: the declared type decides what they are."""

from __future__ import annotations

import pandas as pd
import pytest

import dknb
from dknb.errors import MissingParameters

TYPED = """parameters:
  topic: string
  labels: {type: list, items: {type: string}}
  sure: boolean
  size: {type: enum, choices: [1, 2]}
  words: integer
  facts: object
template: "{{topic}}|{{labels}}|{{sure}}|{{size}}|{{words}}|{{facts}}|{{free}}"
"""


@pytest.fixture
def put(notebook, project):
    """A function that writes a user prompt; ``typed`` is there."""

    def write(name, text, kind="user"):
        path = project / "prompts" / kind / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    write("typed", TYPED)
    return write


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("topic=1984", "topic", "1984"),
        ('topic="1984"', "topic", "1984"),
        ("topic=True", "topic", "True"),
        ("topic=null", "topic", "null"),
        ("labels=a,b", "labels", ["a", "b"]),
        ("labels=1984,2001", "labels", ["1984", "2001"]),
        ("labels=['a','b c']", "labels", ["a", "b c"]),
        ("sure=yes", "sure", True),
        ("size=2", "size", 2),
        ("words=7", "words", 7),
        ('facts={"a": 1}', "facts", {"a": 1}),
        ("free=7", "free", 7),
        ("free=a,b", "free", "a,b"),
    ],
)
def test_the_declared_type_says_what_a_word_is(notebook, put, word, name, value):
    """Text stays text; a list may be words between commas; without a declaration a word is what it looks like."""
    notebook.ok(f"%prompt typed {word} --as result")
    result = notebook.shell.user_ns["result"]
    assert result.params_used[name] == value
    assert type(result.params_used[name]) is type(value)
    assert result.validation_warnings == []
    assert result.origins[name] == "line"


def test_what_is_no_value_of_its_type_is_warned_of(notebook, put):
    """The prompt's validation judges, at its own level."""
    notebook.ok("%prompt typed words=many --as result")
    assert "words must be a whole number" in notebook.shell.user_ns["result"].validation_warnings[0]


def test_types_of_a_prompt_that_is_referred_to_count(notebook, put):
    """Its parameters are on the line too."""
    put("outer", "template: \"{{ prompt_ref('typed') }}\"\n")
    notebook.ok("%prompt outer topic=1984 --as result")
    assert notebook.shell.user_ns["result"].validation_warnings == []


def test_numbers_of_a_column_are_text_for_a_text(put):
    """Whole numbers beside a missing one are whole again."""
    frame = pd.DataFrame({"topic": [1984, None], "free": [1, 2]})
    renders = dknb.prompt("typed").map(frame)
    assert renders["content"].iloc[0].startswith("1984|")
    assert renders["validation_warnings"].tolist() == [[], []]


@pytest.mark.parametrize(
    ("template", "sent"),
    [
        ("{% for x in likes %}{{x}}{% endfor %}.", True),
        ("{% if likes %}x{% endif %}.", True),
        ("((Likes {{likes}}))Hi.", True),
        ("{{likes}}.", False),
        ("{% for x in likes %}{{x}}{% endfor %}{{likes}}.", False),
    ],
)
def test_an_optional_list_that_is_looped_over_is_no_hole(notebook, put, template, sent):
    """Declared and not required: only a place where its name would stand keeps a prompt from being sent."""
    from dknb.notebook.prompting.rendering import render_named

    put("likes", f"parameters:\n  likes: list\ntemplate: '{template}'\n", "system")
    if sent:
        assert render_named(notebook.session, "likes").endswith(".")
    else:
        with pytest.raises(MissingParameters, match="likes"):
            render_named(notebook.session, "likes")


def test_a_loop_over_what_is_not_declared_or_required_is_a_hole(notebook, put):
    """Nobody said that it may be left out."""
    put("bare", "template: '{% for x in likes %}{{x}}{% endfor %}'\n")
    put(
        "must",
        "parameters:\n  likes: {type: list, required: true}\ntemplate: '{% for x in likes %}{{x}}{% endfor %}'\n",
    )
    assert dknb.prompt("bare")().params_missing == ["likes"]
    assert dknb.prompt("must")().params_missing == ["likes"]


def test_a_system_prompt_takes_parameters_on_the_line(notebook, put):
    """``--param`` gives them; what is missing is told with that."""
    put(
        "support",
        "parameters:\n  company: {type: string, required: true}\ntemplate: 'You help at {{company}}.'\n",
        "system",
    )
    ran = notebook.run("%%chat --system support\nHi", cell="a")
    assert isinstance(ran.error, MissingParameters)
    assert "--param NAME=VALUE" in ran.error.hint
    notebook.ok("%%chat --system support --param company=1984\nHi", cell="a")
    assert notebook.talk.manager.state.message_tree.data.message.content == "You help at 1984."
    assert "no parameter 'compny'" in str(notebook.run("%%chat --system support --param compny=x\nHi", cell="b").error)
    assert "no value" in str(notebook.run("%%chat --param company=x\nHi", cell="c").error)


def test_a_column_is_data_for_a_prompt(put):
    """A Series gives the parameter of its name, or the only one; and is texts that can be searched."""
    put("one", "template: 'Say {{word}}'\n")
    assert dknb.prompt("one").map(pd.Series(["a", "b"], index=[5, 6]))["content"].to_dict() == {5: "Say a", 6: "Say b"}
    assert dknb.prompt("typed").map(pd.Series([1], name="topic"))["content"].iloc[0].startswith("1|")
    put(
        "ask",
        "rag_configs:\n- {adapter_name: docs, query: '{{q}}', k: 1, placeholder: F}\ntemplate: '{{F}} <- {{q}}'\n",
    )
    docs = pd.Series(["Bees fly.", "The moon is far."])
    assert str(dknb.prompt("ask", adapters={"docs": docs})(q="moon")) == "The moon is far. <- moon"


def test_what_is_found_ends_where_its_place_ends(notebook, put):
    """``--rag`` puts no empty line behind the last text."""
    notebook.shell.user_ns.update(docs=["The moon is far.", "The moon is old."], question="moon")
    notebook.ok("%%prompt q --rag docs --as result\n<{{docs}}> {{question}}")
    text = notebook.shell.user_ns["result"].content
    assert sorted(text[1:-6].split("\n")) == ["The moon is far.", "The moon is old."]


@pytest.mark.parametrize(
    "word", ["1.50", "1e5", "-0", "null", "None", "true", "True", "false", "007", "7", "1.5", "NaN"]
)
def test_a_word_without_a_declaration_prints_as_it_was_written(notebook, word):
    """In a template of placeholders and in one with blocks."""
    assert notebook.ok(f"%%prompt p x={word}\n<{{{{x}}}}>").startswith(f"<{word}>\n")
    assert notebook.ok(f"%%prompt p x={word}\n<{{{{x}}}}>{{% if 1 %}}{{% endif %}}").startswith(f"<{word}>\n")


def test_such_a_word_counts_and_decides_as_what_it_looks_like(notebook):
    """Numbers are numbers, and what says no is no."""
    cell = "%%prompt p n=1.50 off={off}\n{{{{n * 2}}}} {{% if n > 1 %}}more{{% endif %}} {{% if off %}}on{{% endif %}}((never {{{{off}}}}))."
    for word in ("false", "null", "None"):
        assert notebook.ok(cell.format(off=word)).startswith("3.0 more .\n")
    assert notebook.ok(cell.format(off="true")).startswith("3.0 more onnever true.\n")
