"""Documents of the peer: what is read from them, and what is refused."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from conversations_help import chain
from exchange_help import AT, document, node, said

from dknb.conversations import Branch, ConversationNode, ConversationState, Tree
from dknb.conversations.exchange.documents import read_document, write_document
from dknb.conversations.node import STAR
from dknb.errors import SchemaVersionError, StorageError
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import ImagePart, TextPart, ToolCall


def test_a_document_becomes_its_tree() -> None:
    """Tree, texts, position, metadata and times are those of the document; times without a zone are UTC."""
    state = read_document(document()).state
    assert [(depth, message.role, message.content) for depth, message in said(state)] == [
        (0, "system", "be brief"),
        (1, "user", "said at '0'"),
        (2, "assistant", "said at '0.0'"),
        (2, "assistant", "said at '0.1'"),
    ]
    assert (state.conversation_id, state.current_node_id, state.metadata) == ("talk", "0.1", {"topic": "tests"})
    assert state.created_at == datetime(2026, 5, 6, 7, tzinfo=timezone.utc)
    assert state.current.data.timestamp == datetime.fromisoformat(AT).replace(tzinfo=timezone.utc)
    assert (list(state.branches), state.current_branch) == (["main"], "main")
    assert state.branches["main"].head is state.current


def test_edges_may_come_in_any_order() -> None:
    """Siblings stand where their ids say, whatever the order of nodes and edges."""
    whole = document(
        nodes=[node(""), *(node(str(number)) for number in range(12)), *(node(f"3.{number}") for number in range(3))],
        edges=[*(["", str(number)] for number in range(12)), *(["3", f"3.{number}"] for number in range(3))],
        current_node_id="3.2",
    )
    expected = said(read_document(whole).state)
    dice = random.Random(5)
    for _ in range(10):
        dice.shuffle(whole["nodes"])
        dice.shuffle(whole["edges"])
        state = read_document(whole).state
        assert said(state) == expected
        assert state.current_node_id == "3.2"


def test_ids_that_are_no_paths_keep_the_order_of_the_edges() -> None:
    """Any text is an id; the root is the node that has none above it."""
    whole = document(
        nodes=[node("b"), node("top", content="first"), node("a")],
        edges=[["top", "b"], ["top", "a"]],
        current_node_id="a",
    )
    state = read_document(whole).state
    assert [message.content for _, message in said(state)] == ["first", "said at 'b'", "said at 'a'"]
    assert state.current_node_id == "1"


def test_a_root_of_the_user_stays_the_root() -> None:
    """A document that begins with a question has no empty root put above it."""
    state = read_document(document(nodes=[node("", "user", "hello")], edges=[], current_node_id="")).state
    assert (state.message_tree.data.role, state.message_tree.data.message.content) == ("user", "hello")


def test_schema_1_0_has_its_tool_calls_in_the_metadata() -> None:
    """Where the message has none, they are taken from there, and stay there too."""
    kept = {"tool_calls": [{"name": "f", "parameters": {"x": 1}, "id": "i"}], "function_call": {"name": "g"}}
    whole = document(schema_version="1.0.0", nodes=[node("", "assistant", metadata=kept)], edges=[], current_node_id="")
    for data in (whole, {key: value for key, value in whole.items() if key != "schema_version"}):
        root = read_document(data).state.message_tree.data
        assert root.message.tool_calls == [ToolCall("f", {"x": 1}, "i")]
        assert root.message.function_call == {"name": "g"}
        assert root.metadata == kept


def test_a_higher_minor_version_is_read() -> None:
    """What it adds is kept as unknown keys."""
    assert read_document(document(schema_version="1.7.3", added=1)).state.metadata["document_extra"] == {"added": 1}


def test_a_higher_major_version_is_refused() -> None:
    """The error says which version it is."""
    with pytest.raises(SchemaVersionError, match=r"2\.0\.0"):
        read_document(document(schema_version="2.0.0"))


def test_unknown_keys_are_written_again() -> None:
    """Of the document, of its nodes, and of their messages."""
    data = document(nodes=[node("", mood="good", message={"lang": "en"})], edges=[], current_node_id="", owner="me")
    written = write_document(read_document(data).state)
    assert written["owner"] == "me"
    assert written["nodes"][0]["mood"] == "good"
    assert written["nodes"][0]["message"]["lang"] == "en"
    assert written["metadata"]["topic"] == "tests"
    assert "document_extra" not in written["metadata"]


def test_named_nodes_are_branches() -> None:
    """The name of a node is a branch to the end of what follows it; a name that is none for a branch is no branch."""
    nodes = [node(""), node("0", branch_name="kind"), node("0.0"), node("1", branch_name="0.1"), node("2")]
    edges = [["", "0"], ["0", "0.0"], ["", "1"], ["", "2"]]
    state = read_document(document(nodes=nodes, edges=edges, current_node_id="0.0")).state
    assert {name: branch.head.data.node_id for name, branch in state.branches.items()} == {"kind": "0.0", "main": "0.0"}
    assert state.current_branch == "kind"


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"nodes": []}, "no nodes"),
        ({"nodes": {}}, "'nodes' is {}, not a list"),
        ({"nodes": [node("")], "edges": [["", ""]], "current_node_id": ""}, "no root"),
        ({"nodes": [node(""), node("")]}, "two nodes ''"),
        ({"nodes": [node(""), 7]}, "node 1: it is 7"),
        ({"edges": [["", "0"]]}, "3 nodes have none above them"),
        ({"edges": [["", "0"], ["0.0", "0.1"], ["0.1", "0.0"]]}, "in a circle"),
        ({"edges": [["", "0"], ["0", "0.0"], ["0", "0.1"], ["", "0.1"]]}, "two edges lead to the node '0.1'"),
        ({"edges": [["", "0"], ["0", "9"]]}, "names the node '9'"),
        ({"edges": [["", 0]]}, "not a pair of node ids"),
        ({"edges": None}, "'edges' is None"),
        ({"current_node_id": "0.7"}, "'current_node_id' is '0.7'"),
        ({"current_node_id": None}, "'current_node_id' is None"),
        ({"conversation_id": 5}, "'conversation_id' is 5"),
        ({"conversation_id": ""}, "'conversation_id' is empty"),
        ({"metadata": [1]}, "'metadata' is "),
        ({"created_at": "yesterday"}, "'created_at' is 'yesterday', not a time"),
        ({"updated_at": "0001-01-01T00:00:00+14:00"}, "not a time"),
        ({"schema_version": "one"}, "'schema_version' is 'one'"),
        ({"schema_version": 1}, "'schema_version' is 1"),
        ({"nodes": [node("", timestamp=12)]}, "'timestamp' is 12"),
        ({"nodes": [node("", message={"role": ""})]}, "'role' is blank"),
        ({"nodes": [node("", message={"content": 5})]}, "'content' is 5"),
        ({"nodes": [node("", message={"tool_calls": "f"})]}, "'tool_calls' is 'f'"),
        ({"nodes": [node("", message={"tool_calls": [{"id": "x"}]})]}, "'name' is missing"),
        ({"nodes": [node("", message={"tool_calls": [{"name": "f", "parameters": 1}]})]}, "'parameters' is 1"),
        ({"nodes": [node("", metadata={"dknb": {"version": 1, "state": "x"}})]}, "'state' is 'x'"),
        ({"metadata": {"dknb": {"version": 1, "branches": [["b", 77, AT, 0]]}}}, "a branch is"),
    ],
)
def test_a_broken_document_is_refused(changed: dict[str, Any], what: str) -> None:
    """The error names what is wrong, and where."""
    with pytest.raises(StorageError) as error:
        read_document(document(**changed), "talks.json")
    assert what in str(error.value)
    assert str(error.value).startswith("talks.json")


@pytest.mark.parametrize("data", [None, 5, "text", [], [1]])
def test_what_is_no_document_is_refused(data: Any) -> None:
    """Whatever JSON it is."""
    with pytest.raises(StorageError):
        read_document(data)


def test_what_is_ours_comes_back() -> None:
    """Branches, labels, stars, deletions, states, parts, reasoning, and an entry of the caller's under our key."""
    state = ConversationState("talk", chain(3).root, metadata={"dknb": "mine", "topic": "x"})
    nodes = list(state.message_tree.walk())
    nodes[1].data.labels = frozenset({STAR, "good"})
    nodes[2].data.deletion = 3
    nodes[3].data.state, nodes[3].data.cell = "incomplete", "cell-1"
    nodes[3].data.metadata["dknb"] = {"version": 1}
    picture = [TextPart("see"), ImagePart(url="https://example.org/a.png")]
    state.current = nodes[3].add_child(
        ConversationNode(LLMMessage("user", picture, reasoning="hm", extra={"phase": "x"}), prompt_name="p")
    )
    state.branches = {name: Branch(name, nodes[3], state.created_at, 2) for name in ("side", "main")}
    state.current_branch, state.revision = "side", 9
    twin = read_document(json.loads(json.dumps(write_document(state)))).state
    assert said(twin) == said(state)
    assert (twin.metadata, twin.revision, twin.current_branch) == (state.metadata, 9, "side")
    assert [(each.name, each.deletion, each.head.data.node_id) for each in twin.branches.values()] == [
        ("side", 2, "0.0.0"),
        ("main", 2, "0.0.0"),
    ]
    for left, right in zip(twin.message_tree.walk(), nodes, strict=False):
        for name in ("labels", "deletion", "state", "cell", "metadata", "prompt_name", "timestamp"):
            assert getattr(left.data, name) == getattr(right.data, name)


