"""What a turn costs, what a deep conversation costs, and how a thousand turns compare with the peer's.

    python tests/bench/bench_turns.py [--peer PYTHON]

A turn is a question and the Echo provider's answer, through the manager, stored. Turns at different depths are compared
in alternating blocks of one run, so that what else the machine does falls on both; the ratio is that of the medians.
The peer (``dataknobs-llm``) makes its thousand turns in a process of its own, with its own manager, its storage on its
in-memory database and its Echo provider; it needs minutes.

Ends with status 1 if a turn at node 100,000 costs more than 1.2 times one at node 100, 5,000 turns on SQLite take 10
seconds, a conversation of 100,000 nodes takes a second or 200 MB to open, the path of a node at depth 10,000 takes 5 ms,
or the peer is less than 300 times as slow.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dknb.conversations import (
    ConversationManager,
    ConversationNode,
    ConversationState,
    ConversationStorage,
    MemoryConversationStorage,
    SQLConversationStorage,
    Tree,
)
from dknb.llm import EchoProvider, LLMMessage

BLOCKS, BLOCK = 30, 20
QUESTION = "What is the weakest argument of the text?"

PEER = """
import asyncio, time
from dataknobs_data.backends.memory import AsyncMemoryDatabase
from dataknobs_llm.conversations import ConversationManager, DataknobsConversationStorage
from dataknobs_llm.llm import LLMConfig
from dataknobs_llm.llm.providers.echo import EchoProvider
from dataknobs_llm.prompts import AsyncPromptBuilder, ConfigPromptLibrary

async def main(turns, question):
    llm = EchoProvider(LLMConfig(provider="echo", model="echo"))
    builder = AsyncPromptBuilder(library=ConfigPromptLibrary({{}}))
    storage = DataknobsConversationStorage(AsyncMemoryDatabase())
    manager = await ConversationManager.create(llm, builder, storage)
    started = time.perf_counter()
    for _ in range(turns):
        await manager.add_message(role="user", content=question)
        await manager.complete()
    print(time.perf_counter() - started)

asyncio.run(main({turns}, {question!r}))
"""

missed: list[str] = []


def check(what: str, value: float, limit: float, unit: str) -> None:
    """Print a figure and its limit, and note it if it is beyond."""
    print(f"{what:58} {value:9.3f} {unit:3} (limit {limit:g})")
    if value > limit:
        missed.append(what)


async def turn(manager: ConversationManager) -> None:
    await manager.add_message("user", QUESTION)
    await manager.complete()


async def filled(storage: ConversationStorage, depth: int) -> str:
    """The name of a new conversation of ``depth`` messages in a row."""
    tip = tree = Tree(ConversationNode(LLMMessage("system", "You are helpful.")))
    for number in range(depth):
        role = "assistant" if number % 2 else "user"
        tip = tip.add_child(ConversationNode(LLMMessage(role, f"message {number} of a long conversation")))
    state = ConversationState(f"depth-{depth}", tree)
    state.move(tip, "main")
    await storage.create_conversation(state)
    return state.conversation_id


async def resumed(storage: ConversationStorage, name: str) -> ConversationManager:
    return await ConversationManager.resume(name, EchoProvider("echo"), None, storage)


async def compare(storage: ConversationStorage, name: str, shallow: int, deep: int) -> None:
    """Turns at two depths, in alternating blocks."""
    managers = [await resumed(storage, await filled(storage, depth)) for depth in (shallow, deep)]
    for manager in managers:
        for _ in range(BLOCK):
            await turn(manager)
    times: list[list[float]] = [[], []]
    for _ in range(BLOCKS):
        for manager, taken in zip(managers, times, strict=True):
            for _ in range(BLOCK):
                started = time.perf_counter()
                await turn(manager)
                taken.append(time.perf_counter() - started)
    low, high = map(statistics.median, times)
    check(f"{name}: turn at node {deep:,} / at node {shallow:,} ({low * 1000:.3f} ms)", high / low, 1.2, "x")


async def chain_of_turns(storage: ConversationStorage, turns: int) -> float:
    """Seconds for that many turns of one new conversation."""
    manager = await ConversationManager.create(EchoProvider("echo"), None, storage)
    await turn(manager)
    started = time.perf_counter()
    for _ in range(turns):
        await turn(manager)
    return time.perf_counter() - started


def memory(which: str) -> float:
    """MB of this process: now (``VmRSS``) or at most since its program began (``VmHWM``). Linux tells."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(which)) / 1024


def open_in_its_own_process(path: str, name: str) -> tuple[float, float]:
    """Seconds to open a conversation, and the MB that this adds to a process at its peak."""

    async def opened() -> tuple[float, float]:
        async with SQLConversationStorage(Path(path)) as storage:
            await storage.list_conversations()
            before = memory("VmRSS")
            started = time.perf_counter()
            await resumed(storage, name)
            seconds = time.perf_counter() - started
            return seconds, memory("VmHWM") - before

    return asyncio.run(opened())


async def opening(folder: str) -> None:
    """What opening 100,000 nodes takes, in a fresh process, and what a path costs."""
    path = str(Path(folder, "big.db"))
    async with SQLConversationStorage(Path(path)) as storage:
        name = await filled(storage, 100_000)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = [await asyncio.to_thread(pool.apply, open_in_its_own_process, (path, name)) for _ in range(3)]
    check("open 100,000 nodes, best of 3", min(seconds for seconds, _ in found), 1.0, "s")
    check("memory of 100,000 nodes", max(most for _, most in found), 200, "MB")


def paths() -> None:
    """The path of a node at depth 10,000, and its messages."""
    tip = Tree(ConversationNode(LLMMessage("system", "")))
    for _ in range(10_000):
        tip = tip.add_child(ConversationNode(LLMMessage("user", "?")))
    times = []
    for _ in range(20):
        started = time.perf_counter()
        tip.path()
        times.append(time.perf_counter() - started)
    check("path of a node at depth 10,000", statistics.median(times) * 1000, 5, "ms")


def peer_seconds(python: str, turns: int) -> float:
    """Seconds that the peer needs."""
    script = PEER.format(turns=turns, question=QUESTION)
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


async def main(peer: str | None) -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with SQLConversationStorage(Path(folder, "store.db")) as storage:
            await compare(storage, "SQLite", 100, 100_000)
            check("SQLite: 5,000 turns of one conversation", await chain_of_turns(storage, 5_000), 10, "s")
        await opening(folder)
    await compare(MemoryConversationStorage(), "memory", 100, 100_000)
    paths()
    ours = await chain_of_turns(MemoryConversationStorage(), 1_000)
    print(f"memory: 1,000 turns in {ours:.3f} s")
    if peer is None:
        print("The peer is not compared: give the path of a Python that has dataknobs-llm (--peer).")
    else:
        theirs = await asyncio.to_thread(peer_seconds, peer, 1_000)
        ours = min(ours, await chain_of_turns(MemoryConversationStorage(), 1_000))
        check(f"memory: 1,000 turns, ours / peer's ({theirs:.1f} s), x 300", 300 * ours / theirs, 1.0, "x")
        print(f"{theirs / ours:.0f} times as fast as the peer")
    for what in missed:
        print(f"MISSED: {what}", file=sys.stderr)
    return bool(missed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", metavar="PYTHON", help="a Python that has dataknobs-llm")
    sys.exit(asyncio.run(main(parser.parse_args().peer)))
