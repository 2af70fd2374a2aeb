"""What the store promises: search over a million messages, opening 100,000, a path 10,000 deep, an event loop that goes on.

    python tests/bench/bench_store.py [--messages 1000000] [--postgres URL]

Each line ends with its limit. ``--postgres`` measures the same on a server, in a schema ``dknb`` that must not be there yet.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TypeVar

from dknb.conversations import (
    Change,
    ConversationNode,
    ConversationState,
    Query,
    SQLConversationStorage,
    Step,
    Tree,
)
from dknb.llm import LLMMessage

T = TypeVar("T")

DICE = random.Random(1)
#: A vocabulary in which the first words are in nearly every message and the last ones in few.
WORDS = [f"word{number}" for number in range(20_000)]
CHUNK = 20_000


async def timed(do: Callable[[], Awaitable[T]]) -> tuple[float, T]:
    """Milliseconds that ``do`` takes, the best of five, and what it gives."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        result = await do()
        best = min(best, time.perf_counter() - started)
    return best * 1000, result


def texts(count: int, first: str = "") -> Iterator[str]:
    for number in range(count):
        rare = [WORDS[int(DICE.paretovariate(0.3)) % len(WORDS)] for _ in range(20)]
        yield f"{first}the {' '.join(rare)} message {number}"


def tree_of(count: int, first: str = "") -> ConversationState:
    tip = tree = Tree(ConversationNode(LLMMessage("system", "You are helpful.")))
    for number, text in enumerate(texts(count, first)):
        tip = tip.add_child(ConversationNode(LLMMessage("assistant" if number % 2 else "user", text)))
    state = ConversationState(f"talk {DICE.random()}", tree)
    state.move(tip, "main")
    return state


