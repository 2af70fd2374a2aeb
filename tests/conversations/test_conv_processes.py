"""Several processes on one conversation, and processes that die in the middle of it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from dknb.conversations import ConversationState, SQLConversationStorage

#: Talks to the conversation ``talk``, made if it is not there, and tells each turn when it is stored.
TALKER = """
import asyncio, sys
from dknb.conversations import ConversationManager, SQLConversationStorage
from dknb.errors import ConversationError
from dknb.llm.messages import LLMResponse

class Echo:
    async def complete(self, messages, **overrides):
        return LLMResponse("re: " + messages[-1].content, cost_usd=0.0)

async def main(path, name, turns):
    storage = SQLConversationStorage(path)
    try:
        manager = await ConversationManager.create(Echo(), None, storage, conversation_id="talk")
    except ConversationError:
        manager = await ConversationManager.resume("talk", Echo(), None, storage)
    for number in range(turns):
        await manager.add_message(content=f"{name} {number}")
        print("asked", name, number, flush=True)
        await manager.complete()
        print("answered", name, number, flush=True)
    await storage.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def talker(path: Path | str, name: str, turns: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", TALKER, str(path), name, str(turns)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


async def open_again(path: Path | str) -> ConversationState:
    async with SQLConversationStorage(path) as storage:
        state = await storage.load_conversation("talk")
    assert state is not None
    return state


def said(state: ConversationState) -> list[str]:
    return [node.data.message.content for node in state.stored[1:]]


def check_shape(state: ConversationState) -> None:
    """Numbers and ordinals have no gaps, and every answer hangs below its question."""
    assert [node.data.seq for node in state.stored] == list(range(len(state.stored)))
    for node in state.stored:
        assert [child.ordinal for child in node.children] == list(range(len(node.children)))
        if node.data.role == "assistant":
            assert node.parent is not None
            assert node.data.message.content == f"re: {node.parent.data.message.content}"


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_eight_processes_lose_nothing_and_repeat_nothing(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Begun at once on a store that is not there yet, 250 turns each: all are there, once, in the same order for all."""
    server = request.getfixturevalue("postgres") if engine == "postgresql" else None
    address = str(tmp_path / "store.db") if server is None else server.url()
    talkers = [talker(address, f"p{number}", 250) for number in range(8)]
    for each in talkers:
        _, errors = each.communicate(timeout=200)
        assert each.returncode == 0, errors
    state = asyncio.run(open_again(address))
    check_shape(state)
    questions = [f"p{process} {number}" for process in range(8) for number in range(250)]
    assert Counter(said(state)) == Counter([*questions, *(f"re: {question}" for question in questions)])
    for process in range(8):
        mine = [text for text in said(state) if text.startswith(f"p{process} ")]
        assert mine == [f"p{process} {number}" for number in range(250)]
    again = asyncio.run(open_again(address))
    assert [node.data.node_id for node in again.stored] == [node.data.node_id for node in state.stored]


def test_what_was_told_before_a_kill_is_there(tmp_path: Path) -> None:
    """A process killed at a random moment has stored what it told; the store is sound, and can be gone on with."""
    path = tmp_path / "store.db"
    dice = random.Random()
    told: list[tuple[str, str]] = []
    for round_ in range(4):
        victim = talker(path, f"r{round_}", 100_000)
        assert victim.stdout is not None
        lines = [victim.stdout.readline()]
        time.sleep(dice.uniform(0.0, 0.15))
        victim.kill()
        lines += victim.stdout.read().splitlines()
        victim.communicate(timeout=60)
        told += [tuple(line.split(" ", 1)) for line in lines if line.count(" ") == 2 and line.split()[-1].isdecimal()]
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    state = asyncio.run(open_again(path))
    check_shape(state)
    there = Counter(said(state))
    assert max(there.values()) == 1
    assert len(told) >= 4
    for what, question in told:
        assert there[question.strip() if what == "asked" else f"re: {question.strip()}"] == 1
