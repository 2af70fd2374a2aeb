"""What a turn costs at different depths of one conversation, and turns a second, on SQLite and in memory.

    python tests/bench/bench_turns.py [--deep]

A turn is a question and the Echo provider's answer, through the manager, stored. Depths are compared in alternating
blocks of one run, so that what else the machine does falls on both; the ratio is that of the medians. ``--deep`` compares
node 100,000 with node 100 too.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
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


async def turn(manager: ConversationManager) -> None:
    await manager.add_message("user", "What is the weakest argument of the text?")
    await manager.complete()


async def at_depth(storage: ConversationStorage, depth: int) -> ConversationManager:
    """A manager at the end of a chain of ``depth`` messages, resumed from its store."""
    tip = tree = Tree(ConversationNode(LLMMessage("system", "You are helpful.")))
    for number in range(depth):
        role = "assistant" if number % 2 else "user"
        tip = tip.add_child(ConversationNode(LLMMessage(role, f"message {number} of a long conversation")))
    state = ConversationState(f"depth-{depth}", tree)
    state.move(tip, "main")
    await storage.create_conversation(state)
    started = time.perf_counter()
    manager = await ConversationManager.resume(f"depth-{depth}", EchoProvider("echo"), None, storage)
    print(f"  opened {depth + 1:>7,} nodes in {time.perf_counter() - started:.3f} s")
    return manager


async def compare(storage: ConversationStorage, name: str, shallow: int, deep: int) -> None:
    managers = [await at_depth(storage, depth) for depth in (shallow, deep)]
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
    low, high = (statistics.median(taken) * 1000 for taken in times)
    print(f"{name}: a turn at node {shallow:,} {low:.3f} ms, at node {deep:,} {high:.3f} ms, ratio {high / low:.3f}")


async def long_chain(storage: ConversationStorage, name: str, turns: int) -> None:
    manager = await ConversationManager.create(EchoProvider("echo"), None, storage)
    started = time.perf_counter()
    for _ in range(turns):
        await turn(manager)
    seconds = time.perf_counter() - started
    print(f"{name}: {turns:,} turns of one conversation in {seconds:.2f} s, {turns / seconds:,.0f} turns/s")


async def main(deep: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with SQLConversationStorage(Path(folder, "store.db")) as storage:
            await compare(storage, "SQLite", 10, 5_000)
            if deep:
                await compare(storage, "SQLite", 100, 100_000)
            await long_chain(storage, "SQLite", 5_000)
    await compare(MemoryConversationStorage(), "memory", 10, 5_000)
    await long_chain(MemoryConversationStorage(), "memory", 1_000)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deep", action="store_true", help="also compare node 100,000 with node 100")
    asyncio.run(main(parser.parse_args().deep))
