"""A conversation as rows, messages, Markdown and a notebook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import mistune
import nbformat
import pytest
from conversations_help import ScriptedModel
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dknb.conversations import ConversationManager, ConversationNode, ConversationStorage, MemoryConversationStorage
from dknb.conversations.exports.markdown import path_as_markdown
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import ImagePart, TextPart, ToolCall


@pytest.fixture
async def manager(model: ScriptedModel, storage: ConversationStorage) -> ConversationManager:
    manager = await ConversationManager.create(model, None, storage, conversation_id="talk", system_prompt="Be kind.")
    await manager.add_message(content="one")
    await manager.complete()
    return manager


async def test_a_row_a_node(manager: ConversationManager) -> None:
    """Parents before children, with numbers to find each other by, what an answer cost, and what was marked."""
    await manager.add_message(content="two")
    await manager.branch_from("0.0")
    await manager.complete(branch_name="other", metadata={"why": "again"})
    await manager.label("0.1", "better")
    await manager.star("0.1")
    await manager.delete("0.0.0")
    rows = manager.to_rows()
    assert [(row["node_id"], row["seq"], row["parent_seq"], row["depth"]) for row in rows] == [
        ("", 0, None, 0),
        ("0", 1, 0, 1),
        ("0.0", 2, 1, 2),
        ("0.1", 4, 1, 2),
    ]
    row = rows[-1]
    metadata = row.pop("metadata")
    timestamp = row.pop("timestamp")
    assert timestamp.tzinfo is not None
    assert metadata["why"] == "again"
    assert row == {
        "node_id": "0.1",
        "seq": 4,
        "parent_seq": 1,
        "depth": 2,
        "role": "assistant",
        "content": "re: one",
        "branches": ["other"],
        "branch_name": "other",
        "labels": ["better"],
        "starred": True,
        "current": True,
        "deleted": False,
        "state": "complete",
        "prompt_name": None,
        "cell": None,
        "model": "s-1",
        "provider": "scripted",
        "finish_reason": "stop",
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "cost_usd": 0.25,
        "duration_s": 1.5,
    }
    assert len(manager.to_rows(deleted=True)) == 5


async def test_a_frame_has_the_rows_in_columns_of_their_kind(manager: ConversationManager) -> None:
    """Counts are whole numbers beside missing ones, times have their zone, and no column goes where there are no rows."""
    frame = manager.to_frame()
    assert list(frame["node_id"]) == ["", "0", "0.0"]
    assert list(frame["prompt_tokens"].dropna()) == [3]
    assert str(frame["timestamp"].dt.tz) == "UTC"
    assert frame.loc[frame["role"] == "assistant", "cost_usd"].sum() == 0.25
    assert list(frame.columns) == list(manager.to_rows()[0])
    await manager.delete("0")
    assert list(manager.to_frame()["role"]) == ["system"]
    assert len(manager.to_frame(deleted=True)) == 3


async def test_messages_are_plain_data(manager: ConversationManager) -> None:
    """They are JSON, and `LLMMessage.from_dict` reads them."""
    messages = json.loads(json.dumps(manager.to_messages()))
    assert messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "re: one"},
    ]
    assert [LLMMessage.from_dict(message) for message in messages] == list(manager.history)
    assert manager.to_messages("0") == messages[:2]


async def test_markdown_has_a_heading_a_message(manager: ConversationManager) -> None:
    """What was said is quoted below it; an answer says its model, tokens and price."""
    assert manager.to_markdown() == (
        "# talk\n\n## System\n\n> Be kind.\n\n## User\n\n> one\n\n## Assistant\n\n*s\\-1 · 2 tokens · \\$0\\.25*\n\n> re: one\n"
    )


def structure(markdown: str) -> list[tuple[str, str]]:
    """The blocks of a document that are no part of another: kind, and of headings their source."""
    tokens: Any = mistune.create_markdown(renderer=None)(markdown)
    return [
        (token["type"], token.get("children", [{}])[0].get("raw", ""))
        for token in tokens
        if token["type"] != "blank_line"
    ]


@pytest.mark.parametrize(
    "said",
    [
        "# Not a heading",
        "text\n===\nmore",
        "```python\nnever closed",
        "<details><!-- never closed",
        "a\r# after a lone carriage return",
        "a\r\n\r\n## after an empty line",
        "> quoted\n\n## User\n\nnot the user",
        "- list\n\n      code",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "",
    ],
)
def test_what_is_said_does_not_break_the_structure(said: str) -> None:
    """Headings, open fences, HTML and line ends of all kinds stay inside their quotation."""
    nodes = [ConversationNode(LLMMessage(role, said)) for role in ("user", "assistant")]
    kinds = [kind for kind, _ in structure(path_as_markdown("t", nodes))]
    quote = ["block_quote"] if said else []
    assert kinds == ["heading", "heading", *quote, "heading", *quote]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def shown(source: str) -> str:
    return source.replace("&lt;", "<").replace("&#33;", "!")


@given(TEXT, TEXT)
def test_what_was_said_can_be_read_back(said: str, title: str) -> None:
    """Without the marks of quotation it is the text, line ends and defused HTML aside; a title is always one heading."""
    assume("```" not in said and "~~~" not in said)
    document = path_as_markdown(title, [ConversationNode(LLMMessage("user", said))])
    head, _, quoted = document.partition("\n\n## User\n\n")
    assert head.startswith("# ")
    assert "\n" not in head
    lines = [line.removeprefix(">").removeprefix(" ") for line in quoted.removesuffix("\n").split("\n")]
    assert shown("\n".join(lines)) == shown(re.sub(r"\r\n|\r", "\n", said))


ATTACK = "<script>alert(1)</script><img src=https://evil.example/t.png>![t](https://evil.example/t.png)"
MARKS = st.sampled_from(
    [*"`~->|\\#1. \t\n", "```", "~~~~", "\n\n", "\n    ", "\n- ", "text", "$$", "|---|", "[a]: ", ATTACK]
)


@given(st.lists(MARKS, min_size=1, max_size=12).map("".join))
def test_html_and_images_are_text_whatever_surrounds_them(said: str) -> None:
    """No renderer of CommonMark or GitHub's tables makes a tag or an image of what was said, however it mixes its marks."""
    document = path_as_markdown("t", [ConversationNode(LLMMessage("user", f"{said}\n{ATTACK}"))])
    for parser in (MarkdownIt("commonmark"), MarkdownIt("commonmark").enable("table")):
        tokens = [token for block in parser.parse(document) for token in (block, *(block.children or ()))]
        assert not {token.type for token in tokens} & {"html_block", "html_inline", "image"}
    others: Any = mistune.create_markdown(renderer=None, plugins=["table"])(document)
    assert not re.search("'type': '(inline_html|block_html|image)'", str(others))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("a < b, `List<int>`, List<int>", "> a < b, `List<int>`, List&lt;int>"),
        ("```html\n<b>\n```\n<b>", "> ```html\n> <b>\n> ```\n> &lt;b>"),
        ("![a](https://example.org/a.png)", "> &#33;[a](https://example.org/a.png)"),
        ("`\n` <b> `", "> `\n> ` &lt;b> `"),
        ("  ```\n```\n<b>", "> ```\n> ```\n> &lt;b>"),
        ("| `<b> | <b>` |", "> | `&lt;b> | &lt;b>` |"),
    ],
)
def test_code_stays_what_it_is(said: str, expected: str) -> None:
    """Where every renderer takes it for code; anywhere else tags and images are made text."""
    document = path_as_markdown("t", [ConversationNode(LLMMessage("user", said))])
    assert document.partition("## User\n\n")[2] == f"{expected}\n"


