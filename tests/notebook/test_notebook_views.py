"""What is shown: bundles that keep to their schemas and read well as text and as HTML."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

import dknb
from dknb.conversations.diff import WordRun, diff_paths, diff_words
from dknb.conversations.node import ConversationNode
from dknb.conversations.tree import Tree
from dknb.llm.messages import LLMMessage
from dknb.notebook.views.answer import Reply, status_bundle
from dknb.notebook.views.branches import Tip, branches_bundle, diff_bundle
from dknb.notebook.views.form import FieldLine, form_html
from dknb.notebook.views.prompt import RenderedPrompt, prompt_bundle
from dknb.notebook.views.prompt_source import Difference, ParameterLine, PromptSource, difference_bundle, source_bundle
from dknb.notebook.views.retrieved import RetrievedPassage, SearchDone, segments
from dknb.notebook.views.several import AnswerCard, answers_bundle
from dknb.notebook.views.table import table_bundle
from dknb.notebook.views.text import MIME, chip, money
from dknb.notebook.views.tree import Picture, tree_bundle
from dknb.notebook.views.words import words_as_html

SCHEMAS = Path(dknb.__file__).parent / "notebook" / "schemas"
NASTY = '<script>alert(1)</script>"\x1b[31m\u202egpj'


def conforms(bundle, kind):
    schema = json.loads((SCHEMAS / f"{kind}.schema.json").read_text())
    jsonschema.validate(json.loads(json.dumps(bundle[MIME[kind]])), schema)
    return True


def grow(above, *texts):
    for text in texts:
        role = "assistant" if above.data.role == "user" else "user"
        above = above.add_child(ConversationNode(LLMMessage(role, text), metadata={"model": "echo"}))
    return above


@pytest.fixture
def root():
    return Tree(ConversationNode(LLMMessage("system", "")))


def picture(root, current, **heads):
    return Picture("talk", root, current, next(iter(heads), None), heads)


def test_a_straight_talk_stays_at_one_indent(root):
    """Turns that follow each other are drawn below each other, without indentation."""
    end = grow(root, *(f"text {n}" for n in range(200)))
    lines = tree_bundle(picture(root, end, main=end))["text/plain"].splitlines()[1:]
    assert len(lines) == 200
    assert {line[0] for line in lines} == {"●"}
    assert lines[-1].endswith("[main] ← here")


def test_samples_stand_beside_the_way_to_the_current_node(root):
    """Where answers part, all of them stand further in than what they answer, and the current way comes last."""
    question = grow(root, "q")
    grow(question, "first", "more")
    end = grow(question, "second", "then")
    assert tree_bundle(picture(root, end, main=end))["text/plain"].splitlines()[1:] == [
        "● 0  user: q",
        "├─○ 0.0  assistant: first",
        "│ ○ 0.0.0  user: more",
        "└─● 0.1  assistant: second",
        "  ● 0.1.0  user: then [main] ← here",
    ]


def test_a_talk_that_parts_often_stays_on_the_page(root):
    """However often the ways part, the picture goes in twenty steps and no further."""
    end = root
    for turn in range(60):
        grow(end, f"other {turn}")
        end = grow(end, f"turn {turn}")
    rows = tree_bundle(picture(root, end, main=end))["text/plain"].splitlines()[1:]
    assert len(rows) == 120
    assert max(len(row) - len(row.lstrip(" ├└│─")) for row in rows) <= 42


def test_deleted_nodes_are_not_drawn(root):
    """A hidden node and what is below it are left out."""
    question = grow(root, "q")
    grow(question, "gone").data.deletion = 1
    end = grow(question, "kept")
    assert "gone" not in json.dumps(tree_bundle(picture(root, end, main=end)))


def test_a_tree_keeps_to_its_schema(root):
    """The data of a picture are what the JupyterLab side expects."""
    end = grow(root, "q", "a")
    assert conforms(tree_bundle(picture(root, end, main=end)), "conversation")


def test_a_large_tree_is_cut_and_says_so(root):
    """Thousands of nodes give a picture of bounded size that has the current node in it."""
    end = grow(root, *(f"text {n}" for n in range(5_000)))
    bundle = tree_bundle(picture(root, end, main=end))
    assert conforms(bundle, "conversation")
    assert "left out" in bundle["text/html"]
    assert "← here" in bundle["text/html"]
    assert len(bundle["text/html"]) < 300_000


def test_a_prompt_keeps_to_its_schema():
    """The data of a rendered prompt are what the JupyterLab side expects."""
    prompt = RenderedPrompt(
        "Hello", "greet", used={"name": 3}, origins={"name": "line"}, missing={"x": "xs", "y": None},
        warnings=["w"], tokens=(2, False), cost_usd=(0.0, 0.1), model="echo",
    )  # fmt: skip
    bundle = prompt_bundle(prompt)
    assert conforms(bundle, "prompt")
    assert "did you mean xs?" in bundle["text/plain"]
    assert "≈ 2 tokens" in bundle["text/plain"]


def test_the_places_of_passages_are_those_of_the_text_that_is_shown():
    """Characters that are made visible, or that are two to JavaScript, move what comes after them."""
    content = "a\x1b🌕 first second"
    at = content.index("first")
    search = SearchDone("F", "docs", "q", 1, 0, [RetrievedPassage(at, at + 5, "s", None)])
    data = prompt_bundle(RenderedPrompt(content, retrieved=[search]))[MIME["prompt"]]
    (passage,) = data["passages"]
    units = data["text"].encode("utf-16-le")
    assert units[2 * passage["start"] : 2 * passage["end"]].decode("utf-16-le") == "first"


def test_passages_within_each_other_are_one():
    """Stretches joined are the text, whatever the places are."""
    places = [(0, 4), (2, 3), (3, 9), (5, 5), (6, 99)]
    passages = [RetrievedPassage(start, end, "s", None) for start, end in places]
    found = list(segments("abcdefgh", [SearchDone("F", "d", "q", 5, 0, passages)]))
    assert "".join(text for text, _ in found) == "abcdefgh"
    assert [(passage.start, passage.end) for _, passage in found if passage] == [(0, 4), (5, 5)]


def bundles_of(text):
    root = Tree(ConversationNode(LLMMessage("system", text)))
    left, right = grow(root, text, "a"), grow(root, text + "x", "b")
    yield tree_bundle(Picture(text, root, left, text, {text: left}))
    yield prompt_bundle(
        RenderedPrompt(text, text, used={text: text}, missing={text: text}, warnings=[text], model=text)
    )
    search = SearchDone(text, text, text, 2, 1, [RetrievedPassage(0, len(text), text, 0.5)])
    yield prompt_bundle(RenderedPrompt(text, used={text: text}, origins={text: f"adapter:{text}"}, retrieved=[search]))
    line = ParameterLine(text, text, True, text, text)
    yield source_bundle(PromptSource(text, text, text, text, text, [text], text, {text: text}, [line], text, 2))
    yield difference_bundle(text, [Difference(text, diff_words(text, "other"))])
    yield {"text/html": form_html(text, [FieldLine(text, text, True, text)]), "text/plain": ""}
    yield diff_bundle(text, text, diff_paths(left, right))
    yield branches_bundle(text, [Tip(text, text, 1, text)])
    yield table_bundle((text,), [(text,)], title=text)
    yield status_bundle(Reply(text, text, text, text, text, {}, None, label=text))


def test_what_others_wrote_is_only_text():
    """Names, texts and values from users and models bring no tag and no control character into any view."""
    for bundle in bundles_of(NASTY):
        assert "<script" not in bundle["text/html"]
        assert not {"\x1b", "\u202e"} & set("".join(bundle["text/html"]) + bundle["text/plain"])


@pytest.mark.parametrize(
    ("usd", "shown"),
    [(None, "price unknown"), (0.0, "$0"), (0.25, "$0.2500"), (0.00000123, "$0.0000012"), (1234.5, "$1,234.50")],
)
def test_money_is_shown_with_the_digits_it_takes(usd, shown):
    """A small price is not rounded to nothing, and an unknown one is not zero."""
    assert money(usd) == shown


def test_a_reply_is_its_text():
    """A reply converts to the text of the answer."""
    assert str(Reply("hello")) == "hello"


def test_an_incomplete_answer_is_marked():
    """The line below a cut answer says so."""
    assert "incomplete" in status_bundle(Reply("x", "0.0", incomplete=True))["text/plain"]


def test_dollars_of_a_view_are_no_mathematics(notebook):
    """JupyterLab would set what stands between two dollars: views say that it must not, answers do not."""
    shown = notebook.run("%dknb budget 2.50").bundles[0]["text/html"]
    assert shown.count("$") == 3
    assert shown.startswith('<div class="mathjax_ignore tex2jax_ignore">')
    notebook.ok("%dknb budget off")
    answer, facts = notebook.run("%%chat\nIt costs $x$ and $y$", cell="a").bundles
    assert "mathjax_ignore" not in answer["text/html"]
    assert "mathjax_ignore" in facts["text/html"]


def test_borders_and_marks_outlive_a_sanitiser():
    """Where JupyterLab drops ``var(...)`` and ``color-mix(...)``, a plain value that it keeps stands before them."""
    shown = [chip("state"), answers_bundle("two", [AnswerCard("main", None, "no")])["text/html"]]
    shown.append(words_as_html("t", [WordRun("left", "gone"), WordRun("right", "new")]))
    for html in shown:
        for style in re.findall(r'style="([^"]*)"', html):
            told = [declaration.split(":", 1) for declaration in style.split(";")]
            kept = {name for name, value in told if "(" not in value}
            assert {name for name, _ in told if name in ("border", "background-color")} <= kept
    assert shown[2].count("background-color:#") == 2
