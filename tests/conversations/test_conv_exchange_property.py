"""Whatever is exported comes back, and whatever is imported raises nothing but our errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from exchange_help import document, said
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dknb.conversations import ConversationNode, ConversationState, Tree
from dknb.conversations.exchange.documents import read_document, write_document
from dknb.conversations.exchange.formats import format_of, read_talks
from dknb.conversations.exchange.openai import line_of, read_line
from dknb.conversations.exchange.sharegpt import item_of, read_item
from dknb.errors import DknbError
from dknb.llm.messages import LLMMessage, utc_now
from dknb.llm.parts import ToolCall

ANY_TEXT = st.text(st.characters(), max_size=12) | st.sampled_from(["\ud83d", "\0", "</script>", "\u2028", "{{x}}"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
CALLS = st.builds(ToolCall, ANY_TEXT, st.dictionaries(ANY_TEXT, JSON, max_size=2), st.none() | ANY_TEXT)
MESSAGES = st.builds(
    LLMMessage,
    st.sampled_from(["user", "assistant", "tool", "system"]),
    ANY_TEXT,
    name=st.none() | ANY_TEXT.filter(bool),
    metadata=st.dictionaries(ANY_TEXT, JSON, max_size=2),
    tool_calls=st.lists(CALLS, max_size=2),
    tool_call_id=st.none() | ANY_TEXT.filter(bool),
    reasoning=st.none() | ANY_TEXT.filter(bool),
)


@st.composite
def states(draw: st.DrawFn) -> ConversationState:
    trees = [Tree(ConversationNode(draw(MESSAGES)))]
    for _ in range(draw(st.integers(0, 8))):
        metadata = draw(st.dictionaries(ANY_TEXT, JSON, max_size=2))
        trees.append(draw(st.sampled_from(trees)).add_child(ConversationNode(draw(MESSAGES), metadata=metadata)))
    state = ConversationState("talk", trees[0], metadata=draw(st.dictionaries(ANY_TEXT, JSON, max_size=3)))
    state.move(draw(st.sampled_from(trees)), "main")
    return state


@settings(max_examples=50)
@given(state=states())
def test_a_document_brings_everything_back(state: ConversationState) -> None:
    """Tree, texts, roles, tool calls, metadata, position and branch, through JSON."""
    twin = read_document(json.loads(json.dumps(write_document(state)))).state
    assert said(twin) == said(state)
    assert [each.data.metadata for each in twin.message_tree.walk()] == [
        each.data.metadata for each in state.message_tree.walk()
    ]
    assert twin.metadata == state.metadata
    assert (twin.current_node_id, twin.current_branch) == (state.current_node_id, "main")


ROWS = st.lists(
    st.builds(LLMMessage, st.sampled_from(["user", "tool"]), ANY_TEXT)
    | st.builds(LLMMessage, st.just("assistant"), ANY_TEXT.filter(bool), tool_calls=st.lists(CALLS, max_size=2)),
    min_size=1,
    max_size=6,
)


def _plain(messages: list[LLMMessage]) -> list[Any]:
    calls = [[(call.name, call.arguments) for call in message.tool_calls] for message in messages]
    return [(message.role, message.content, made) for message, made in zip(messages, calls, strict=True)]


@settings(max_examples=50)
@given(messages=ROWS)
def test_rows_bring_texts_roles_and_calls_back(messages: list[LLMMessage]) -> None:
    """Through OpenAI's lines and ShareGPT's items."""
    for data, read in ((line_of(messages, {}), read_line), (item_of("n", messages, {}), read_item)):
        state = read(json.loads(json.dumps(data)), "n", utc_now())
        assert _plain([each.data.message for each in state.message_tree.walk()][1:]) == _plain(messages)


@st.composite
def hostile(draw: st.DrawFn) -> Any:
    """A sound document in which something, somewhere, was replaced by something else."""
    data: Any = json.loads(json.dumps(write_document(draw(states()))))
    place, at = draw(st.sampled_from([(data, None), (data["nodes"][0], 0), (data["nodes"][0]["message"], 1)]))
    keys = [*place, "tool_calls", "function_call", "extra", "dknb"] if at is None or at else [*place]
    place[draw(st.sampled_from(keys))] = draw(JSON)
    if draw(st.booleans()):
        data["metadata"] = {"dknb": {"version": 1, draw(st.sampled_from(["branches", "calls", "current"])): draw(JSON)}}
    return data


@settings(max_examples=60)
@given(data=hostile())
def test_a_hostile_document_raises_our_errors_only(data: Any) -> None:
    """Or none, and then it can be written again."""
    try:
        state = read_document(data).state
    except DknbError:
        return
    assert said(read_document(json.loads(json.dumps(write_document(state)))).state) == said(state)


@given(data=JSON, key=st.sampled_from(["messages", "conversations", "nodes"]), inner=JSON)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_hostile_file_raises_our_errors_only(tmp_path: Path, data: Any, key: str, inner: Any) -> None:
    """Whatever JSON it holds."""
    path = tmp_path / "hostile.json"
    for item in (data, {key: data}, {key: [inner]}, document(nodes=data), {key: [{"role": inner, "from": data}]}):
        path.write_text(json.dumps(item), encoding="utf-8")
        try:
            for _ in read_talks(path, format_of(path)):
                pass
        except DknbError:
            continue


@given(content=st.binary(max_size=60))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_raise_our_errors_only(tmp_path: Path, content: bytes) -> None:
    """What is no JSON, no UTF-8, or no database although it begins like one."""
    path = tmp_path / "hostile"
    for beginning, kind in ((b"", "openai"), (b"SQLite format 3\0", "llm"), (b'{"nodes": ', "dataknobs")):
        path.write_bytes(beginning + content)
        try:
            for _ in read_talks(path, kind):
                pass
            format_of(path)
        except DknbError:
            continue
