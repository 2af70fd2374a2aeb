"""The tables of llm before 0.32: a row for each response, with its prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ....llm.messages import LLMMessage
from ....llm.parts import Part, TextPart, ToolCall
from ...node import ConversationNode
from ...tree import Tree
from ..talk import ImportedTalk, new_talk
from .database import LogDatabase, Row, attachment_of, parsed, text_of, time_of, usage_of

__all__ = ["read_responses"]

NodeTree = Tree[ConversationNode]


def read_responses(log: LogDatabase, known: frozenset[str]) -> Iterator[ImportedTalk]:
    """The conversations of the older tables, but for the responses that are ``known`` from the newer ones."""
    if "responses" in log.tables:
        named = _conversations(log)
        for name, rows in _by_conversation(log, known):
            yield ImportedTalk(_talk(log, name, rows, named.get(name, {})))
    for table in ("logs", "log"):  # before 0.6
        if table in log.tables:
            yield from _oldest(log, table)


def _conversations(log: LogDatabase) -> dict[Any, Row]:
    if "conversations" not in log.tables:
        return {}
    return {row["id"]: row for row in log.rows("SELECT * FROM conversations")}


def _by_conversation(log: LogDatabase, known: frozenset[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    columns = {row["name"] for row in log.rows("PRAGMA table_info(responses)")}
    identity = "coalesce(conversation_id, id)" if "conversation_id" in columns else "id"
    order = "datetime_utc, rowid" if "datetime_utc" in columns else "rowid"
    names = log.rows(f"SELECT {identity} AS name FROM responses GROUP BY 1 ORDER BY min(rowid)")
    for each in names:
        rows = log.rows(f"SELECT * FROM responses WHERE {identity} = ? ORDER BY {order}", each["name"])
        if new := [row for row in rows if row["id"] not in known]:
            yield str(each["name"]), new


def _talk(log: LogDatabase, name: str, rows: Sequence[Row], conversation: Row) -> Any:
    systems = [_system(log, row) for row in rows]
    at = time_of(rows[0], "datetime_utc")
    end: NodeTree = Tree(ConversationNode(LLMMessage("system", systems[0]), timestamp=at))
    for row, system in zip(rows, systems, strict=True):
        for node in _turn(log, row):
            if system != systems[0] and node.role == "user":
                node.metadata["system"] = system
            end = end.add_child(node)
    metadata = {"source": "llm", "name": text_of(conversation, "name"), "model": text_of(conversation, "model")}
    return new_talk(name, end.root, end, at, {key: value for key, value in metadata.items() if value})


def _system(log: LogDatabase, row: Row) -> str:
    pieces = [text_of(one, "content") for one in log.linked(*_FRAGMENTS_OF_SYSTEM, row["id"])]
    return "\n\n".join(piece for piece in (*pieces, text_of(row, "system")) if piece)


_FRAGMENTS_OF_SYSTEM = ("system_fragments", "fragment_id", "fragments", "response_id")
_FRAGMENTS = ("prompt_fragments", "fragment_id", "fragments", "response_id")
_ATTACHMENTS = ("prompt_attachments", "attachment_id", "attachments", "response_id")
_TOOL_ATTACHMENTS = ("tool_results_attachments", "attachment_id", "attachments", "tool_result_id")


def _turn(log: LogDatabase, row: Row) -> Iterator[ConversationNode]:
    at, identity = time_of(row, "datetime_utc", "timestamp_utc", "timestamp"), row["id"]
    for result in log.of("tool_results", "response_id", identity):
        attached = [attachment_of(one) for one in log.linked(*_TOOL_ATTACHMENTS, result["id"])]
        message = _message("tool", text_of(result, "output"), attached)
        message.name = text_of(result, "name") or None
        message.tool_call_id = text_of(result, "tool_call_id") or None
        failed = text_of(result, "exception")
        yield ConversationNode(message, timestamp=at, metadata={"exception": failed} if failed else {})
    pieces = [text_of(one, "content") for one in log.linked(*_FRAGMENTS, identity)]
    prompt = "\n".join((*pieces, *([text] if (text := text_of(row, "prompt")) else [])))
    attachments = [attachment_of(one) for one in log.linked(*_ATTACHMENTS, identity)]
    if prompt or attachments:
        yield ConversationNode(_message("user", prompt, attachments), timestamp=at)
    answer = LLMMessage("assistant", text_of(row, "response"), reasoning=text_of(row, "reasoning") or None)
    answer.tool_calls = [_call(call) for call in log.of("tool_calls", "response_id", identity)]
    yield ConversationNode(answer, timestamp=at, metadata=usage_of(row))


def _message(role: str, text: str, attachments: Sequence[Part]) -> LLMMessage:
    message = LLMMessage(role, text)
    if attachments:
        message.parts = [*([TextPart(text)] if text else []), *attachments]
    return message


def _call(row: Row) -> ToolCall:
    given = parsed(row.get("arguments"))
    arguments, written = (given, None) if isinstance(given, dict) else ({}, text_of(row, "arguments") or None)
    return ToolCall(text_of(row, "name"), arguments, text_of(row, "tool_call_id") or None, written)


def _oldest(log: LogDatabase, table: str) -> Iterator[ImportedTalk]:
    """The one table of the first versions: a row for each response, that names the first of its chat."""
    columns = {row["name"] for row in log.rows(f"PRAGMA table_info({table})")}
    numbered = "id" if "id" in columns else "rowid AS id"
    rows = log.rows(f"SELECT *, {numbered} FROM {table} ORDER BY rowid")
    chats: dict[Any, list[Row]] = {}
    for row in rows:
        first = row.get("chat_id")
        chats.setdefault(row["id"] if first is None else first, []).append(row)
    for first, chat in chats.items():
        at = time_of(chat[0], "datetime_utc", "timestamp_utc", "timestamp")
        end: NodeTree = Tree(ConversationNode(LLMMessage("system", text_of(chat[0], "system")), timestamp=at))
        for each in chat:
            said = time_of(each, "datetime_utc", "timestamp_utc", "timestamp")
            end = end.add_child(ConversationNode(LLMMessage("user", text_of(each, "prompt")), timestamp=said))
            answer = LLMMessage("assistant", text_of(each, "response"))
            end = end.add_child(ConversationNode(answer, timestamp=said, metadata=usage_of(each)))
        yield ImportedTalk(new_talk(f"llm-{table}-{first}", end.root, end, at, {"source": "llm"}))
