"""The log database of simonw/llm, as its versions laid it out."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from dknb.conversations import ConversationState, MemoryConversationStorage, import_conversations
from dknb.conversations.exchange.llm_log import read_log
from dknb.errors import StorageError
from dknb.llm.parts import DocumentPart, ImagePart, TextPart, ToolCall

OLD = """
CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, prompt_json TEXT, options_json TEXT,
  response TEXT, response_json TEXT, conversation_id TEXT, duration_ms INTEGER, datetime_utc TEXT);
"""
MIDDLE = """
ALTER TABLE responses ADD COLUMN input_tokens INTEGER;
ALTER TABLE responses ADD COLUMN output_tokens INTEGER;
CREATE TABLE attachments (id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB);
CREATE TABLE prompt_attachments (response_id TEXT, attachment_id TEXT, "order" INTEGER);
CREATE TABLE fragments (id INTEGER PRIMARY KEY, hash TEXT, content TEXT);
CREATE TABLE prompt_fragments (response_id TEXT, fragment_id INTEGER, "order" INTEGER);
CREATE TABLE system_fragments (response_id TEXT, fragment_id INTEGER, "order" INTEGER);
CREATE TABLE tool_calls (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT, arguments TEXT, tool_call_id TEXT);
CREATE TABLE tool_results (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT, output TEXT,
  tool_call_id TEXT, exception TEXT);
"""
NEW = """
CREATE TABLE fragments (id INTEGER PRIMARY KEY, hash TEXT, content TEXT);
CREATE TABLE attachments (id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB);
CREATE TABLE messages (hash TEXT PRIMARY KEY, parent_hash TEXT, role TEXT, provider_metadata TEXT);
CREATE TABLE parts (id INTEGER PRIMARY KEY, message_hash TEXT, position INTEGER, type TEXT, tool_name TEXT, text TEXT, payload TEXT);
CREATE TABLE part_attachments (part_id INTEGER, attachment_id TEXT, "order" INTEGER);
CREATE TABLE threads (id TEXT PRIMARY KEY, name TEXT, tip_message_hash TEXT, forked_from TEXT, datetime_utc TEXT);
CREATE TABLE turns (id TEXT PRIMARY KEY, thread_id TEXT, parent_message_hash TEXT, tip_message_hash TEXT, model TEXT,
  resolved_model TEXT, options_json TEXT, schema_id TEXT, input_tokens INTEGER, output_tokens INTEGER, token_details TEXT,
  duration_ms INTEGER, datetime_utc TEXT);