def test_a_document_can_be_written(tmp_path: Path) -> None:
    """Half of a surrogate pair, which no file in UTF-8 takes, is a question mark; a title's tag is text."""
    document = path_as_markdown("<b>&amp;\ud800", [ConversationNode(LLMMessage("user", "a\udfffb"))])
    (tmp_path / "talk.md").write_text(document, encoding="utf-8")
    assert document == "# &lt;b\\>&amp;amp\\;\\?\n\n## User\n\n> a?b\n"


async def test_a_question_keeps_its_images(model: ScriptedModel) -> None:
    """By address or as data, beside its text or alone; the cell asks with them again."""
    manager = await ConversationManager.create(model, None, MemoryConversationStorage())
    await manager.add_message("user", [TextPart("look"), ImagePart(url="https://example.org/x.png")])
    await manager.complete()
    await manager.add_message("user", [ImagePart(data="AAAA", media_type="image/png")])
    cells = manager.to_notebook()["cells"][1:]
    assert cells[0]["source"] == (
        "from dknb import chat\nfrom dknb.llm import ImagePart\n\n"
        "chat('look', attach=[ImagePart(url='https://example.org/x.png')])"
    )
    assert cells[-1]["source"] == "user: \nImagePart(data='AAAA', media_type='image/png')"