def test_someone_else_went_on_from_the_end_of_a_branch() -> None:
    """The branch goes along, although the peer knows nothing of branches."""
    state = ConversationState("talk", chain(1).root)
    state.move(state.message_tree.children[0], "main")
    data = write_document(state)
    data["nodes"].append(node("0.0", "assistant", "of the peer"))
    data["edges"].append(["0", "0.0"])
    data["current_node_id"] = "0.0"
    read = read_document(data)
    assert read.state.branches["main"].head is read.state.current is read.order[2]
    assert read.state.current_branch == "main"


def test_a_document_of_depth_100_000() -> None:
    """Nothing recurses, and the document is not quadratic: ids that would be 10 GB are numbers."""
    state = ConversationState("deep", chain(100_000).root)
    state.move(list(state.message_tree.walk())[-1], "main")
    data = write_document(state)
    assert max(len(each["node_id"]) for each in data["nodes"]) == len("#100000")
    twin = read_document(data).state
    assert twin.current.depth == 100_000
    assert twin.branches["main"].head is twin.current


def test_a_naive_time_in_another_zone_is_utc_in_the_document() -> None:
    """What is written has a zone, so that who reads it need not guess."""
    at = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    state = ConversationState("talk", Tree(ConversationNode(LLMMessage("user", "x"), timestamp=at)))
    assert write_document(state)["nodes"][0]["timestamp"] == "2025-12-31T22:00:00+00:00"


def test_a_state_is_written_and_read_as_such_a_document() -> None:
    """`to_dict` is the document, `from_dict` takes it back; a newer one is refused."""
    state = ConversationState("talk", chain(2).root)
    again = ConversationState.from_dict(json.loads(json.dumps(state.to_dict())))
    assert again.to_dict() == state.to_dict()
    assert [node["message"]["content"] for node in state.to_dict()["nodes"]][-2:] == ["m0", "m1"]
    with pytest.raises(SchemaVersionError):
        ConversationState.from_dict({**state.to_dict(), "schema_version": "2.0.0"})