"""


def database(path: Path, schema: str, **tables: list[dict[str, Any]]) -> Path:
    """A database with these rows."""
    with sqlite3.connect(path) as connection:
        connection.executescript(schema)
        for table, rows in tables.items():
            for row in rows:
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*row.values()])
    connection.close()
    return path


def texts(state: ConversationState) -> list[tuple[int, str, str]]:
    """Depth, role and text of each node, in walking order."""
    return [(each.depth, each.data.role, each.data.message.content) for each in state.message_tree.walk()]


def response(identity: str, prompt: str, answer: str, second: int = 0, **more: Any) -> dict[str, Any]:
    at = f"2024-01-01T00:00:{second:02}"
    return {"id": identity, "model": "m", "prompt": prompt, "response": answer, "datetime_utc": at, **more}


def test_the_first_tables(tmp_path: Path) -> None:
    """Responses of a conversation follow one another; one without a conversation is one."""
    path = database(
        tmp_path / "logs.db",
        OLD,
        conversations=[{"id": "c1", "name": "greeting", "model": "m"}],
        responses=[
            response("r2", "and?", "more", 2, conversation_id="c1", system="be kind", duration_ms=1500),
            response("r1", "hi", "hello", 1, conversation_id="c1", system="be brief"),
            response("r3", "alone", "yes", 3),
        ],
    )
    first, second = sorted((talk.state for talk in read_log(path)), key=lambda state: state.conversation_id)
    assert texts(first) == [
        (0, "system", "be brief"),
        (1, "user", "hi"),
        (2, "assistant", "hello"),
        (3, "user", "and?"),
        (4, "assistant", "more"),
    ]
    assert first.metadata == {"source": "llm", "name": "greeting", "model": "m"}
    asked, answered = first.current.path()[-2:]
    assert asked.data.metadata == {"system": "be kind"}
    assert answered.data.metadata == {"model": "m", "duration_s": 1.5, "response_id": "r2"}
    assert answered.data.timestamp == datetime(2024, 1, 1, 0, 0, 2, tzinfo=timezone.utc)
    assert (second.conversation_id, texts(second)[1:]) == ("r3", [(1, "user", "alone"), (2, "assistant", "yes")])


def test_attachments_fragments_and_tools(tmp_path: Path) -> None:
    """As the versions before 0.32 kept them; a file that is only named is not read."""
    (tmp_path / "secret.pdf").write_bytes(b"secret")
    path = database(
        tmp_path / "logs.db",
        OLD + MIDDLE,
        responses=[
            response("r1", "look", "", 1, conversation_id="c", input_tokens=3, output_tokens=4),
            response("r2", "", "42", 2, conversation_id="c"),
        ],
        attachments=[
            {"id": "a1", "type": "image/png", "content": b"png"},
            {"id": "a2", "type": "application/pdf", "path": str(tmp_path / "secret.pdf")},
        ],
        prompt_attachments=[{"response_id": "r1", "attachment_id": f"a{n}", "order": n} for n in (2, 1)],
        fragments=[{"id": 1, "content": "a novel"}, {"id": 2, "content": "rules"}],
        prompt_fragments=[{"response_id": "r1", "fragment_id": 1, "order": 0}],
        system_fragments=[{"response_id": "r1", "fragment_id": 2, "order": 0}],
        tool_calls=[
            {"response_id": "r1", "name": "times", "arguments": '{"a": 6}', "tool_call_id": "t1"},
            {"response_id": "r1", "name": "bad", "arguments": "{", "tool_call_id": None},
        ],
        tool_results=[
            {"response_id": "r2", "name": "times", "output": "42", "tool_call_id": "t1", "exception": "E: x"}
        ],
    )
    [talk] = read_log(path)
    asked, called, result, answer = (each.data for each in talk.state.current.path()[1:])
    assert talk.state.message_tree.data.message.content == "rules"
    assert asked.message.parts == [
        TextPart("a novel\nlook"),
        ImagePart(data="cG5n", media_type="image/png"),
        DocumentPart(media_type="application/pdf", name=str(tmp_path / "secret.pdf")),
    ]
    assert called.message.tool_calls == [
        ToolCall("times", {"a": 6}, "t1"),
        ToolCall("bad", {}, None, "{"),
    ]
    assert called.metadata["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert (result.role, result.message.content, result.message.name, result.message.tool_call_id) == (
        "tool",
        "42",
        "times",
        "t1",
    )
    assert result.metadata == {"exception": "E: x"}
    assert answer.message.content == "42"


@pytest.mark.parametrize("table", ["log", "logs"])
def test_the_one_table_before_0_6(tmp_path: Path, table: str) -> None:
    """A chat is what names the same first response."""
    at = "timestamp" if table == "log" else "datetime_utc"
    schema = f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, model TEXT, {at} TEXT, prompt TEXT, system TEXT, response TEXT, chat_id INTEGER);"
    rows = [
        {"id": 1, "prompt": "hi", "response": "hello", "system": "s", at: "2023-05-01T00:00:00"},
        {"id": 2, "prompt": "alone", "response": "yes", at: "2023-05-02T00:00:00"},
        {"id": 3, "prompt": "and?", "response": "more", "chat_id": 1, at: "2023-05-03T00:00:00"},
    ]
    first, second = (talk.state for talk in read_log(database(tmp_path / "logs.db", schema, **{table: rows})))
    assert [text for _, _, text in texts(first)] == ["s", "hi", "hello", "and?", "more"]
    assert [text for _, _, text in texts(second)] == ["", "alone", "yes"]
    assert first.conversation_id == f"llm-{table}-1"
    assert first.created_at == datetime(2023, 5, 1, tzinfo=timezone.utc)


def message(name: str, above: str | None, role: str) -> dict[str, Any]:
    return {"hash": name, "parent_hash": above, "role": role}


def part(owner: str, kind: str, text: str | None = None, position: int = 0, /, **payload: Any) -> dict[str, Any]:
    written = json.dumps(payload) if payload else None
    return {"message_hash": owner, "position": position, "type": kind, "text": text, "payload": written}


def turn(identity: str, thread: str, tip: str, second: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": identity,
        "thread_id": thread,
        "tip_message_hash": tip,
        "datetime_utc": f"2026-01-01T00:00:{second:02}",
        **more,
    }


STORED: dict[str, list[dict[str, Any]]] = {
    "fragments": [{"id": 7, "content": "a novel"}],
    "messages": [
        message("s", None, "system"),
        message("q", "s", "user"),
        message("a", "q", "assistant"),
        message("b", "q", "assistant"),
        message("t", "b", "tool"),
        message("e", "t", "assistant"),
    ],
    "parts": [
        part("s", "text", "be brief"),
        part("q", "text", text_ref=[{"fragment": 7}, {"literal": ": sum it up"}]),
        part("a", "reasoning", "hm"),
        part("a", "text", "short", 1),
        part("b", "tool_call", name="times", arguments={"a": 6}, tool_call_id="t1"),
        part("t", "tool_result", name="times", output="42", tool_call_id="t1"),
        part("t", "tool_result", None, 1, name="more", output="43", tool_call_id="t2"),
        part("e", "text", "42"),
    ],
    "threads": [
        {"id": "th", "name": "sums", "tip_message_hash": "e", "datetime_utc": "2026-01-01T00:00:00"},
        {"id": "empty", "tip_message_hash": None, "datetime_utc": "2026-01-01T00:00:00"},
    ],
    "turns": [
        turn("u1", "th", "a", 1, model="m", input_tokens=3),
        turn("u2", "th", "b", 2, model="m"),
        turn("u3", "th", "e", 3, model="m", resolved_model="m-2026"),
    ],
}


def test_the_message_store(tmp_path: Path) -> None:
    """Two answers at one place are siblings; fragments are put together; each result of a tool is a message."""
    [talk] = read_log(database(tmp_path / "logs.db", NEW, **STORED))
    state = talk.state
    assert texts(state) == [
        (0, "system", "be brief"),
        (1, "user", "a novel: sum it up"),
        (2, "assistant", "short"),
        (2, "assistant", ""),
        (3, "tool", "42"),
        (4, "tool", "43"),
        (5, "assistant", "42"),
    ]
    assert (state.conversation_id, state.current_node_id) == ("th", "0.1.0.0.0")
    assert state.metadata == {"source": "llm", "name": "sums"}
    first, second = state.message_tree.children[0].children
    assert first.data.message.reasoning == "hm"
    assert first.data.metadata == {"model": "m", "response_id": "u1", "usage": {"prompt_tokens": 3, "total_tokens": 3}}
    assert second.data.message.tool_calls == [ToolCall("times", {"a": 6}, "t1")]
    assert second.children[0].data.message.tool_call_id == "t1"
    assert state.current.data.metadata["model"] == "m-2026"


def test_a_system_prompt_that_changed(tmp_path: Path) -> None:
    """Then there are two beginnings, below an empty root."""
    rows = {
        "messages": [
            message("s", None, "system"),
            message("q", "s", "user"),
            message("z", None, "system"),
            message("r", "z", "user"),
        ],
        "parts": [part(name, "text", f"text {name}") for name in "sqzr"],
        "threads": [{"id": "th", "tip_message_hash": "r"}],
        "turns": [turn("u1", "th", "q", 1), turn("u2", "th", "r", 2)],
    }
    [talk] = read_log(database(tmp_path / "logs.db", NEW, **rows))
    assert texts(talk.state) == [
        (0, "system", ""),
        (1, "system", "text s"),
        (2, "user", "text q"),
        (1, "system", "text z"),
        (2, "user", "text r"),
    ]


def test_old_and_new_tables_together(tmp_path: Path) -> None:
    """What the new ones have is not read twice; what only the old ones have is there too."""
    path = database(
        tmp_path / "logs.db",
        OLD + NEW,
        responses=[
            response("u1", "x", "short", 1, conversation_id="th"),
            response("r0", "x", "short", 0, conversation_id="th"),
            response("r1", "older", "lost?", 0, conversation_id="other"),
        ],
        **STORED,
    )
    assert [talk.state.conversation_id for talk in read_log(path)] == ["th", "other"]
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE responses SET response = 'only here' WHERE id = 'r0'")
    connection.close()
    assert [talk.state.conversation_id for talk in read_log(path)] == ["th", "th (older)", "other"]


async def test_a_log_is_imported_and_not_changed(tmp_path: Path) -> None:
    """It is known by its first bytes; a second import adds nothing."""
    path = database(tmp_path / "logs.db", NEW, **STORED)
    before = path.read_bytes()
    storage = MemoryConversationStorage()
    assert (await import_conversations(storage, path)).added == ["th"]
    assert (await import_conversations(storage, path)).present == ["th"]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE messages SET parent_hash = 'e' WHERE hash = 's'", "in a circle"),
        ("DELETE FROM messages WHERE hash = 'q'", "'q' is not there"),
        ("UPDATE threads SET tip_message_hash = 'gone'", "'gone' is not there"),
        ("DROP TABLE threads", "no table of responses"),
        ("ALTER TABLE parts RENAME COLUMN position TO place", "cannot be read as a log of llm"),
    ],
)
async def test_a_broken_log_is_refused(tmp_path: Path, change: str, what: str) -> None:
    """The error says what is wrong, and nothing is imported."""
    path = database(tmp_path / "logs.db", NEW, **STORED)
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()
    storage = MemoryConversationStorage()
    with pytest.raises(StorageError, match=what):
        await import_conversations(storage, path)
    assert await storage.list_conversations() == []


WRITER = """
import sys, llm, sqlite_utils

