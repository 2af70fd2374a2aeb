"""Documents of the peer, conversations to export, and files to import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dknb.conversations import ConversationNode, ConversationState, Tree
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import ToolCall

AT = "2026-05-06T07:08:09"


def node(node_id: str, role: str = "user", content: str = "", **more: Any) -> dict[str, Any]:
    """A node of a document, as the peer writes it."""
    message = {"role": role, "content": content or f"said at {node_id!r}", **more.pop("message", {})}
    given = {"prompt_name": None, "branch_name": None, "metadata": {}, "timestamp": AT, **more}
    return {"node_id": node_id, "message": message, **given}


def document(**changed: Any) -> dict[str, Any]:
    """A document with a root, a question and two answers, of which the second is current."""
    return {
        "schema_version": "1.1.0",
        "conversation_id": "talk",
        "nodes": [node("", "system", "be brief"), node("0"), node("0.0", "assistant"), node("0.1", "assistant")],
        "edges": [["", "0"], ["0", "0.0"], ["0", "0.1"]],
        "current_node_id": "0.1",
        "metadata": {"topic": "tests"},
        "created_at": "2026-05-06T07:00:00",
        "updated_at": "2026-05-06T08:00:00",
        **changed,
    }


def said(state: ConversationState) -> list[tuple[int, LLMMessage]]:
    """Depth and message of each node, in walking order: equal for equal trees."""
    return [(each.depth, each.data.message) for each in state.message_tree.walk()]


def conversation(name: str = "talk") -> ConversationState:
    """A question with two answers; the second calls a tool and goes on."""
    root = Tree(ConversationNode(LLMMessage("system", "be brief")))
    question = root.add_child(ConversationNode(LLMMessage("user", "6 x 7?")))
    question.add_child(ConversationNode(LLMMessage("assistant", "about 40")))
    call = ToolCall("times", {"a": 6, "b": 7}, "call-1")
    called = question.add_child(ConversationNode(LLMMessage("assistant", "one moment", tool_calls=[call])))
    result = called.add_child(ConversationNode(LLMMessage("tool", "42", tool_call_id="call-1", name="times")))
    end = result.add_child(ConversationNode(LLMMessage("assistant", "42")))
    state = ConversationState(name, root, metadata={"topic": "sums"})
    state.move(end, "main")
    return state


def write(path: Path, *items: Any) -> Path:
    """A file of JSON, one item a line."""
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    return path
