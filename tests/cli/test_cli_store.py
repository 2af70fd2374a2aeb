"""`dknb store`: out of a store and back, whether it is sound, and making it compact."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dknb.cli import main
from dknb.conversations import (
    CallRecord,
    Change,
    ConversationManager,
    ConversationState,
    Query,
    SQLConversationStorage,
)
from dknb.llm import EchoProvider


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with two conversations that have what a conversation can have."""
    path = tmp_path / "store.db"
    asyncio.run(fill(path))
    return path


async def fill(path: Path) -> None:
    async with SQLConversationStorage(path) as storage:
        for name in ("talk", "'; DROP TABLE nodes; --"):
            manager = await ConversationManager.create(
                EchoProvider("echo"), None, storage, conversation_id=name, metadata={"topic": name}
            )
            await manager.add_message(content=f"What of NUL \0 and \ud800 in {name}?", cell="c1")
            await manager.complete()
            await manager.create_branch("side", at="0")
            await manager.complete(branch_name="other")
            await storage.update(manager.state, Change(label=[(manager.state.stored[1], "good")]))
            await storage.update(manager.state, Change(hide=[manager.state.stored[2]]))
        await storage.record_call(CallRecord(model="alone"))


async def everything(path: Path) -> tuple[list[object], list[CallRecord]]:
    async with SQLConversationStorage(path) as storage:
        names = [each["conversation_id"] for each in await storage.list_conversations()]
        states = [await storage.load_conversation(name) for name in sorted(names)]
        return [facts(state) for state in states if state is not None], await storage.list_calls()


NODE_FACTS = ("metadata", "timestamp", "labels", "deletion", "state", "cell", "session")


def facts(state: ConversationState) -> object:
    nodes = [
        [node.data.node_id, node.data.message.to_dict(), *(getattr(node.data, name) for name in NODE_FACTS)]
        for node in state.stored
    ]
    branches = [(branch.name, branch.head.data.node_id, branch.updated_at) for branch in state.branches.values()]
    times = (state.created_at, state.updated_at)
    return state.conversation_id, nodes, branches, state.current_node_id, state.metadata, times, state.revision


def run(*words: object) -> int:
    return main(["store", *(str(word) for word in words)])


