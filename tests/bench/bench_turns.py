"""What a turn costs, what a deep conversation costs, and how a thousand turns compare with the peer's.

    python tests/bench/bench_turns.py [--peer PYTHON]

A turn is a question and the Echo provider's answer, through the manager, stored; plain, behind a middleware that looks
at the last message, and behind each of those that look at all that was said (every tenth message has an address to
redact): they do so once, and then go on from there. Turns at different depths are compared in alternating blocks of one run, so that what else
the machine does falls on both; the ratio is that of the medians, after the first block.
The first turn after opening is told apart: there the tokens of the whole path are counted once, for what the Echo
provider says was used, which takes time in proportion to its length and must not hold the event loop. Work in a thread beside
it holds it all the same, for as long as Python lets a thread run (5 ms), more than once if there are several.
A model that reads the whole request makes any turn as long as the conversation: this is told in milliseconds.
The peer (``dataknobs-llm``) makes its thousand turns in a process of its own, with its own manager, its storage on its
in-memory database and its Echo provider; it needs minutes. Ours are made in the same way: once, in a process of their own.
How long storage holds the event loop, and full-text search, are the matter of ``bench_store.py``.

Ends with status 1 if a turn at node 100,000 costs more than 1.2 times one at node 100, with or without middleware, the
first turn there takes 2 seconds in all (5 with redaction, 8 if tokens are counted) or holds the event loop for 10 ms
(30 behind those), a turn whose model reads all takes 0.1 seconds (0.3 behind redaction), 5,000 turns on SQLite take 10
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
from collections.abc import Callable, Sequence
from pathlib import Path

from dknb.conversations import (
    BudgetMiddleware,
    CacheMiddleware,
    ConversationManager,
    ConversationMiddleware,
    ConversationNode,
    ConversationState,
    ConversationStorage,
    MemoryConversationStorage,
    RedactionMiddleware,
    SQLConversationStorage,
    Tree,
)
from dknb.llm import EchoProvider, LLMConfig, LLMMessage, LLMResponse
from dknb.llm.request import ModelRequest

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


async def filled(storage: ConversationStorage, depth: int, beside: str = "") -> str:
    """The name of a new conversation of ``depth`` messages in a row, of which every tenth has an address."""
    tip = tree = Tree(ConversationNode(LLMMessage("system", "You are helpful.")))
    for number in range(depth):
        role = "assistant" if number % 2 else "user"
        whom = "" if number % 10 else f" with reader{number % 1_000}@example.org"
        tip = tip.add_child(ConversationNode(LLMMessage(role, f"message {number} of a long conversation{whom}")))
    state = ConversationState(f"depth-{depth}{beside}", tree)
    state.move(tip, "main")
    await storage.create_conversation(state)
    return state.conversation_id


class LastWord(ConversationMiddleware):
    """Looks at the last message and at the answer."""

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        assert messages[-1].content
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        return response


async def resumed(
    storage: ConversationStorage, name: str, middleware: Sequence[ConversationMiddleware] = ()
) -> ConversationManager:
    return await ConversationManager.resume(name, EchoProvider("echo"), None, storage, middleware)


async def first_turn(manager: ConversationManager) -> tuple[float, float]:
    """Seconds of a turn, and the longest that the event loop was held meanwhile."""
    held = 0.0

    async def watch() -> None:
        nonlocal held
        while True:
            since = time.perf_counter()
            await asyncio.sleep(0)
            held = max(held, time.perf_counter() - since)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    started = time.perf_counter()
    await turn(manager)
    seconds = time.perf_counter() - started
    await asyncio.sleep(0)  # it may not have had its turn yet
    watching.cancel()
    return seconds, held


async def compare(
    storage: ConversationStorage,
    name: str,
    conversations: Sequence[str],
    middleware: Callable[[], Sequence[ConversationMiddleware]] = tuple,
    most: float = 2,
    longest: float = 10,
) -> None:
    """Turns of a shallow and of a deep conversation, in alternating blocks.

    The first of the deep one, the best of three openings, may take ``most`` seconds and hold the loop ``longest`` ms.
    """
    managers = [await resumed(storage, conversation, middleware()) for conversation in conversations]
    shallow, deep = (manager.state.current.depth for manager in managers)
    first = []
    for _ in range(3):
        managers[1] = await resumed(storage, conversations[1], middleware())
        first.append(await first_turn(managers[1]))
    check(f"{name}: first turn after opening {deep:,} nodes", min(seconds for seconds, _ in first), most, "s")
    check("    in which the event loop was held for at most", min(held for _, held in first) * 1000, longest, "ms")
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
    check(f"{name}: turn at node {deep:,} / {shallow:,} ({low * 1000:.3f} ms)", high / low, 1.2, "x")


async def compare_depths(storage: ConversationStorage, name: str) -> None:
    """Turns at node 100 and at node 100,000, without and with a middleware."""
    conversations = [await filled(storage, depth) for depth in (100, 100_000)]
    await compare(storage, name, conversations)
    await compare(storage, f"{name}, middleware", conversations, lambda: [LastWord()])


class Reading(EchoProvider):
    """Reads all of its request, as a model does that has to send it."""

    async def _complete(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        assert all([message.role for message in request.full_messages()])
        return await super()._complete(request, config)


async def compare_middleware(storage: ConversationStorage) -> None:
    """Those that look at all that was said, at both depths; and what reading all of the request costs."""
    deep = f"depth-{100_000}"
    makers: dict[str, tuple[Callable[[], ConversationMiddleware], float]] = {
        "redaction": (RedactionMiddleware, 5),
        "cache": (CacheMiddleware, 3),
        "budget in dollars": (lambda: BudgetMiddleware(limit_usd=1e9), 8),
        "budget in tokens": (lambda: BudgetMiddleware(limit_tokens=10**15), 8),
    }
    for name, (make, most) in makers.items():
        shallow = await filled(storage, 100, f" {name}")
        await compare(storage, name, [shallow, deep], lambda make=make: [make()], most, 30)
    for name, several, limit in (("", [], 0.1), (" behind redaction", [RedactionMiddleware()], 0.3)):
        manager = await ConversationManager.resume(deep, Reading("echo"), None, storage, several)
        await turn(manager)
        times = []
        for _ in range(5):
            started = time.perf_counter()
            await turn(manager)
            times.append(time.perf_counter() - started)
        check(f"turn at node {manager.state.current.depth:,}, read{name}", statistics.median(times), limit, "s")


async def chain_of_turns(storage: ConversationStorage, turns: int) -> float:
    """Seconds for that many turns of one new conversation."""
    manager = await ConversationManager.create(EchoProvider("echo"), None, storage)
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


def our_seconds(turns: int) -> float:
    """Seconds that we need, on memory."""
    return asyncio.run(chain_of_turns(MemoryConversationStorage(), turns))


def peer_seconds(python: str, turns: int) -> float:
    """Seconds that the peer needs."""
    script = PEER.format(turns=turns, question=QUESTION)
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


async def main(peer: str | None) -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with SQLConversationStorage(Path(folder, "store.db")) as storage:
            await compare_depths(storage, "SQLite")
            check("SQLite: 5,000 turns of one conversation", await chain_of_turns(storage, 5_000), 10, "s")
        await opening(folder)
    storage = MemoryConversationStorage()
    await compare_depths(storage, "memory")
    await compare_middleware(storage)
    paths()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        ours = await asyncio.to_thread(pool.apply, our_seconds, (1_000,))
    print(f"memory: 1,000 turns in {ours:.3f} s")
    if peer is None:
        print("The peer is not compared: give the path of a Python that has dataknobs-llm (--peer).")
    else:
        theirs = await asyncio.to_thread(peer_seconds, peer, 1_000)
        check(f"memory: 1,000 turns, ours / peer's ({theirs:.1f} s), x 300", 300 * ours / theirs, 1.0, "x")
        print(f"{theirs / ours:.0f} times as fast as the peer")
    for what in missed:
        print(f"MISSED: {what}", file=sys.stderr)
    return bool(missed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", metavar="PYTHON", help="a Python that has dataknobs-llm")
    sys.exit(asyncio.run(main(parser.parse_args().peer)))
