"""What is said: text as it is, or a prompt of the library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import ConversationManager, ConversationStorage
from dknb.errors import (
    ConfigError,
)
from dknb.llm.messages import LLMMessage


@dataclass
class Rendered:
    content: str
    rag_metadata: dict[str, Any] = field(default_factory=dict)


class Builder:
    """A prompt builder that shows what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def render_system_prompt(self, name: str, **asked: Any) -> Rendered:
        return self._render("system", name, asked)

    async def render_user_prompt(self, name: str, index: int = 0, **asked: Any) -> Rendered:
        return self._render("user", name, asked)

    def _render(self, kind: str, name: str, asked: Mapping[str, Any]) -> Rendered:
        self.asked.append({"name": name, **asked})
        found = {"DOCS": {"query": "q", "found": len(self.asked)}} if asked.get("return_rag_metadata") else {}
        return Rendered(f"{kind} {name} {asked['params']}", found)


async def test_a_system_prompt_is_the_root(model: ScriptedModel, storage: ConversationStorage) -> None:
    """It is sent first, kept as it is, and part of the history."""
    manager = await ConversationManager.create(model, None, storage, system_prompt="Be {{kind}}.")
    await manager.add_message(content="?")
    await manager.complete()
    assert [message.role for message in model.sent[0]] == ["system", "user"]
    assert (await manager.get_history())[0] == LLMMessage("system", "Be {{kind}}.")


async def test_content_is_stored_as_it_is(manager: ConversationManager) -> None:
    """Braces are not a template here; a list of parts is a message in parts."""
    node = await manager.add_message(content="{{name}} ((x)) {y}", prompt_name="where-it-came-from")
    assert node.message.content == "{{name}} ((x)) {y}"
    assert node.prompt_name == "where-it-came-from"
    node = await manager.add_message(content=[{"type": "text", "text": "look"}], metadata={"k": 1})
    assert (node.message.content, len(node.message.parts), node.metadata) == ("look", 1, {"k": 1})


async def test_prompts_are_rendered_by_the_builder(model: ScriptedModel, storage: ConversationStorage) -> None:
    """Name, parameters and ``include_rag`` reach it; its text becomes the message, its name the node's."""
    builder = Builder()
    manager = await ConversationManager.create(
        model, builder, storage, system_prompt_name="helper", system_params={"tone": "kind"}
    )
    node = await manager.add_message(prompt_name="ask", params={"x": 1}, include_rag=False)
    assert manager.state.message_tree.data.message == LLMMessage("system", "system helper {'tone': 'kind'}")
    assert manager.state.message_tree.data.prompt_name == "helper"
    assert (node.message.content, node.prompt_name) == ("user ask {'x': 1}", "ask")
    assert builder.asked[1] == {"name": "ask", "params": {"x": 1}, "include_rag": False}


async def test_what_a_prompt_found_is_kept_and_used_again(model: ScriptedModel, storage: ConversationStorage) -> None:
    """With the RAG cache on, a message remembers what was found for it, and its sibling searches nothing anew."""
    builder = Builder()
    manager = await ConversationManager.create(
        model, builder, storage, cache_rag_results=True, reuse_rag_on_branch=True
    )
    node = await manager.add_message(prompt_name="ask")
    found = {"DOCS": {"query": "q", "found": 1}}
    assert manager.get_rag_metadata() == manager.get_rag_metadata(node.node_id) == found
    await manager.switch_to_node("")
    await manager.add_message(prompt_name="ask")
    assert builder.asked[1]["cached_rag"] == found
    await manager.add_message(content="plain")
    assert manager.get_rag_metadata() is None


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "content, or the name of a prompt"),
        ({"role": "asistant", "content": "x"}, "Did you mean 'assistant'"),
        ({"prompt_name": "ask"}, "no prompt builder"),
    ],
)
async def test_messages_that_cannot_be_made(manager: ConversationManager, asked: dict[str, Any], says: str) -> None:
    """The error says what is missing, and nothing is added."""
    with pytest.raises(ConfigError, match=says):
        await manager.add_message(**asked)
    assert manager.state.message_tree.children == []


async def test_two_system_prompts_are_one_too_many(model: ScriptedModel, storage: ConversationStorage) -> None:
    """A text and a prompt of the library contradict each other."""
    with pytest.raises(ConfigError, match="not both"):
        await ConversationManager.create(model, Builder(), storage, system_prompt_name="a", system_prompt="b")
