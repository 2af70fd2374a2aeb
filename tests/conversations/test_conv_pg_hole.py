"""A network that swallows what is sent: whoever waits for PostgreSQL is told in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from conversations_help import loaded, stored, user
from postgres_help import Server

from dknb.conversations import Query, SQLConversationStorage, Step
from dknb.errors import StoreUnreachable


class Hole:
    """Stands between a store and the server; while ``swallows`` is set it takes everything and gives nothing on."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.swallows = False
        self.tasks: list[asyncio.Task[None]] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection("127.0.0.1", self.target)
        self.writers += [writer, onward]
        self.tasks += [asyncio.create_task(self.pump(reader, onward)), asyncio.create_task(self.pump(there, writer))]

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if not self.swallows:
                writer.write(data)
        writer.close()


@asynccontextmanager
async def hole_before(server: Server) -> AsyncIterator[tuple[Hole, str]]:
    hole = Hole(server.port)
    listener = await asyncio.start_server(hole.meet, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield hole, server.url().replace(f":{server.port}/", f":{port}/")
    finally:
        listener.close()
        for writer in hole.writers:
            writer.close()
        await asyncio.gather(*hole.tasks, return_exceptions=True)


async def test_a_connection_that_is_swallowed_is_given_up(postgres: Server) -> None:
    """A turn, a search and the end of the store; when the network is back so is the store, and what was paid for is kept."""
    async with hole_before(postgres) as (hole, url):
        storage = SQLConversationStorage(url, answer_s=0.5)
        state = await stored(storage)
        assert len(await storage.search(Query("m1"))) == 1
        hole.swallows = True
        with pytest.raises(StoreUnreachable):
            await asyncio.wait_for(storage.append(state, Step(state.current, [user("paid")], "main", paid=True)), 30)
        with pytest.raises(StoreUnreachable):
            await asyncio.wait_for(storage.search(Query("m1")), 30)
        await asyncio.wait_for(storage.close(), 10)
        hole.swallows = False
        await storage.write_owed(state)
        assert [node.data.message.content for node in (await loaded(storage)).stored] == ["", "m0", "m1", "paid"]
        await storage.close()


async def test_the_server_ends_what_takes_too_long(postgres: Server) -> None:
    """A statement beyond the limit is an error of the store, and the connection goes on; upkeep may take its time."""
    async with SQLConversationStorage(postgres.url(), answer_s=0.5) as storage:
        await stored(storage)

        def sleep() -> None:
            with storage._turns.connection(write=False) as connection:
                connection.exec_driver_sql("SELECT pg_sleep(5)")

        started = time.monotonic()
        with pytest.raises(Exception, match="statement timeout"):
            await storage._turns.run(sleep)
        assert time.monotonic() - started < 5
        assert await storage.check() == []
        assert len((await loaded(storage)).stored) == 3