async def search(storage: SQLConversationStorage, messages: int) -> None:
    started, middle = time.perf_counter(), datetime.now(timezone.utc)
    for number in range(messages // CHUNK):
        state = tree_of(CHUNK)
        if number == messages // CHUNK // 2:
            middle = datetime.now(timezone.utc)
        await storage.create_conversation(state)
    now = datetime.now(timezone.utc)
    await storage.update(state, Change(label=[(state.current, "one")]))
    deleted = tree_of(CHUNK, "gone ")
    for node in deleted.message_tree.walk():
        node.data.deletion = 0 if node.depth < 50 else 1
    await storage.create_conversation(deleted)
    name = state.conversation_id
    print(f"  {messages:,} messages written in {time.perf_counter() - started:.0f} s")
    queries = {
        "a word in every message": Query("the"),
        "three common words": Query("the word1 message"),
        "a rare word": Query("word19999"),
        "a common and a rare word": Query("the word19998"),
        "one message": Query(f"message {CHUNK - 1}"),
        "no message": Query("nowhere"),
        "in one conversation": Query("the word3", conversation_id=name),
        "of one role": Query("word2 word3", role="user"),
        "of a role that says little": Query("the", role="system"),
        "of a role that says nothing": Query("the", role="tool"),
        "with a label that nothing has": Query("the", labels=["nothing"]),
        "with a label that one has": Query("the", labels=["one"]),
        "since a time to come": Query("the", since=now + timedelta(days=1)),
        "before the first": Query("the", before=now - timedelta(days=9)),
        "before the middle of the writing": Query("the", before=middle),
        "all conditions": Query("the word1", role="user", since=now - timedelta(hours=1), before=middle),
        "deleted ones, too": Query("the", deleted=True),
        "where all but the oldest are deleted": Query("gone"),
    }
    for what, query in queries.items():
        taken, hits = await timed(lambda query=query: storage.search(query))
        print(f"  search, {what}: {len(hits)} hits in {taken:.1f} ms (limit 50)")


async def opening(storage: SQLConversationStorage) -> None:
    state = tree_of(100_000)
    name = state.conversation_id
    await storage.create_conversation(state)
    del state
    taken, state = await timed(lambda: storage.load_conversation(name))
    print(f"  opening 100,001 nodes: {taken / 1000:.3f} s (limit 1)")
    deep = next(node for node in state.stored if node.depth == 10_000)
    started = time.perf_counter()
    deep.path()
    print(f"  path of a node at depth 10,000: {(time.perf_counter() - started) * 1000:.2f} ms (limit 5)")
    taken, path = await timed(lambda: storage.load_path(name, 10_000))
    print(f"  that path out of the store, without the rest: {len(path):,} nodes in {taken:.0f} ms")
    waits = [await longest_wait(lambda: storage.load_conversation(name)) for _ in range(3)]
    print(f"  the event loop meanwhile: longest wait {min(waits):.1f} ms (limit 10)")
    question = ConversationNode(LLMMessage("user", "What is the weakest argument of the text?"))
    waits = [
        await longest_wait(lambda: storage.append(state, Step(state.current, [question.detached()], "main")))
        for _ in range(50)
    ]
    print(f"  the event loop while a message is appended: longest wait {sorted(waits)[25]:.1f} ms (median of 50)")


async def awkward(storage: SQLConversationStorage) -> None:
    """What might halt the event loop, or a turn, though it is done elsewhere."""
    tip = Tree(ConversationNode(LLMMessage("system", "")))
    state = ConversationState("awkward", tip)
    await storage.create_conversation(state)
    # New ones each time: Python keeps the UTF-8 of a text that was written once.
    big = iter([ConversationNode(LLMMessage("user", "hello wörld " * 1_700_000)) for _ in range(3)])
    many = ConversationNode(LLMMessage("user", "x"), metadata={"numbers": list(range(1_000_000))})
    plain = ConversationNode(LLMMessage("user", "hello world " * 1_700_000))
    # The driver makes UTF-8 of a text in one call of C, in which no other thread runs: 2 ms for each MB that is not ASCII.
    cases: dict[str, tuple[Callable[[], Awaitable[object]], int]] = {
        "a message of 20 MB is written": (
            lambda: storage.append(state, Step(state.current, [plain.detached()], "main")),
            20,
        ),
        "one with umlauts is": (lambda: storage.append(state, Step(state.current, [next(big)], "main")), 60),
        "a search finds it": (lambda: storage.search(Query("hello")), 10),
        "a search of another case finds it": (lambda: storage.search(Query("WÖRLD")), 10),
        "metadata of a million numbers are written": (
            lambda: storage.append(state, Step(state.current, [many.detached()], "main")),
            10,
        ),
        "an unknown name is looked for": (lambda: storage.similar("awkwart"), 10),
    }
    for what, (do, limit) in cases.items():
        wait = min([await longest_wait(do) for _ in range(3)])
        print(f"  the event loop while {what}: longest wait, best of 3, {wait:.1f} ms (limit {limit})")
    check = asyncio.create_task(storage.check())
    taken, _ = await timed(lambda: storage.append(state, Step(state.message_tree, [], "main")))
    print(f"  a turn while the store is checked: {taken:.1f} ms (check over meanwhile: {check.done()})")
    await check


async def longest_wait(do: Callable[[], Awaitable[object]]) -> float:
    longest, done = 0.0, asyncio.Event()

    async def beat() -> None:
        nonlocal longest
        last = time.perf_counter()
        while not done.is_set():
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last - 0.001), now

    heart = asyncio.create_task(beat())
    await do()
    done.set()
    await heart
    return longest * 1000


async def memory_of_opening(path: Path) -> None:
    """In a process of its own: what an open conversation of 100,000 nodes takes."""
    program = (
        "import asyncio, pathlib, sys\n"
        "from dknb.conversations import SQLConversationStorage\n"
        "async def main():\n"
        "    async with SQLConversationStorage(sys.argv[1]) as storage:\n"
        "        [name] = [e['conversation_id'] for e in await storage.list_conversations() if e['nodes'] > 50_000]\n"
        "        state = await storage.load_conversation(name)\n"
        "        facts = pathlib.Path('/proc/self/status').read_text()\n"
        "        print(int(facts.split('VmHWM:')[1].split()[0]) // 1024)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(path), stdout=asyncio.subprocess.PIPE
    )
    shown, _ = await process.communicate()
    print(f"  peak memory of a process with 100,001 nodes open: {int(shown):,} MB, all of Python included (limit 200)")


async def main(messages: int, postgres: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store.db")
        for name, address in (("SQLite", str(path)), ("PostgreSQL", postgres)):
            if address is None:
                continue
            print(name)
            async with SQLConversationStorage(address) as storage:
                await opening(storage)
                if name == "SQLite":
                    await memory_of_opening(path)
                await search(storage, messages)
                await awkward(storage)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--postgres", metavar="URL")
    options = parser.parse_args()
    asyncio.run(main(options.messages, options.postgres))
