"""Rows of messages: OpenAI's fine-tuning lines, and ShareGPT's items."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from exchange_help import conversation, said, write

from dknb.conversations import MemoryConversationStorage, export_conversations, import_conversations
from dknb.conversations.exchange.formats import format_of, read_talks
from dknb.errors import ConfigError, StorageError
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import ImagePart, TextPart, ToolCall

CALL = {"id": "call-1", "type": "function", "function": {"name": "times", "arguments": '{"a": 6, "b": 7}'}}
BEGIN = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "6 x 7?"}]
TOOLS = [{"type": "function", "function": {"name": "times", "parameters": {}}}]


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def test_a_line_for_each_leaf(tmp_path: Path) -> None:
    """With the system prompt, tool calls and their results, as OpenAI takes them."""
    state = conversation()
    state.metadata["tools"] = TOOLS
    done = await export_conversations(state, tmp_path / "train.jsonl", "openai")
    assert done == (1, 2)
    assert lines(tmp_path / "train.jsonl") == [
        {"messages": [*BEGIN, {"role": "assistant", "content": "about 40"}], "tools": TOOLS},
        {
            "messages": [
                *BEGIN,
                {"role": "assistant", "content": "one moment", "tool_calls": [CALL]},
                {"role": "tool", "content": "42", "tool_call_id": "call-1", "name": "times"},
                {"role": "assistant", "content": "42"},
            ],
            "tools": TOOLS,
        },
    ]


async def test_only_the_last_answer_is_trained(tmp_path: Path) -> None:
    """The others get the weight 0; the chosen branch is the only row."""
    await export_conversations(conversation(), tmp_path / "t.jsonl", "openai", at=["main"], last_only=True)
    [line] = lines(tmp_path / "t.jsonl")
    assert [message.get("weight") for message in line["messages"]] == [None, None, 0, None, 1]


async def test_a_row_ends_with_a_complete_answer(tmp_path: Path) -> None:
    """What was deleted, cut or not answered is no row; a path that another row has is not written twice."""
    state = conversation()
    question = state.message_tree.children[0]
    question.children[0].data.deletion = 1
    state.current.data.state = "incomplete"
    await export_conversations(state, tmp_path / "t.jsonl", "openai")
    [line] = lines(tmp_path / "t.jsonl")
    assert line["messages"][-1]["tool_calls"] == [CALL]
    question.children[1].data.deletion = 1
    assert await export_conversations(state, tmp_path / "none.jsonl", "openai") == (1, 0)
    assert lines(tmp_path / "none.jsonl") == []


async def test_lines_are_conversations(tmp_path: Path) -> None:
    """Each is called by the file and its place; weights, tools and pictures are kept and written again."""
    picture = [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    given = [
        {"messages": [*BEGIN, {"role": "assistant", "content": "42", "weight": 0}], "parallel_tool_calls": False},
        {
            "messages": [
                {"role": "user", "content": picture},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
            ]
        },
    ]
    storage = MemoryConversationStorage()
    path = write(tmp_path / "train.jsonl", *given)
    assert (await import_conversations(storage, path)).added == ["train-1", "train-2"]
    state = await storage.load_conversation("train-2")
    assert state is not None
    assert state.message_tree.data.is_empty
    first, second = (each.data.message for each in state.current.path()[1:])
    assert first.parts == [TextPart("see"), ImagePart(url="https://example.org/a.png")]
    assert second.tool_calls == [ToolCall("times", {"a": 6, "b": 7}, "call-1", '{"a": 6, "b": 7}')]
    assert (state.current_branch, state.current.depth) == ("main", 2)
    await export_conversations(storage, tmp_path / "again.jsonl", "openai", names=["train-1", "train-2"])
    assert lines(tmp_path / "again.jsonl") == given


async def test_sharegpt_goes_out_and_comes_back(tmp_path: Path) -> None:
    """An item for each leaf, with the metadata; calls are turns of their own."""
    state = conversation()
    path = tmp_path / "share.json"
    assert await export_conversations(state, path, "sharegpt") == (1, 2)
    items = json.loads(path.read_text(encoding="utf-8"))
    assert items[1] == {
        "id": "talk:2",
        "topic": "sums",
        "conversations": [
            {"from": "system", "value": "be brief"},
            {"from": "human", "value": "6 x 7?"},
            {"from": "gpt", "value": "one moment"},
            {"from": "function_call", "value": '{"name": "times", "arguments": {"a": 6, "b": 7}, "id": "call-1"}'},
            {"from": "observation", "value": "42", "name": "times", "tool_call_id": "call-1"},
            {"from": "gpt", "value": "42"},
        ],
    }
    first, second = (talk.state for talk in read_talks(path, format_of(path)))
    assert (first.conversation_id, second.conversation_id) == ("talk", "talk:2")
    assert second.metadata == {"topic": "sums"}
    assert [message for _, message in said(second)] == [each.data.message for each in state.current.path()]


@pytest.mark.parametrize(
    "item",
    [
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "system": "s"},
        {
            "conversations": [
                {"from": "system", "value": "s"},
                {"from": "user", "value": "q"},
                {"from": "bard", "value": "a"},
            ]
        },
        {
            "conversation": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "q"},
                {"from": "GPT", "value": "a"},
            ]
        },
        {"items": [{"from": "human", "value": "q"}, {"from": "chatgpt", "value": "a"}], "system": "s"},
        {"messages": [{"from": "human", "value": "q"}, {"role": "assistant", "content": "a"}], "system": "s"},
    ],
)
def test_the_dialects_of_sharegpt(tmp_path: Path, item: dict[str, Any]) -> None:
    """Whatever data sets call the turns and those who speak, one item or many, in an array or one a line."""
    expected = [(0, LLMMessage("system", "s")), (1, LLMMessage("user", "q")), (2, LLMMessage("assistant", "a"))]
    for name, content in (("array.json", json.dumps([item, item], indent=2)), ("lines.jsonl", json.dumps(item))):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        for talk in read_talks(path, "sharegpt"):
            assert said(talk.state) == expected


def test_a_call_that_is_no_json_is_text(tmp_path: Path) -> None:
    """Nothing that was said is lost."""
    turns = [{"from": "human", "value": "q"}, {"from": "function_call", "value": "times(6, 7)"}]
    [talk] = read_talks(write(tmp_path / "x.json", {"conversations": turns}), "sharegpt")
    assert said(talk.state)[2] == (2, LLMMessage("assistant", "times(6, 7)"))


@pytest.mark.parametrize(
    ("kind", "item", "what"),
    [
        ("openai", {"messages": []}, "it has no messages"),
        ("openai", {"prompt": "x"}, "'messages' is missing"),
        ("openai", {"messages": [{"content": "x"}]}, "'role' is missing"),
        ("openai", {"messages": ["x"]}, "a message is 'x'"),
        ("openai", [1], "it is [1], not an object"),
        ("sharegpt", {"conversations": [{"from": "martian", "value": "x"}]}, "nobody knows who 'martian' is"),
        ("sharegpt", {"conversations": [{"from": "human", "value": 5}]}, "'content' is 5"),
        ("sharegpt", {"text": "x"}, "it has none of conversations"),
        ("sharegpt", {"conversations": "x"}, "'conversations' is 'x'"),
    ],
)
async def test_what_is_no_row_is_refused(tmp_path: Path, kind: str, item: Any, what: str) -> None:
    """The error names file and place, and nothing of the file is imported."""
    good = {"messages": BEGIN} if kind == "openai" else {"conversations": [{"from": "human", "value": "q"}]}
    storage = MemoryConversationStorage()
    path = write(tmp_path / "rows.jsonl", good, {**good}, item) if isinstance(item, dict) else None
    if path is None:
        path = tmp_path / "rows.json"
        path.write_text(json.dumps([good, good, item]), encoding="utf-8")
    with pytest.raises(StorageError) as error:
        await import_conversations(storage, path, kind)
    assert f"{path}, item 3: {what}" in str(error.value)
    assert await storage.list_conversations() == []


async def test_nodes_are_chosen_for_rows_only(tmp_path: Path) -> None:
    """A document has all of a conversation; and a format that nobody knows is told with the nearest."""
    with pytest.raises(ConfigError, match="format of rows"):
        await export_conversations(conversation(), tmp_path / "x", "dataknobs", at=["0"])
    with pytest.raises(ConfigError, match=r"'sharegtp'.*sharegpt"):
        await export_conversations(conversation(), tmp_path / "x", "sharegtp")
    assert not (tmp_path / "x").exists()
