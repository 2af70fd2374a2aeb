"""The message store of llm 0.32 and later: messages that name the one before them, and turns that name their last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ....llm.messages import LLMMessage
from ....llm.parts import Part, RawPart, ReasoningPart, TextPart, ToolCall
from ...node import ConversationNode
from ...state import ConversationState
from ...tree import Tree
from ..talk import ImportedTalk, new_talk
from .database import LogDatabase, Row, attachment_of, parsed, text_of, time_of, usage_of

__all__ = ["read_threads"]

NodeTree = Tree[ConversationNode]


def read_threads(log: LogDatabase) -> Iterator[ImportedTalk]:
    """A conversation for each thread; what two of its turns answered at one place are siblings."""
    if not {"threads", "turns", "messages", "parts"} <= log.tables:
        return
    for thread in log.rows("SELECT * FROM threads ORDER BY datetime_utc, rowid"):
        turns = log.rows("SELECT * FROM turns WHERE thread_id = ? ORDER BY datetime_utc, rowid", thread["id"])
        if (state := _Thread(log, thread, turns).grown()) is not None:
            yield ImportedTalk(state)


class _Thread:
    """The tree of one thread, message by message."""

    def __init__(self, log: LogDatabase, thread: Row, turns: list[dict[str, Any]]) -> None:
        self._log = log
        self._thread = thread
        self._turns = [turn for turn in turns if turn["tip_message_hash"] is not None]
        self._at = time_of(turns[0] if turns else thread, "datetime_utc")
        self._said: dict[str, tuple[Row, datetime]] = {}
        self._ends: dict[str, NodeTree] = {}

    def grown(self) -> ConversationState | None:
        """The conversation; None if nothing was said."""
        for turn in self._turns:
            self._gather(turn["tip_message_hash"], time_of(turn, "datetime_utc"))
        if (tip := self._thread["tip_message_hash"]) is not None:
            self._gather(tip, self._at)
        if not self._said:
            return None
        self._hang_all()
        for turn in self._turns:
            self._ends[turn["tip_message_hash"]].data.metadata.update(usage_of(turn))
        last = self._ends[tip] if tip is not None else list(self._ends.values())[-1]
        told = {key: text_of(self._thread, key) for key in ("name", "forked_from")}
        metadata = {"source": "llm", **{key: value for key, value in told.items() if value}}
        return new_talk(str(self._thread["id"]), last.root, last, self._at, metadata)

    def _gather(self, tip: str, at: datetime) -> None:
        """Note the message ``tip`` and those above it that are not noted yet, from the top."""
        chain: dict[str, Row] = {}
        wanted: str | None = tip
        while wanted is not None and wanted not in self._said:
            found = self._log.of("messages", "hash", wanted)
            if not found or wanted in chain:
                raise ValueError(f"the message {wanted!r:.80} is not there, or goes in a circle")
            chain[wanted] = found[0]
            wanted = found[0]["parent_hash"]
        for name, row in reversed(chain.items()):
            self._said[name] = (row, at)

    def _hang_all(self) -> None:
        """Make the tree. A system prompt that all begins with is its root; otherwise the root is empty."""
        tops = [row for row, _ in self._said.values() if row["parent_hash"] is None]
        root = Tree(ConversationNode(LLMMessage("system", ""), timestamp=self._at))
        for name, (row, at) in self._said.items():
            messages = [*_messages(self._log, row)]
            if len(tops) == 1 and row is tops[0] and [each.role for each in messages] == ["system"]:
                root = Tree(ConversationNode(messages.pop(), timestamp=at))
            end = root if row["parent_hash"] is None else self._ends[row["parent_hash"]]
            for message in messages:
                end = end.add_child(ConversationNode(message, timestamp=at))
            self._ends[name] = end


def _messages(log: LogDatabase, row: Row) -> Iterator[LLMMessage]:
    """A message of the store as ours: each result of a tool is a message of its own."""
    parts: list[Part] = []
    for part in log.rows("SELECT * FROM parts WHERE message_hash = ? ORDER BY position", row["hash"]):
        payload = parsed(part["payload"])
        payload = payload if isinstance(payload, dict) else {}
        attached = [attachment_of(one) for one in log.linked(*_ATTACHED, part["id"])]
        text = _text(log, part, payload)
        if part["type"] == "tool_result":
            yield _result(payload, attached)
        else:
            parts += _parts(part, payload, text, attached)
    if parts:
        yield _message(text_of(row, "role") or "user", parts)


_ATTACHED = ("part_attachments", "attachment_id", "attachments", "part_id")


def _text(log: LogDatabase, part: Row, payload: Mapping[str, Any]) -> str:
    """The text of a part, with the fragments that it borrows."""
    pieces = payload.get("text_ref")
    if not isinstance(pieces, list):
        return text_of(part, "text") or text_of(payload, "text")
    return "".join(_piece(log, piece) for piece in pieces if isinstance(piece, dict))


def _piece(log: LogDatabase, piece: Mapping[str, Any]) -> str:
    if "literal" in piece:
        return text_of(piece, "literal")
    found = log.of("fragments", "id", piece["fragment"]) if isinstance(piece.get("fragment"), int) else []
    return text_of(found[0], "content") if found else ""


def _parts(part: Row, payload: Mapping[str, Any], text: str, attached: list[Any]) -> list[Part]:
    if part["type"] == "text":
        return [TextPart(text)]
    if part["type"] == "reasoning":
        return [ReasoningPart(text)]
    if part["type"] == "attachment":
        return attached
    if part["type"] == "tool_call":
        given = payload.get("arguments")
        identity = text_of(payload, "tool_call_id") or None
        return [ToolCall(text_of(payload, "name"), given if isinstance(given, dict) else {}, identity)]
    return [RawPart({"type": text_of(part, "type"), "text": text, **payload})]


def _result(payload: Mapping[str, Any], attached: list[Any]) -> LLMMessage:
    message = LLMMessage("tool", text_of(payload, "output"))
    message.name = text_of(payload, "name") or None
    message.tool_call_id = text_of(payload, "tool_call_id") or None
    if attached:
        message.parts = [TextPart(message.content), *attached]
    if failed := text_of(payload, "exception"):
        message.metadata["exception"] = failed
    return message


def _message(role: str, parts: list[Part]) -> LLMMessage:
    """A message of parts; without parts where text, thoughts and calls in their usual order say all of it."""
    message = LLMMessage(role, list(parts))  # type: ignore[arg-type]  # a list of parts is taken, as its class says
    order = [("reasoning", "text", "tool_call").index(part.type) if part.type in _USUAL else 9 for part in parts]
    if 9 not in order and order == sorted(order) and order.count(1) <= 1:
        message.parts = []
    return message


_USUAL = ("reasoning", "text", "tool_call")
