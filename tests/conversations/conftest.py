"""What the tests of conversations share: a scripted model, and stores of each kind."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from conversations_help import ScriptedModel
from postgres_help import NoServer, Server, running_server

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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A real server for all tests of a run. Where there is none the tests are skipped, but in CI that is a failure."""
    try:
        with running_server() as server:
            yield server
    except NoServer as error:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def postgres(postgres_server: Server) -> Server:
    """The server, with nothing of ours in it."""
    postgres_server.empty()
    return postgres_server


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def each_storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ConversationStorage]:
    """Each kind of store, a real PostgreSQL server included."""
    if request.param == "memory":
        store: ConversationStorage = MemoryConversationStorage()
    elif request.param == "sqlite":
        store = SQLConversationStorage(tmp_path / "store.db")
    else:
        store = SQLConversationStorage(request.getfixturevalue("postgres").url())
    async with store:
        yield store


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SQLConversationStorage]:
    async with SQLConversationStorage(tmp_path / "store.db") as store:
        yield store


@pytest.fixture
async def manager(model: ScriptedModel, storage: ConversationStorage) -> ConversationManager:
    return await ConversationManager.create(model, None, storage, conversation_id="talk")
