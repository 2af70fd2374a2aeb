"""What prompts found is kept with the message, and used again where the same is asked."""

from __future__ import annotations

from typing import Any

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import ConversationManager, ConversationStorage
from dknb.prompts import AsyncPromptBuilder, ConfigPromptLibrary, InMemoryAsyncAdapter

LIBRARY: dict[str, Any] = {
    "user": {
        "ask": {
            "template": "{{DOCS}}\nAbout {{topic}}?",
            "rag_configs": [{"adapter_name": "docs", "query": "{{topic}}", "k": 1, "placeholder": "DOCS"}],
        }
    }
}


class Counted(InMemoryAsyncAdapter):
    """Counts what is looked for."""

    def __init__(self) -> None:
        super().__init__(search_results=[{"content": "found", "score": 1.0, "metadata": {}}])
        self.queries: list[str] = []

    async def search(self, query: str, k: int = 5, filters: Any = None, **more: Any) -> Any:
        self.queries.append(query)
        return await super().search(query, k, filters, **more)


@pytest.fixture
def docs() -> Counted:
    return Counted()


@pytest.fixture
async def manager(model: ScriptedModel, storage: ConversationStorage, docs: Counted) -> ConversationManager:
    builder = AsyncPromptBuilder(ConfigPromptLibrary(LIBRARY), adapters={"docs": docs})
    return await ConversationManager.create(
        model, builder, storage, conversation_id="talk", cache_rag_results=True, reuse_rag_on_branch=True
    )


async def test_a_branch_that_asks_the_same_searches_nothing_anew(manager: ConversationManager, docs: Counted) -> None:
    """Wherever in the tree it was found; another topic is another search; each message has what was found for it."""
    await manager.add_message(prompt_name="ask", params={"topic": "cats"})
    await manager.complete()
    await manager.add_message(prompt_name="ask", params={"topic": "dogs"})
    await manager.add_message(prompt_name="ask", params={"topic": "cats"})
    await manager.branch_from("0")
    node = await manager.add_message(prompt_name="ask", params={"topic": "dogs"})
    assert docs.queries == ["cats", "dogs"]
    assert node.message.content == "found\nAbout dogs?"
    found = manager.get_rag_metadata()
    assert found is not None
    assert found["DOCS"]["query"] == "dogs"
    assert found["DOCS"]["query_hash"] != manager.get_rag_metadata("0")["DOCS"]["query_hash"]  # type: ignore[index]


async def test_it_is_used_again_after_a_restart(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage, docs: Counted
) -> None:
    """What was found is in the store; who does not ask for it searches."""
    await manager.add_message(prompt_name="ask", params={"topic": "cats"})
    builder = manager.prompt_builder
    again = await ConversationManager.resume(
        "talk", model, builder, storage, cache_rag_results=True, reuse_rag_on_branch=True
    )
    await again.add_message(prompt_name="ask", params={"topic": "cats"})
    assert docs.queries == ["cats"]
    plain = await ConversationManager.resume("talk", model, builder, storage)
    node = await plain.add_message(prompt_name="ask", params={"topic": "cats"})
    assert docs.queries == ["cats", "cats"]
    assert node.metadata == {}


async def test_reuse_alone_keeps_what_it_will_use(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage, docs: Counted
) -> None:
    """It needs no second option to do something."""
    alone = await ConversationManager.create(model, manager.prompt_builder, storage, reuse_rag_on_branch=True)
    for _ in range(2):
        await alone.add_message(prompt_name="ask", params={"topic": "cats"})
        await alone.switch_to_node("")
    assert docs.queries == ["cats"]


async def test_without_searches_nothing_is_used_again(manager: ConversationManager, docs: Counted) -> None:
    """``include_rag=False`` leaves the placeholder empty."""
    await manager.add_message(prompt_name="ask", params={"topic": "cats"})
    node = await manager.add_message(prompt_name="ask", params={"topic": "cats"}, include_rag=False)
    assert "found" not in node.message.content
    assert docs.queries == ["cats"]
