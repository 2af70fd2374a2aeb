"""Processes that are killed at any moment of a turn, a hundred times, while an answer streams."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dknb.conversations import ConversationState, SQLConversationStorage

#: Imports everything once; then, for each round, forks a child that talks, kills it at a random moment, and looks whether
#: the store is sound. Prints what the children told, one list a round. A child tells what is stored, after it is.
NURSERY = """
import asyncio, json, os, random, signal, sqlite3, sys, time
from contextlib import closing
import sqlalchemy, sqlalchemy.dialects.sqlite
from dknb.conversations import *
from dknb.conversations.node import OPEN
from dknb.conversations.sql import _rows, versions
from dknb.llm.messages import LLMMessage

def says(role, text, state="complete"):
    return ConversationNode(LLMMessage(role, text), state=state)

async def talk(path, name, tell):
    storage = SQLConversationStorage(path)
    state = await storage.load_conversation("talk")
    for number in range(100_000):
        question = f"{name}-{number}"
        [asked] = await storage.append(state, Step(state.current, [says("user", question)], "main"))
        tell("asked", question, question)
        [answer] = await storage.append(state, Step(asked, [says("assistant", question, OPEN)], "main"))
        text = question
        for piece in range(4):
            text += f" word{piece}"
            await storage.amend(state, Amendment(answer, says("assistant", text, OPEN)))
            tell("checkpoint", question, text)
        await storage.amend(state, Amendment(answer, says("assistant", text + " end"), CallRecord("talk", model=question)))
        tell("answered", question, text + " end")

def child(path, name, pipe):
    asyncio.run(talk(path, name, lambda *what: os.write(pipe, (json.dumps(what) + "\\n").encode())))

def round_(path, name):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            child(path, name, writer)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        first = pipe.readline()
        time.sleep(random.uniform(0, 0.06))
        os.kill(pid, signal.SIGKILL)
        lines = [first, *pipe.read().splitlines(keepends=True)]
    os.waitpid(pid, 0)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return [json.loads(line) for line in lines if line.endswith(b"\\n")]

for number in range(int(sys.argv[2])):
    print(json.dumps(round_(sys.argv[1], f"r{number}")), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_moment_loses_nothing_that_was_told(tmp_path: Path) -> None:
    """All that was told as stored is there; a cut answer up to its last checkpoint at least, marked incomplete."""
    path = tmp_path / "store.db"
    asyncio.run(begin(path))
    done = subprocess.run(
        [sys.executable, "-c", NURSERY, str(path), "100"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == 100
    state = asyncio.run(load(path))
    there = {(node.data.role, node.data.message.content.split(" ")[0]): node.data for node in state.stored}
    assert len(there) == len(state.stored)
    cut = 0
    for told in rounds:
        for what, question, text in told:
            node = there["user" if what == "asked" else "assistant", question]
            assert node.message.content.startswith(text)
            assert node.state == "complete" or what != "answered"
        cut += what != "answered" and node.state == "incomplete"
    assert cut > 10  # some children were killed between two checkpoints, and what they had told of the answer is there
    calls = asyncio.run(calls_of(path))
    finished = [node for node in state.stored if node.data.role == "assistant" and node.data.state == "complete"]
    assert sorted(calls) == sorted(node.data.message.content.split(" ")[0] for node in finished)


async def begin(path: Path) -> None:
    from conversations_help import stored

    async with SQLConversationStorage(path) as storage:
        await stored(storage, "talk", length=0)


async def load(path: Path) -> ConversationState:
    async with SQLConversationStorage(path) as storage:
        state = await storage.load_conversation("talk")
    assert state is not None
    return state


async def calls_of(path: Path) -> list[str | None]:
    async with SQLConversationStorage(path) as storage:
        return [call.model for call in await storage.list_calls("talk")]
