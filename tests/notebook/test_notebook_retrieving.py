"""``--rag``: prompts that search in the notebook's variables, and the view of what was found."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

import dknb
from dknb.errors import ConfigError, MagicError, PromptNotFound
from dknb.notebook.views.text import MIME

SCHEMA = json.loads((Path(dknb.__file__).parent / "notebook" / "schemas" / "prompt.schema.json").read_text())
DOCS = [
    {"content": "The moon 🌕 makes tides.", "source": "moon.md"},
    {"content": "Bees <b>fly</b>.", "source": "bees.md"},
    {"content": "The moon is far, {{question}}.", "source": "<far>.md"},
]
ASK = """rag_configs:
- {adapter_name: docs, query: "{{question}}", k: 2, placeholder: FACTS, header: "Facts: \\U0001F41D\\n", item_template: "[{{index}}] {{content}}\\n"}
template: |
  {{FACTS}}
  Question: {{question}}
"""


@pytest.fixture
def docs(notebook, project):
    """A variable with texts, and a library with a prompt that searches in a source of its name."""
    (project / "prompts" / "user").mkdir(parents=True)
    (project / "prompts" / "user" / "ask.yaml").write_text(ASK)
    (project / "prompts" / "rag").mkdir()
    (project / "prompts" / "rag" / "facts.yaml").write_text(
        "adapter_name: docs\nquery: '{{question}}'\nplaceholder: FACTS\n"
    )
    notebook.shell.user_ns["docs"] = DOCS
    return DOCS


def passages(bundle):
    """The passages of a payload, cut out of its text as JavaScript would."""
    data = bundle[MIME["prompt"]]
    jsonschema.validate(json.loads(json.dumps(data)), SCHEMA)
    units = data["text"].encode("utf-16-le")
    return [
        (units[2 * each["start"] : 2 * each["end"]].decode("utf-16-le"), each["source"]) for each in data["passages"]
    ]


def test_a_prompt_searches_in_the_variable_that_it_names(notebook, docs):
    """No registration: the data source ``docs`` of a prompt is the notebook's variable."""
    (bundle,) = notebook.run("%prompt ask question=moon --as result").bundles
    found = dict(passages(bundle))
    assert set(found.values()) == {"moon.md", "<far>.md"}
    assert set(found) == {"[1] The moon 🌕 makes tides.", "[2] The moon is far, {{question}}."} or set(found) == {
        "[2] The moon 🌕 makes tides.",
        "[1] The moon is far, {{question}}.",
    }
    assert notebook.shell.user_ns["result"].content.startswith("Facts: 🐝\n[1] ")


def test_what_was_retrieved_is_fenced_with_source_and_score(notebook, docs):
    """Each passage stands in a frame of its own as data, and where it stands is told."""
    (bundle,) = notebook.run("%prompt ask question=bees").bundles
    assert bundle["text/html"].count("border:1px dashed") == 1
    assert "bees.md · score 0." in bundle["text/html"]
    assert "<b>fly" not in bundle["text/html"]
    assert "Bees &lt;b&gt;fly&lt;/b&gt;." in bundle["text/html"]
    assert "FACTS: 1 result of 'docs' for 'bees'" in bundle["text/plain"]
    assert "characters 9 to 29" in bundle["text/plain"]


@pytest.mark.parametrize(
    "value",
    [
        DOCS,
        [each["content"] for each in DOCS],
        pd.DataFrame(DOCS),
        {each["source"]: each["content"] for each in DOCS},
    ],
    ids=["rows", "texts", "frame", "dict"],
)
def test_a_variable_of_any_shape_is_searched(notebook, value):
    """A list of texts or of rows, a DataFrame and a dict are data sources."""
    notebook.shell.user_ns["notes"] = value
    notebook.ok("%%prompt p question=bees --rag notes --as result\n{{notes}}\n{{question}}")
    assert "Bees <b>fly</b>." in notebook.shell.user_ns["result"].content


def test_an_adapter_is_used_as_it_is(notebook):
    """What has a ``search`` of its own is searched by it."""
    from dknb.prompts.adapters import DataFrameAdapter

    notebook.shell.user_ns["notes"] = DataFrameAdapter(pd.DataFrame(DOCS), "content")
    (bundle,) = notebook.run("%%prompt p question=bees --rag notes\n{{RAG_CONTENT}} {{question}}").bundles
    assert passages(bundle) == [("Bees <b>fly</b>.", "bees.md")]


def test_the_query_is_the_question_unless_it_is_said(notebook, docs):
    """``--query`` is a template of its own."""
    notebook.ok(
        '%%prompt p topic=bees other=x --rag docs --query "about {{topic}}" --as result\n{{docs}} {{topic}} {{other}}'
    )
    assert "Bees" in notebook.shell.user_ns["result"].content
    notebook.ok("%%prompt p topic=bees --rag docs --as result\n{{docs}} {{topic}}")
    assert "Bees" in notebook.shell.user_ns["result"].content


def test_another_variable_takes_a_sources_place(notebook, docs):
    """``--rag NAME=VAR`` gives a source that the prompt names; ``--no-rag`` leaves its place empty."""
    notebook.shell.user_ns["others"] = ["The moon is cheese."]
    notebook.ok("%prompt ask question=moon --rag docs=others --as result")
    assert notebook.shell.user_ns["result"].content == "Facts: 🐝\n[1] The moon is cheese.\n\nQuestion: moon\n"
    notebook.ok("%prompt ask question=moon --no-rag --as result")
    assert notebook.shell.user_ns["result"].content == "\nQuestion: moon\n"