def test_what_is_exported_is_imported_whole(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every node, branch, label, deletion, time and row of the ledger; and a second import adds nothing."""
    file, other = tmp_path / "out.jsonl", tmp_path / "other.db"
    assert run("export", file, "--store", store) == 0
    assert "exported 2 conversations with 8 nodes" in capsys.readouterr().out
    assert run("import", file, "--store", other) == 0
    assert "imported 2 conversations, 5 rows of the ledger" in capsys.readouterr().out
    assert asyncio.run(everything(other)) == asyncio.run(everything(store))
    assert run("import", file, "--store", other) == 0
    assert "there already, just the same: 2 conversations" in capsys.readouterr().out
    assert asyncio.run(everything(other)) == asyncio.run(everything(store))
    assert run("check", "--store", other) == 0
    assert asyncio.run(found(other, "nul")) == 2


async def found(path: Path, text: str) -> int:
    async with SQLConversationStorage(path) as storage:
        return len(await storage.search(Query(text, role="user")))


def test_one_conversation_goes_to_standard_output(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line is JSON; what was done is told beside it."""
    assert run("export", "--conversation", "talk", "--store", store) == 0
    shown = capsys.readouterr()
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert [next(iter(line)) for line in lines] == ["format", "conversation", *["node"] * 4, *["call"] * 2, "end"]
    assert shown.err == "exported 1 conversation with 4 nodes\n"
    assert run("export", "--conversation", "tolk", "--store", store) == 1
    assert "no conversation 'tolk'" in capsys.readouterr().err


def test_a_taken_name_is_refused_or_changed(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another conversation of the same name is never touched; nothing is imported unless all can be."""
    file = tmp_path / "out.jsonl"
    run("export", file, "--store", store)
    other = tmp_path / "other.db"
    asyncio.run(begin(other, "talk"))
    assert run("import", file, "--store", other) == 1
    assert "another conversation 'talk'" in capsys.readouterr().err
    assert asyncio.run(names(other)) == ["talk"]
    assert run("import", file, "--store", other, "--rename") == 0
    assert asyncio.run(names(other)) == ["'; DROP TABLE nodes; --", "talk", "talk (2)"]


async def begin(path: Path, name: str) -> None:
    async with SQLConversationStorage(path) as storage:
        await ConversationManager.create(EchoProvider("echo"), None, storage, conversation_id=name)


async def names(path: Path) -> list[str]:
    async with SQLConversationStorage(path) as storage:
        return sorted(each["conversation_id"] for each in await storage.list_conversations())


def test_a_file_is_not_overwritten(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And one that could not be finished is not left behind."""
    file = tmp_path / "out.jsonl"
    file.write_text("mine")
    assert run("export", file, "--store", store) == 1
    assert file.read_text() == "mine"
    assert run("export", tmp_path / "new", "--conversation", "nobody", "--store", store) == 1
    assert not (tmp_path / "new").exists()
    assert run("export", tmp_path / "no" / "folder", "--store", store) == 1
    assert "cannot be written" in capsys.readouterr().err


def changed(lines: list[str], number: int, **values: object) -> list[str]:
    """The lines, with other values in one of them."""
    number %= len(lines)
    line = json.loads(lines[number])
    next(iter(line.values())).update(values)
    return [*lines[:number], json.dumps(line), *lines[number + 1 :]]


# Lines 2 to 5 are the nodes of the first conversation.
DAMAGE: dict[str, Callable[[list[str]], list[str]]] = {
    "cut short": lambda lines: lines[:-1],
    "cut in a line": lambda lines: [*lines[:-1], lines[-1][:5]],
    "a line is missing": lambda lines: [*lines[:5], *lines[6:]],
    "no header": lambda lines: lines[1:],
    "no JSON": lambda lines: [lines[0], "what?", *lines[1:]],
    "empty": lambda lines: [],
    "a list": lambda lines: ["[1, 2]"],
    "a node before any conversation": lambda lines: [lines[0], lines[2], *lines[1:]],
    "parent after its child": lambda lines: changed(lines, 3, parent_seq=3),
    "no parent": lambda lines: changed(lines, 3, parent_seq=None),
    "a gap between siblings": lambda lines: changed(lines, 4, ordinal=7),
    "number as text": lambda lines: changed(lines, 3, content=5),
    "no time": lambda lines: changed(lines, 3, created_at="yesterday"),
    "a field too many": lambda lines: changed(lines, 3, more=1),
    "a head that is not there": lambda lines: changed(lines, 1, current_seq=99),
    "a name that is none": lambda lines: changed(lines, 1, conversation_id=5),
    "a message that is none": lambda lines: changed(lines, 3, message={"tool_calls": 5}),
    "a message that is a list": lambda lines: changed(lines, 3, message=[]),
    "a message that is a number": lambda lines: changed(lines, 3, message=5),
    "metadata of a node": lambda lines: changed(lines, 3, metadata=5),
    "metadata of a conversation": lambda lines: changed(lines, 1, metadata=5),
    "metadata not a number": lambda lines: changed(lines, 3, metadata={"a": float("nan")}),
    "half a node": lambda lines: changed(lines, 1, current_seq=1.5),
    "a truth for a number": lambda lines: changed(lines, 1, current_seq=True),
    "a number beyond any": lambda lines: changed(lines, 1, revision=10**30),
    "a number below any": lambda lines: changed(lines, 3, hidden=-1),
    "text for a number": lambda lines: changed(lines, 3, hidden="x"),
    "NUL in a name": lambda lines: changed(lines, 1, conversation_id="a\0"),
    "an escape in a name": lambda lines: changed(lines, 1, conversation_id="a\x1b[31m"),
    "a line in a name": lambda lines: changed(lines, 1, conversation_id="a\nb"),
    "no name": lambda lines: changed(lines, 1, conversation_id=""),
    "a long name": lambda lines: changed(lines, 1, conversation_id="x" * 100_000),
    "half a surrogate pair": lambda lines: changed(lines, 3, content="\ud800"),
    "a role that is none": lambda lines: changed(lines, 3, role="<script>"),
    "a state that is none": lambda lines: changed(lines, 3, state="streaming"),
    "a day for a time": lambda lines: changed(lines, 3, created_at="2020-01-01"),
    "a time beyond any": lambda lines: changed(lines, 3, created_at="9999-12-31T23:59:59-12:00"),
    "a branch that is none": lambda lines: changed(lines, 1, current_branch="nobranch"),
    "a label that is none": lambda lines: changed(lines, 3, labels=[5]),
    "a price that is none": lambda lines: changed(lines, -2, cost_usd=[1]),
    "tokens that are none": lambda lines: changed(lines, -2, prompt_tokens=10**30),
    "two branches of a name": lambda lines: changed(
        lines, 1, branches=json.loads(lines[1])["conversation"]["branches"] * 2
    ),
    "too deep": lambda lines: [lines[0], "[" * 100_000, *lines[1:]],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_whole(
    damage: str, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is imported, however much of it was right."""
    file, other = tmp_path / "out.jsonl", tmp_path / "other.db"
    run("export", file, "--store", store)
    file.write_text("\n".join(DAMAGE[damage](file.read_text().splitlines())) + "\n")
    assert run("import", file, "--store", other) == 1
    assert capsys.readouterr().err.startswith("dknb: ")
    assert not other.exists()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"labels": ["mine"]}, "labels"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"current_seq": 0, "current_branch": None}, "position"),
    ],
)
def test_what_differs_only_beside_the_words_is_told(
    change: dict[str, object], what: str, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is left as it is, and not called the same; --rename takes it beside."""
    file = tmp_path / "out.jsonl"
    run("export", file, "--store", store)
    lines = file.read_text().splitlines()
    name = json.loads(lines[1])["conversation"]["conversation_id"]
    file.write_text("\n".join(changed(lines, 2 if what == "labels" else 1, **change)) + "\n")
    capsys.readouterr()
    assert run("import", file, "--store", store) == 0
    shown = capsys.readouterr().out
    assert f"{name!r}: {what}\n" in shown
    assert "just the same: 1 conversation" in shown
    assert run("import", file, "--store", store, "--rename") == 0
    assert repr(f"{name} (2)") in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_under_an_export_is_not_the_stores(store: Path) -> None:
    """What is said names the output; who reads only the beginning (``| head``) is told nothing."""
    program = "import sys; from dknb.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "store", "export", "--store", str(store)]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert "the output cannot be written" in ended.stderr
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_a_newer_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do."""
    file = tmp_path / "new.jsonl"
    file.write_text('{"format": "dknb-store", "version": 2}\n')
    assert run("import", file, "--store", tmp_path / "s.db") == 1
    assert "Update dknb" in capsys.readouterr().err


FLAWS = {
    "UPDATE nodes SET parent_seq = 77 WHERE seq = 3 AND conversation_id = 'talk'": "has no parent",
    "DELETE FROM nodes WHERE seq = 2 AND conversation_id = 'talk'": "should have 4 nodes and has 3",
    "UPDATE nodes SET ordinal = 9 WHERE seq = 3 AND conversation_id = 'talk'": "not numbered one after the other",
    "UPDATE conversations SET current_seq = 50 WHERE id = 'talk'": "was left at node #50",
    "UPDATE branches SET head_seq = 60 WHERE name = 'side'": "'side'",
    "DELETE FROM conversations WHERE id = 'talk'": "a conversation that is not there",
    "INSERT INTO node_text (node_text, rowid, content) VALUES ('delete', 1, '')": "index of words",
    "DROP TRIGGER node_text_changed; UPDATE nodes SET content = 'else'": "index of words",
}


@pytest.mark.parametrize("statement", FLAWS)
def test_what_is_wrong_is_told(statement: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind of flaw in a sentence, and the exit status says that there is one."""
    assert run("check", "--store", store) == 0
    assert capsys.readouterr().out == "the store is sound\n"
    with closing(sqlite3.connect(store)) as raw:
        raw.executescript(statement)
    assert run("check", "--store", store) == 1
    assert FLAWS[statement] in capsys.readouterr().out


def test_vacuum_gives_space_back_and_mends_the_index(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a store that others have open."""
    with closing(sqlite3.connect(store)) as other:
        other.execute("SELECT count(*) FROM nodes").fetchall()
        other.execute("INSERT INTO node_text (node_text, rowid, content) VALUES ('delete', 1, '')")
        other.execute("CREATE TABLE waste (x)")
        other.execute("INSERT INTO waste VALUES (zeroblob(1000000))")
        other.execute("DROP TABLE waste")
        other.commit()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = store.stat().st_size
        assert run("vacuum", "--store", store) == 0
        assert other.execute("SELECT count(*) FROM nodes").fetchone() == (8,)
    assert store.stat().st_size < size - 900_000
    assert run("check", "--store", store) == 0


def test_a_store_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither checked, nor compacted, nor made."""
    path = tmp_path / "no.db"
    out = tmp_path / "out.jsonl"
    for words in (["check"], ["vacuum"], ["export"], ["export", out], ["export", out, "--format", "openai"]):
        assert run(*words, "--store", path) == 1
        assert "There is no store" in capsys.readouterr().err
    assert run("export", out, "--store", f"sqlite:///{path}") == 1
    assert list(tmp_path.iterdir()) == []


def test_standard_input_and_output_have_a_name(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-` is neither a file to make nor one to look for; a pipe is read, although it can be read only once."""
    monkeypatch.chdir(tmp_path)
    assert run("export", "-", "--store", store) == 0
    shown = capsys.readouterr()
    assert shown.err == "exported 2 conversations with 8 nodes\n"
    assert not (tmp_path / "-").exists()
    program = "import sys; from dknb.cli import main; sys.exit(main(sys.argv[1:]))"
    for name in ("-", "/dev/stdin") if Path("/dev/stdin").exists() else ("-",):
        other = tmp_path / f"{len(name)}.db"
        command = [sys.executable, "-c", program, "store", "import", name, "--store", str(other)]
        done = subprocess.run(command, input=shown.out, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert asyncio.run(everything(other)) == asyncio.run(everything(store))


def test_a_wrong_word_is_exit_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    """As for all commands."""
    for words in (["store"], ["store", "explode"], ["store", "import"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 2