def test_calls_of_tools_and_images_are_told() -> None:
    """Arguments are fenced by more backticks than they have."""
    call = ToolCall("find", raw_arguments='{"q": "````"}', id="1")
    nodes = [
        ConversationNode(LLMMessage("user", ["Look.", ImagePart(url="https://example.org/a.png")], name="Ada *"))  # type: ignore[arg-type]
    ]
    nodes.append(ConversationNode(LLMMessage("assistant", "", tool_calls=[call])))
    assert path_as_markdown("t", nodes) == (
        "# t\n\n## User (Ada \\*)\n\n> Look\\.\n\n".replace("\\.", ".")
        + "*\\[image https\\:\\/\\/example\\.org\\/a\\.png\\]*\n\n"
        + '## Assistant\n\nCalls find:\n\n`````json\n{"q": "````"}\n`````\n'
    )


async def test_a_notebook_asks_the_same_questions(manager: ConversationManager) -> None:
    """A valid notebook of %%chat cells with their answers; the system prompt goes with the first; ids are stable."""
    await manager.add_message(content="two\nlines")
    await manager.complete()
    notebook = manager.to_notebook()
    nbformat.validate(nbformat.from_dict(notebook))
    assert [cell["source"] for cell in notebook["cells"]] == [
        "%load_ext dknb\n%dknb conversation talk",
        "from dknb import chat\n\nchat('one', system='Be kind.')",
        "%%chat\ntwo\nlines",
    ]
    assert [cell["outputs"][0]["data"]["text/plain"] for cell in notebook["cells"][1:]] == ["re: one", "re: two\nlines"]
    assert [cell["id"] for cell in notebook["cells"]] == ["dknb-setup", "node-1", "node-3"]
    assert json.dumps(manager.to_notebook()) == json.dumps(notebook)


async def test_results_of_tools_are_given_again(model: ScriptedModel) -> None:
    """One as it is, several by the names of their calls; what is neither question nor answer is a raw cell."""
    manager = await ConversationManager.create(model, None, MemoryConversationStorage())
    await manager.add_message(content="find them")
    calls = [ToolCall("find", {}, id="a"), ToolCall("count", {}, id="b")]
    tip = manager.state.current.add_child(ConversationNode(LLMMessage("assistant", "", tool_calls=calls)))
    tip = tip.add_child(ConversationNode(LLMMessage("tool", "cats", tool_call_id="a")))
    tip = tip.add_child(ConversationNode(LLMMessage("tool", "7", tool_call_id="b")))
    tip = tip.add_child(ConversationNode(LLMMessage("assistant", "7 cats"), state="incomplete"))
    tip = tip.add_child(ConversationNode(LLMMessage("system", "Be brief.")))
    cells = manager.to_notebook(tip)["cells"]
    nbformat.validate(nbformat.from_dict(manager.to_notebook(tip)))
    assert cells[2]["source"] == '%%chat --result\n{\n "find": "cats",\n "count": "7"\n}'
    assert cells[2]["outputs"][1]["text"] == "The answer was cut.\n"
    assert (cells[3]["cell_type"], cells[3]["source"]) == ("raw", "system: Be brief.")
    one = manager.to_notebook(tip.path()[3])["cells"][2]
    assert one["source"] == "%%chat --result\ncats"