class Fake(llm.Model):
    model_id = "fake"
    can_stream = False
    supports_tools = True
    attachment_types = {"image/png"}
    def execute(self, prompt, stream, response, conversation):
        response.set_usage(input=3, output=2)
        yield "re: " + (prompt.prompt or "nothing")

db = sqlite_utils.Database(sys.argv[1])
talk = Fake().conversation()
for number, text in enumerate(["hi", "and then?"]):
    response = talk.prompt(text, system="be brief")
    response.text()
    response.log_to_db(db)
"""


def test_a_log_of_the_real_tool(tmp_path: Path) -> None:
    """Whatever version is installed writes one, with a model of our own and no network."""
    if not (python := os.environ.get("DKNB_LLM_PYTHON")):
        pytest.skip("set DKNB_LLM_PYTHON to a Python in which simonw/llm is installed")
    (tmp_path / "write.py").write_text(WRITER, encoding="utf-8")
    command = [python, str(tmp_path / "write.py"), str(tmp_path / "logs.db")]
    subprocess.run(command, check=True, env={"LLM_USER_PATH": str(tmp_path), "PATH": ""}, timeout=60)
    [talk] = read_log(tmp_path / "logs.db")
    assert texts(talk.state) == [
        (0, "system", "be brief"),
        (1, "user", "hi"),
        (2, "assistant", "re: hi"),
        (3, "user", "and then?"),
        (4, "assistant", "re: and then?"),
    ]
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert [each.data.metadata["usage"] for each in talk.state.current.path() if each.data.role == "assistant"] == [
        usage
    ] * 2
