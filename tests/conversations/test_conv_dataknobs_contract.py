"""The storage contract on real dataknobs-data databases: the very tests of the other stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from test_conv_storage_amend import *  # noqa: F403 - the same tests, for other stores
from test_conv_storage_contract import *  # noqa: F403
from test_conv_storage_data import *  # noqa: F403
from test_conv_storage_search import *  # noqa: F403

from dknb.conversations import ConversationStorage
from dknb.conversations.dataknobs import DataknobsConversationStorage

pytest.importorskip("dataknobs_data", reason="needs the extra dataknobs: pip install dataknobs-data aiosqlite")

KINDS = ("memory", "sqlite", "file", "sync-memory", "sync-sqlite", "sync-file")


@pytest.fixture(params=KINDS)
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ConversationStorage]:
    """Each kind of database."""
    from dataknobs_data.factory import AsyncDatabaseFactory, DatabaseFactory

    kind = request.param.removeprefix("sync-")
    factory = DatabaseFactory() if "sync-" in request.param else AsyncDatabaseFactory()
    path = {"sqlite": "talks.db", "file": "talks.json"}.get(kind)
    database = factory.create(backend=kind, **({} if path is None else {"path": str(tmp_path / path)}))
    connected = database.connect()
    if connected is not None:
        await connected
    async with DataknobsConversationStorage(database) as store:
        yield store
    closed = database.close()
    if closed is not None:
        await closed
