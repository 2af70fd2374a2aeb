"""What the tests of conversations share: a scripted model, and stores of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import (
    ConversationManager,
    ConversationStorage,
    MemoryConversationStorage,
    SQLConversationStorage,
)


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture(params=["memory", "sqlite"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ConversationStorage]:
    """Each kind of store: what a test says of one holds for all."""
    store = MemoryConversationStorage() if request.param == "memory" else SQLConversationStorage(tmp_path / "store.db")
    yield store
    await store.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SQLConversationStorage]:
    async with SQLConversationStorage(tmp_path / "store.db") as store:
        yield store


@pytest.fixture
async def manager(model: ScriptedModel, storage: ConversationStorage) -> ConversationManager:
    return await ConversationManager.create(model, None, storage, conversation_id="talk")