def test_a_configuration_of_the_library_is_named(notebook, docs):
    """``--rag NAME`` of the library's ``rag/`` folder is a reference, and is saved as one."""
    notebook.ok("%%prompt p question=bees --rag facts --save --as result\n{{FACTS}}")
    assert notebook.shell.user_ns["result"].content == "Bees <b>fly</b>."
    assert "rag_config_refs:\n- facts" in (Path("prompts") / "user" / "p.yaml").read_text()


def test_a_source_that_is_not_there_is_told(notebook, project, docs):
    """The prompt is rendered without, and says why."""
    del notebook.shell.user_ns["docs"]
    (bundle,) = notebook.run("%prompt ask question=moon").bundles
    (warning,) = bundle[MIME["prompt"]]["warnings"]
    assert "docs" in warning
    assert bundle[MIME["prompt"]]["passages"] == []


def test_a_value_of_an_adapter_says_where_it_came_from(notebook):
    """A parameter that a data source gives is told as its."""
    notebook.shell.user_ns["facts"] = {"capital": "Paris"}
    (bundle,) = notebook.run('%%prompt p --rag facts --query "capital"\n{{facts}} {{capital}}').bundles
    rows = {row["name"]: (row["value"], row["origin"], row["adapter"]) for row in bundle[MIME["prompt"]]["params_used"]}
    assert rows["capital"] == ("Paris", "adapter", "facts")
    assert "adapter facts" in bundle["text/html"]


def test_the_budget_of_tokens_is_told(notebook, docs):
    """What had no room is counted in the line of the search."""
    (bundle,) = notebook.run(
        "%%prompt p question=moon\n---\nrag_configs:\n- {adapter_name: docs, query: '{{question}}', max_tokens: 12, "
        "placeholder: F, item_template: '{{content}} '}\n---\n{{F}}"
    ).bundles
    (search,) = bundle[MIME["prompt"]]["searches"]
    assert (search["found"], search["dropped"]) == (2, 1)
    assert "1 left out for the budget of tokens" in bundle["text/html"]


@pytest.mark.parametrize(
    ("source", "kind", "said"),
    [
        ("%%prompt p --rag dcs\n{{RAG_CONTENT}} {{question}}", ConfigError, "Did you mean 'docs'?"),
        ("%%prompt p --rag docs\n{{question}}", MagicError, "no {{docs}}"),
        ("%%prompt p --rag docs\n{{docs}} {{a}} {{b}}", MagicError, "--query"),
        ("%%prompt p --query x\n{{a}}", MagicError, "--rag VAR"),
        ("%%prompt p --rag number\n{{number}} {{question}}", ConfigError, "'int', which cannot be searched"),
        ("%prompt ask question=moon --system", PromptNotFound, "no system prompt 'ask'"),
        ("%%prompt p --system --run\nx", MagicError, "%%chat --system p"),
    ],
)
def test_a_mistake_is_told_in_a_line_or_two(notebook, docs, source, kind, said):
    """The cell fails with what is wrong and what to type."""
    notebook.shell.user_ns["number"] = 3
    ran = notebook.run(source)
    assert isinstance(ran.error, kind)
    assert said in ran.printed
    assert "Traceback" not in ran.printed


def test_leaving_out_each_passage_is_a_frame(notebook, docs):
    """What the prompt loses without each text, and what the model says then."""
    frame = dknb.leave_one_out("ask", {"question": "moon"})
    assert list(frame.columns) == ["placeholder", "chunk", "source", "score", "tokens_saved", "change", "prompt"]
    assert sorted(frame["source"]) == ["<far>.md", "moon.md"]
    assert (frame["tokens_saved"] > 0).all()
    row = frame[frame["source"] == "moon.md"].iloc[0]
    assert "tides" in row["change"]
    assert "tides" not in row["prompt"]
    asked = dknb.leave_one_out(dknb.prompt("ask"), {"question": "moon"}, ask="echo")
    assert asked["answer"].iloc[0].startswith("Echo: Facts")
    assert asked["similarity"].between(0, 1).all()
    assert "echo" in notebook.ok("%dknb costs")


def test_a_system_prompt_of_a_talk_searches_too(notebook, project, docs):
    """``%%chat --system`` renders with what is found."""
    (project / "prompts" / "system").mkdir()
    (project / "prompts" / "system" / "guide.yaml").write_text(ASK)
    notebook.shell.user_ns["question"] = "bees"
    notebook.ok("%%chat --system guide\nq", cell="a")
    assert "Bees <b>fly</b>." in notebook.talk.manager.state.message_tree.data.message.content


def test_the_column_of_texts_is_what_a_frame_holds(notebook, docs):
    """The other columns of a DataFrame are facts about its texts, and tell the source."""
    notebook.shell.user_ns["docs"] = pd.DataFrame(DOCS)
    (bundle,) = notebook.run("%prompt ask question=bees").bundles
    assert passages(bundle)[0] == ("[1] Bees <b>fly</b>.", "bees.md")


def test_a_word_of_rag_is_the_variable_where_the_text_has_a_place_for_it(notebook, docs, project):
    """A RAG configuration of the same name does not take its place, unless the text has a place for that."""
    (project / "prompts" / "rag" / "docs.yaml").write_text(
        "adapter_name: docs\nquery: '{{question}}'\nplaceholder: FACTS\nk: 1\n"
    )
    (own,) = notebook.run("%%prompt x question=moon --rag docs\n{{docs}} {{question}}").bundles
    assert len(passages(own)) == 2
    (configured,) = notebook.run("%%prompt x question=moon --rag docs\n{{FACTS}} {{question}}").bundles
    assert len(passages(configured)) == 1
