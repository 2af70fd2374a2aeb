"""Real limits: a disk that is full, a folder that may not be written, and an event loop that must go on."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from conversations_help import chain, loaded, stored

from dknb.conversations import (
    ConversationState,
    ConversationStorage,
    MemoryConversationStorage,
    Query,
    SQLConversationStorage,
)

#: Talks until its files may not grow any more (what a full disk is), then goes on when they may.
FULL = """
import asyncio, resource, signal, sys
from dknb.conversations import ConversationManager, SQLConversationStorage
from dknb.errors import StorageError
from dknb.llm.messages import LLMResponse

class Model:
    async def complete(self, messages, **overrides):
        if len(messages) > 5:
            resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
        return LLMResponse("re: " + messages[-1].content + "x" * 40_000, cost_usd=0.5)

async def main(path):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    async with SQLConversationStorage(path) as storage:
        manager = await ConversationManager.create(Model(), None, storage, conversation_id="c")
        try:
            for number in range(20):
                await manager.add_message(content=f"q{number}")
                await manager.complete()
        except StorageError as error:
            print("error", error, "hint", error.hint)
        print("owed", len(manager.state.owed), manager.state.current.data.message.content[:6])
        try:
            await manager.flush()
        except StorageError:
            print("still full")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await manager.flush()
        print("at", manager.state.current.data.message.content[:6], "owed", len(manager.state.owed))

asyncio.run(main(sys.argv[1]))
"""

#: Reads and writes as a user who may not write the folder.
READ_ONLY = """
import asyncio, os, sys
import sqlalchemy.dialects.sqlite
from dknb.conversations import SQLConversationStorage, ConversationNode, Step
from dknb.conversations.sql import _rows, versions
from dknb.errors import StorageError
from dknb.llm.messages import LLMMessage

async def main(path):
    if os.geteuid() == 0:
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
    async with SQLConversationStorage(path) as storage:
        try:
            state = await storage.load_conversation("c")
            print("read", None if state is None else len(state.stored))
            await storage.append(state, Step(state.current, [ConversationNode(LLMMessage("user", "q"))], "main"))
        except StorageError as error:
            print("error", error, "hint", error.hint)

asyncio.run(main(sys.argv[1]))
"""


def said_by(program: str, path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_full_disk_keeps_the_paid_answer_and_stores_it_later(tmp_path: Path) -> None:
    """The error says so, nothing is half-written, the answer waits, and `flush` stores it when there is room."""
    shown = said_by(FULL, tmp_path / "store.db")
    assert "error The store" in shown
    assert "hint" in shown
    assert "owed 1 re: q" in shown
    assert "still full" in shown
    assert shown.splitlines()[-1].endswith("owed 0")
    state = asyncio.run(open_again(tmp_path / "store.db"))
    assert shown.splitlines()[-1].split()[1] + " " + shown.splitlines()[-1].split()[2] == (
        state.current.data.message.content[:6].rstrip("x")
    )
    answers = [node.data.message.content for node in state.stored if node.data.role == "assistant"]
    assert [text[:6].rstrip("x") for text in answers] == [f"re: q{number}" for number in range(len(answers))]
    assert len(answers) > 2


async def open_again(path: Path) -> ConversationState:
    async with SQLConversationStorage(path) as storage:
        assert await storage.check() == []
        return await loaded(storage)


@pytest.mark.skipif(os.name == "nt", reason="needs the permissions of POSIX")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """Writing is an error that says what to do; nothing in the folder is changed."""
    folder = tmp_path / "shared"
    folder.mkdir()
    path = folder / "store.db"
    asyncio.run(fill(path))
    for each in (*tmp_path.parents, tmp_path):
        if each.is_relative_to(Path("/tmp")) and each != Path("/tmp"):
            each.chmod(each.stat().st_mode | 0o055)
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    path.chmod(0o444)
    folder.chmod(0o555)
    try:
        shown = said_by(READ_ONLY, path)
    finally:
        folder.chmod(0o755)
    assert "error The store" in shown
    assert "writ" in shown.split("hint")[1] or "folder" in shown.split("hint")[1]
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


async def fill(path: Path) -> None:
    async with SQLConversationStorage(path) as storage:
        await stored(storage)


@pytest.fixture(params=["memory", "sqlite"])
def big(request: pytest.FixtureRequest, tmp_path: Path) -> ConversationStorage:
    return MemoryConversationStorage() if request.param == "memory" else SQLConversationStorage(tmp_path / "store.db")


#: Milliseconds that an event loop may wait for a store.
MOST_MS = 10


async def test_a_store_never_blocks_the_event_loop(big: ConversationStorage) -> None:
    """Opening, saving and searching 10,000 nodes: the loop is never away for 10 ms.

    Other processes halt this one too, so there are several tries: what blocks the loop blocks it in each of them. And where
    the loop has to wait as long for a thread that only computes, it is not the store that blocks it.
    """
    tip = chain(10_000)
    state = ConversationState("c", tip.root)
    state.move(tip, "main")
    async with big:
        await big.create_conversation(state)
        work: dict[str, Callable[[], Awaitable[object]]] = {
            "open": lambda: big.load_conversation("c"),
            "search": lambda: big.search(Query("m17")),
            "save": lambda: big.save_conversation(state),
            "refresh": lambda: big.refresh(state),
            "list": big.list_conversations,
        }
        for name, do in work.items():
            waits = []
            for _ in range(12):
                usual = await longest_wait(lambda: asyncio.to_thread(compute))
                waits.append(await longest_wait(do))
                if waits[-1] <= max(MOST_MS, 2 * usual):
                    break
            else:
                pytest.fail(f"the loop waited for {name!r}: {waits} ms")


@pytest.mark.parametrize("collects", [True, False])
async def test_no_garbage_is_collected_while_a_conversation_is_opened(big: ConversationStorage, collects: bool) -> None:
    """Going through all the new objects would halt everything; afterwards it is as it was."""
    tip = chain(10_000)
    state = ConversationState("c", tip.root)
    seen: list[str] = []
    interval = sys.getswitchinterval()
    async with big:
        await big.create_conversation(state)
        gc.callbacks.append(lambda phase, _: seen.append(phase))
        try:
            (gc.enable if collects else gc.disable)()
            twin = await big.load_conversation("c")
            assert seen == []
            assert gc.isenabled() is collects
        finally:
            gc.callbacks.pop()
            gc.enable()
    assert twin is not None
    assert sys.getswitchinterval() == interval


def compute() -> int:
    """What any other thread may do: nothing that waits, about a tenth of a second."""
    return sum(number % 7 for number in range(1_000_000))


async def longest_wait(do: Callable[[], Awaitable[object]]) -> float:
    """The longest time, in milliseconds, that the loop was away while ``do`` was waited for."""
    longest, done = 0.0, asyncio.Event()

    async def beat() -> None:
        nonlocal longest
        last = time.perf_counter()
        while not done.is_set():
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last - 0.001), now

    heart = asyncio.create_task(beat())
    await asyncio.sleep(0)
    await do()
    done.set()
    await heart
    return longest * 1000
